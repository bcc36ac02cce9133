import { invalid, type PoolRejection } from '../state/transaction.ts';
import { findReveal, type RevealArguments } from './commit-reveal.ts';
import { lastStoredRound } from './drand.ts';
import type { CallContext } from './pallet-context.ts';
import { mechanismIndex } from './subnets.ts';
import type { TimelockedArguments } from './timelocked-weights.ts';
import { hasStakeForWeights, rateLimitPassed } from './weights.ts';

/** `InvalidTransaction::Custom(n)` of the current runtime, by Subtensor's names. */
const CUSTOM_ERRORS = {
  StakeAmountTooLow: 1,
  RateLimitExceeded: 6,
  InvalidRevealRound: 15,
  CommitNotFound: 16,
  CommitBlockNotInRevealRange: 17,
};
type CustomError = keyof typeof CUSTOM_ERRORS;
/** Spec 218 has one of them, under another number. */
const LEGACY_STAKE_TOO_LOW = 3;

interface Subnet {
  netuid: number;
  mecid?: number;
}

/** What the current runtime checks of a call before it is included in a block, besides stake. */
// biome-ignore lint/suspicious/noExplicitAny: arguments were decoded by the types the runtime declares for each call.
const RULES: Record<string, (context: CallContext, args: any) => CustomError | null> = {
  setWeights: rateLimit,
  setMechanismWeights: rateLimit,
  commitWeights: rateLimit,
  commitMechanismWeights: rateLimit,
  revealWeights: revealWindow,
  revealMechanismWeights: revealWindow,
  commitTimelockedWeights: roundThenRateLimit,
  commitTimelockedMechanismWeights: roundThenRateLimit,
};

/**
 * The pool's rejection of a weight call that would fail; `null` for all others. A call that is rejected here is not
 * included and uses no nonce.
 */
export function rejectionOf(context: CallContext, call: string, args: Record<string, unknown>): PoolRejection | null {
  const [pallet, name = ''] = call.split('.');
  const rule = pallet === 'subtensorModule' ? RULES[name] : undefined;
  if (!rule) return null;
  const { storage, signer } = context;
  const hasStake = hasStakeForWeights(storage, (args as unknown as Subnet).netuid, signer);
  if (storage.profile === 'legacy') return hasStake ? null : customError(LEGACY_STAKE_TOO_LOW);
  const error = hasStake ? rule(context, args) : 'StakeAmountTooLow';
  return error && customError(CUSTOM_ERRORS[error]);
}

function customError(code: number): PoolRejection {
  return invalid(`Custom error: ${code}`);
}

/** A hotkey without a uid is left to the call, which has an error for it. */
function rateLimit({ storage, block, signer }: CallContext, { netuid, mecid }: Subnet): CustomError | null {
  const uid = storage.get<number | null>('SubtensorModule.Uids', netuid, signer);
  const index = mechanismIndex(netuid, mecid);
  return uid === null || rateLimitPassed(storage, { netuid, index, uid, block }) ? null : 'RateLimitExceeded';
}

function revealWindow(context: CallContext, args: RevealArguments): CustomError | null {
  const window = findReveal(context, args);
  return window === null ? 'CommitNotFound' : window === 'open' ? null : 'CommitBlockNotInRevealRange';
}

function roundThenRateLimit(context: CallContext, args: TimelockedArguments): CustomError | null {
  return args.revealRound < lastStoredRound(context.storage) ? 'InvalidRevealRound' : rateLimit(context, args);
}
