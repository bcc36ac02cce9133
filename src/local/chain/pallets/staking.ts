import type { Storage } from '../state/storage.ts';
import { type CallContext, ensure } from './pallet-context.ts';
import { stakeOf } from './subnets.ts';

interface AddStakeArguments {
  hotkey: string;
  netuid: number;
  /** In smallest units. */
  amountStaked: number | string;
}

interface RemoveStakeArguments {
  hotkey: string;
  netuid: number;
  amountUnstaked: number | string;
}

/** There is no pool here: one TAO buys one alpha, without a fee. */
const NO_FEE = 0;

/** `SubtensorModule.add_stake`: a coldkey buys alpha for its hotkey. Permits follow at the next epoch. */
export function addStake(context: CallContext, { hotkey, netuid, amountStaked }: AddStakeArguments): void {
  const { storage, signer, emit } = context;
  const amount = BigInt(amountStaked);
  ensureStakes(storage, netuid, hotkey, signer);
  ensure(freeBalance(storage, signer) >= amount, 'SubtensorModule.NotEnoughBalanceToStake');
  changeBalance(storage, signer, -amount);
  changeStake(storage, netuid, hotkey, amount);
  emit('SubtensorModule.StakeAdded', signer, hotkey, amount, amount, netuid, NO_FEE);
}

/** `SubtensorModule.remove_stake`: the way back. */
export function removeStake(context: CallContext, { hotkey, netuid, amountUnstaked }: RemoveStakeArguments): void {
  const { storage, signer, emit } = context;
  const amount = BigInt(amountUnstaked);
  ensureStakes(storage, netuid, hotkey, signer);
  ensure(stakeOf(storage, netuid, hotkey) >= amount, 'SubtensorModule.NotEnoughStakeToWithdraw');
  changeStake(storage, netuid, hotkey, -amount);
  changeBalance(storage, signer, amount);
  emit('SubtensorModule.StakeRemoved', signer, hotkey, amount, amount, netuid, NO_FEE);
}

interface TransferArguments {
  dest: { id: string };
  value: number | string;
}

/** `Balances.transfer_keep_alive` and `transfer_allow_death`, which are the same where no account dies. */
export function transfer({ storage, signer, emit }: CallContext, { dest, value }: TransferArguments): void {
  const amount = BigInt(value);
  ensure(freeBalance(storage, signer) >= amount, 'Balances.InsufficientBalance');
  changeBalance(storage, signer, -amount);
  changeBalance(storage, dest.id, amount);
  emit('Balances.Transfer', signer, dest.id, amount);
}

function ensureStakes(storage: Storage, netuid: number, hotkey: string, coldkey: string): void {
  const missing = storage.profile === 'legacy' ? 'SubNetworkDoesNotExist' : 'SubnetNotExists';
  ensure(storage.get('SubtensorModule.NetworksAdded', netuid), `SubtensorModule.${missing}`);
  const owner = storage.get<string>('SubtensorModule.Owner', hotkey);
  const exists = storage.get<string[]>('SubtensorModule.OwnedHotkeys', owner).includes(hotkey);
  ensure(exists, 'SubtensorModule.HotKeyAccountNotExists');
  // On Subtensor others may stake to it too; here all stake is the owner's.
  ensure(owner === coldkey, 'SubtensorModule.NonAssociatedColdKey');
}

interface Account {
  providers: number;
  data: { free: number | string };
}

function freeBalance(storage: Storage, who: string): bigint {
  return BigInt(storage.get<Account>('System.Account', who).data.free);
}

function changeBalance(storage: Storage, who: string, by: bigint): void {
  const account = storage.get<Account>('System.Account', who);
  const free = BigInt(account.data.free) + by;
  storage.put('System.Account', who, { ...account, providers: 1, data: { ...account.data, free } });
}

function changeStake(storage: Storage, netuid: number, hotkey: string, by: bigint): void {
  storage.put('SubtensorModule.TotalHotkeyAlpha', hotkey, netuid, stakeOf(storage, netuid, hotkey) + by);
}
