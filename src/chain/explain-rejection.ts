import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';

/** What to do about dispatch errors a miner or validator meets. Names as in Subtensor's metadata. */
const FIXES: Record<string, string> = {
  AccountNotAllowedCommit: 'register the hotkey on this subnet first',
  CommitmentSetRateLimitExceeded: 'wait for the commitment cooldown (about 100 blocks) and try again',
  SpaceLimitExceeded: "wait for the subnet's next epoch: this epoch's commitment space is used up",
  HotKeyNotRegisteredInSubNet: 'register the hotkey on this subnet first',
  NotEnoughStakeToSetWeights: 'add stake to the hotkey',
  NeuronNoValidatorPermit: 'wait for the next epoch, or add stake: only the highest stakes get a permit',
  SettingWeightsTooFast: 'wait until the weights rate limit has passed',
  CommittingWeightsTooFast: 'wait until the weights rate limit has passed',
  IncorrectWeightVersionKey: "send a version key at least as high as the subnet's",
  CommitRevealEnabled: 'this subnet wants weights committed and revealed',
  CommitRevealDisabled: 'this subnet wants weights set directly',
  WeightVecLengthIsLow: 'send at least as many weights as the subnet demands',
};

/** RPC 1010 `Custom error: n` of Subtensor from spec 233 on. */
const CUSTOM_CODES = [
  'ColdkeyInSwapSchedule',
  'StakeAmountTooLow',
  'BalanceTooLow',
  'SubnetNotExists',
  'HotkeyAccountDoesntExist',
  'NotEnoughStakeToWithdraw',
  'RateLimitExceeded',
  'InsufficientLiquidity',
  'SlippageTooHigh',
  'TransferDisallowed',
  'HotKeyNotRegisteredInNetwork',
  'InvalidIpAddress',
  'ServingRateLimitExceeded',
  'InvalidPort',
  'ZeroMaxAmount',
  'InvalidRevealRound',
  'CommitNotFound',
  'CommitBlockNotInRevealRange',
  'InputLengthsUnequal',
  'UidNotFound',
]; // prettier-ignore
const CUSTOM_CODES_SINCE_SPEC = 233;

/** A call the chain executed and refused, by the error's name in the runtime's metadata. */
export function dispatchRejection(call: string, section: string, name: string): FlockOffError {
  return new FlockOffError({
    code: 'chain-rejected',
    what: `the chain refused ${call}: ${section}.${name}`,
    fix: FIXES[name],
    facts: { call, section, name },
  });
}

/**
 * What a node said when it did not take a transaction into its pool (RPC 1010, 1011, 1014), or the error itself when it
 * is something else. `stale` is in the facts when the nonce was used already.
 */
export function poolRejection(call: string, error: unknown, specVersion: number): unknown {
  const message = messageOf(error);
  const code = /^(10\d\d):/.exec(message)?.[1];
  if (code === undefined) return error;
  const custom = /custom["\s]*(?:error)?["\s]*:\s*(\d+)/i.exec(message)?.[1];
  const known =
    custom !== undefined && specVersion >= CUSTOM_CODES_SINCE_SPEC ? CUSTOM_CODES[Number(custom)] : undefined;
  const stale = /stale|outdated/i.test(message);
  const why =
    code === '1011'
      ? 'the runtime failed on it, usually because the call does not fit this runtime'
      : (known ?? (custom !== undefined ? `custom error ${custom}` : message.replace(/^10\d\d:\s*/, '')));
  return new FlockOffError({
    code: 'chain-rejected',
    what: `the chain did not take ${call}: ${why}`,
    facts: {
      call,
      rpcCode: Number(code),
      custom: custom === undefined ? undefined : Number(custom),
      name: known,
      stale,
    },
    transient: stale,
    cause: error,
  });
}
