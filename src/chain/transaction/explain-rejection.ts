import { FlockOffError, isCode } from '../../errors/flock-off-error.ts';
import { METHOD_NOT_FOUND, type RpcError } from '../node/json-rpc-socket.ts';
import { FIXES } from './fixes.ts';

/** RPC 1010 `Custom error: n` of Subtensor from spec 233 on. */
const CUSTOM_CODES: Record<number, string> = Object.fromEntries(
  `ColdkeyInSwapSchedule StakeAmountTooLow BalanceTooLow SubnetNotExists HotkeyAccountDoesntExist
  NotEnoughStakeToWithdraw RateLimitExceeded InsufficientLiquidity SlippageTooHigh TransferDisallowed
  HotKeyNotRegisteredInNetwork InvalidIpAddress ServingRateLimitExceeded InvalidPort ZeroMaxAmount InvalidRevealRound
  CommitNotFound CommitBlockNotInRevealRange InputLengthsUnequal UidNotFound EvmKeyAssociateRateLimit
  ColdkeySwapDisputed InvalidRealAccount FailedShieldedTxParsing InvalidShieldedTxPubKeyHash NonAssociatedColdKey
  DelegateTakeTooLow DelegateTakeTooHigh`
    .split(/\s+/)
    .map((name, code) => [code, name])
    .concat([[255, 'BadRequest']]),
);
const CUSTOM_CODES_SINCE_SPEC = 233;
/** Of specs before; what the others meant there is not known. */
const EARLIER_CUSTOM_CODES: Record<number, string> = {
  3: 'NotEnoughStakeToSetWeights',
  5: 'TooManyRegistrationsThisInterval',
};

const INVALID_TRANSACTION = 1010;
const RUNTIME_FAILED = 1011;
/** The node has these very bytes in its pool. */
export const ALREADY_IMPORTED = 1013;
const PRIORITY_TOO_LOW = 1014;

/**
 * Why a node's pool calls a transaction invalid (Substrate's `InvalidTransaction`), in the words of a node and as a
 * simulated one prints the variant.
 */
const INVALID: [name: string, said: RegExp][] = [
  ['Stale', /\bstale\b|outdated/i],
  ['BadProof', /bad signature|bad[ _]?proof/i],
  ['AncientBirthBlock', /ancient birth block|"ancient_?birth_?block"/i],
  ['Payment', /inability to pay|"payment"/i],
  ['Future', /valid in the future|"future"/i],
  ['Call', /call is not expected|"call"/i],
  ['ExhaustsResources', /exhaust the block limits|"exhausts_?resources"/i],
  ['BadSigner', /invalid signing address|"bad_?signer"/i],
];

/** A call the chain executed and refused, by the error's name in the runtime's metadata. */
export function dispatchRejection(
  call: string,
  { section, name }: { section: string; name: string },
): FlockOffError<'chain-rejected'> {
  return new FlockOffError({
    code: 'chain-rejected',
    what: `the chain refused ${call}: ${section}.${name}`,
    fix: FIXES[name],
    facts: { call, section, name },
  });
}

/** A transaction that the node's pool took and then gave up. */
export function droppedRejection(call: string, status: string): FlockOffError<'chain-rejected'> {
  return new FlockOffError({
    code: 'chain-rejected',
    what: `the node gave up on ${call} before it was in a block (${status})`,
    fix: 'try again',
    facts: { call, section: 'transactionPool', name: status },
    transient: true,
  });
}

/**
 * A transaction the node did not take into its pool (RPC 1010, 1011, 1014 ...). `usedNonce` is true in the facts when
 * another transaction of the same account came first, so that signing again helps.
 */
export function poolRejection(call: string, error: RpcError, specVersion: number): FlockOffError<'chain-rejected'> {
  const text = `${error.message} ${typeof error.data === 'string' ? error.data : JSON.stringify(error.data ?? '')}`;
  const custom = /custom(?: error)?["\s]*:\s*(\d+)/i.exec(text)?.[1];
  const name =
    custom === undefined
      ? INVALID.find(([, said]) => error.code === INVALID_TRANSACTION && said.test(text))?.[0]
      : (specVersion >= CUSTOM_CODES_SINCE_SPEC ? CUSTOM_CODES : EARLIER_CUSTOM_CODES)[Number(custom)];
  const usedNonce = name === 'Stale' || error.code === PRIORITY_TOO_LOW;
  // Some nodes say the same of a block that they do not know yet.
  const hasTrapped = error.code === RUNTIME_FAILED && /wasm|unreachable|trap|panic/i.test(text);
  const why = hasTrapped
    ? 'the runtime failed on it, most likely because the call does not fit this runtime'
    : (name ?? (custom === undefined ? text.trim() : `custom error ${custom}`));
  return new FlockOffError({
    code: 'chain-rejected',
    what: `the chain did not take ${call}: ${why} (RPC ${error.code})`,
    fix: usedNonce ? 'try again' : name ? FIXES[name] : undefined,
    facts: {
      call,
      section: 'transactionPool',
      name: name ?? (error.code === INVALID_TRANSACTION ? 'InvalidTransaction' : `rpc-${error.code}`),
      rpcCode: error.code,
      custom: custom === undefined ? undefined : Number(custom),
      usedNonce,
    },
    // Only a judgement on the transaction is final; a full pool or a busy node is not.
    transient: usedNonce || !(hasTrapped || [INVALID_TRANSACTION, METHOD_NOT_FOUND].includes(error.code)),
    cause: error,
  });
}

/** What a pool's rejection is about; `passing` may be otherwise in the next block, `none` is no rejection at all. */
export type RejectionKind = 'call' | 'signature' | 'passing' | 'none';

/** Whether an error says that the call will not be taken, or only not with this signature, or not now. */
export function rejectionKind(error: FlockOffError): RejectionKind {
  const { transient } = error;
  if (error.code !== 'chain-rejected') return transient ? 'none' : 'call';
  const { facts } = error;
  if (facts.section !== 'transactionPool') return 'call';
  if (facts.name === 'BadProof' || facts.name === 'AncientBirthBlock') return 'signature';
  return transient ? 'passing' : 'call';
}

/** Whether an error is the chain's refusal by one of these names. */
export function isRejection(error: unknown, names: string[]): error is FlockOffError<'chain-rejected'> {
  return isCode(error, 'chain-rejected') && error.facts.name !== undefined && names.includes(error.facts.name);
}
