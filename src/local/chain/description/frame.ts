import type { PalletDescription } from './pallet.ts';
import { ZERO_32_BYTES } from './shorthand.ts';

/** Blocks whose hashes the runtime keeps: a mortal era cannot begin earlier. */
export const BLOCK_HASH_COUNT = 2400;

/** AccountInfo of an account that was never used: four u32, three u64, one u128. */
const NO_ACCOUNT = `0x${'00'.repeat(4 * 4 + 3 * 8 + 16)}`;

const TRANSFER = { dest: 'MultiAddress', value: 'Compact<TaoBalance>' };

/** The pallets that Subtensor's runtime takes from Substrate's FRAME. */
export function framePallets(blockTimeMs: number): PalletDescription[] {
  return [
    {
      name: 'System',
      index: 0,
      storage: [
        { name: 'Number', value: 'u32', fallback: 0 },
        { name: 'ParentHash', value: 'H256', fallback: ZERO_32_BYTES },
        { name: 'Account', value: 'AccountInfo', keys: [['AccountId', 'Blake2_128Concat']], fallback: NO_ACCOUNT },
        { name: 'BlockHash', value: 'H256', keys: [['u32', 'Twox64Concat']], fallback: ZERO_32_BYTES },
        { name: 'Events', value: 'Vec<EventRecord>', fallback: [] },
        { name: 'EventCount', value: 'u32', fallback: 0 },
      ],
      events: [
        { name: 'ExtrinsicSuccess', fields: { dispatch_info: 'DispatchInfo' } },
        { name: 'ExtrinsicFailed', fields: { dispatch_error: 'DispatchError', dispatch_info: 'DispatchInfo' } },
      ],
      constants: [
        { name: 'BlockHashCount', type: 'u32', value: BLOCK_HASH_COUNT },
        { name: 'SS58Prefix', type: 'u16', value: 42 },
      ],
    },
    {
      name: 'Timestamp',
      index: 2,
      calls: [{ name: 'set', fields: { now: 'Compact<u64>' } }],
      storage: [{ name: 'Now', value: 'u64', fallback: 0 }],
    },
    { name: 'Aura', index: 3, constants: [{ name: 'SlotDuration', type: 'u64', value: blockTimeMs }] },
    {
      name: 'Balances',
      index: 5,
      calls: [
        { name: 'transfer_allow_death', index: 0, fields: TRANSFER },
        { name: 'transfer_keep_alive', index: 3, fields: TRANSFER },
      ],
      storage: [{ name: 'TotalIssuance', value: 'TaoBalance', fallback: 0 }],
      events: [{ name: 'Transfer', index: 2, fields: { from: 'AccountId', to: 'AccountId', amount: 'TaoBalance' } }],
      errors: [{ name: 'InsufficientBalance', index: 2 }],
      constants: [{ name: 'ExistentialDeposit', type: 'TaoBalance', value: 500 }],
    },
    {
      name: 'TransactionPayment',
      index: 6,
      events: [
        { name: 'TransactionFeePaid', fields: { who: 'AccountId', actual_fee: 'TaoBalance', tip: 'TaoBalance' } },
      ],
    },
  ];
}
