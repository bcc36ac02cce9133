import { SETTINGS } from '../description/admin.ts';
import type { Call } from '../state/transaction.ts';
import { type CallContext, type DispatchFailure, ensure } from './pallet-context.ts';

/** What calls that hold calls run these with. */
export interface Dispatcher {
  /** Runs a call as another one does; a failure undoes what it wrote, and is returned. */
  attempt(call: Call, origin: Partial<CallContext>): DispatchFailure | null;
  /** A failure as a value of `DispatchError`. */
  describe(failure: DispatchFailure): unknown;
}

/** `AdminUtils.sudo_set_...`: root, or for some settings the subnet's owner, changes one. */
export function changeSetting(name: string, context: CallContext, args: Record<string, unknown>): void {
  const { storage, isRoot, signer } = context;
  const { item, argument, owner, global } = SETTINGS[name]!;
  const value = args[argument.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())];
  if (global) {
    ensure(isRoot === true, 'BadOrigin');
    storage.put(`SubtensorModule.${item}`, value);
    return;
  }
  const mayOwner = owner === true && storage.get('SubtensorModule.SubnetOwner', args.netuid) === signer;
  ensure(isRoot === true || mayOwner, 'BadOrigin');
  const missing = storage.profile === 'legacy' ? 'SubNetworkDoesNotExist' : 'SubnetNotExists';
  ensure(storage.get('SubtensorModule.NetworksAdded', args.netuid), `SubtensorModule.${missing}`);
  storage.put(`SubtensorModule.${item}`, args.netuid, value);
}

/** `Sudo.sudo`: whoever holds the key calls as root. The transaction succeeds even where the call fails: see its event. */
export function sudo(context: CallContext, { call }: { call: Call }, { attempt, describe }: Dispatcher): void {
  ensure(context.storage.get('Sudo.Key') === context.signer, 'Sudo.RequireSudo');
  const failure = attempt(call, { isRoot: true });
  context.emit('Sudo.Sudid', failure ? { Err: describe(failure) } : { Ok: [] });
}

/** `Utility.batch`: in order, up to the first that fails; what went before it stays. */
export function batch(context: CallContext, { calls }: { calls: Call[] }, { attempt, describe }: Dispatcher): void {
  for (const [i, call] of calls.entries()) {
    const failure = attempt(call, {});
    if (failure) {
      context.emit('Utility.BatchInterrupted', i, describe(failure));
      return;
    }
    context.emit('Utility.ItemCompleted');
  }
  context.emit('Utility.BatchCompleted');
}

/** `Utility.batch_all`: all of them or none. */
export function batchAll(context: CallContext, { calls }: { calls: Call[] }, { attempt }: Dispatcher): void {
  for (const call of calls) {
    const failure = attempt(call, {});
    if (failure) throw failure;
    context.emit('Utility.ItemCompleted');
  }
  context.emit('Utility.BatchCompleted');
}

/** `Utility.force_batch`: every one, whichever fail. */
export function forceBatch(
  context: CallContext,
  { calls }: { calls: Call[] },
  { attempt, describe }: Dispatcher,
): void {
  let failed = false;
  for (const call of calls) {
    const failure = attempt(call, {});
    failed ||= failure !== null;
    if (failure) context.emit('Utility.ItemFailed', describe(failure));
    else context.emit('Utility.ItemCompleted');
  }
  context.emit(failed ? 'Utility.BatchCompletedWithErrors' : 'Utility.BatchCompleted');
}
