import { afterEach, expect, test } from 'vitest';
import { Subtensor } from '../../../src/chain/subtensor.ts';
import { requireMaySetWeights } from '../../../src/chain/weights/checks.ts';
import { readWeightTerms } from '../../../src/chain/weights/terms.ts';
import { startStorageServer } from '../node/storage-server.ts';

const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const BOB = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty';
const KEY = { netuid: 96, mechanism: 0, hotkey: ALICE };
const TAO = 1_000_000_000;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Alice has uid 0, a permit, 1 TAO on the subnet and 10 TAO on the root; weights need 5. */
async function termsWith(storage: [string, unknown[], unknown][]) {
  const server = await startStorageServer({
    add: {
      SubtensorModule: [
        {
          name: 'ParentKeys',
          value: 'Vec<(u64, AccountId)>',
          keys: [
            ['AccountId', 'Blake2_128Concat'],
            ['u16', 'Identity'],
          ],
          fallback: [],
        },
      ],
    },
    storage: [
      ['system.number', [], 1100],
      ['subtensorModule.tempo', [96], 360],
      ['subtensorModule.uids', [96, ALICE], 0],
      ['subtensorModule.subnetworkN', [96], 1],
      ['subtensorModule.validatorPermit', [96], [true]],
      ['subtensorModule.mechanismCountCurrent', [96], 1],
      ['subtensorModule.stakeThreshold', [], 5 * TAO],
      ['subtensorModule.totalHotkeyAlpha', [ALICE, 96], TAO],
      ['subtensorModule.totalHotkeyAlpha', [ALICE, 0], 10 * TAO],
      ...storage,
    ],
  });
  closing.push(server.close);
  const subtensor = await Subtensor.open({ endpoint: server.url });
  closing.push(() => subtensor.close());
  return subtensor.read({ what: 'reading', use: (snapshot) => readWeightTerms(snapshot, KEY) });
}

const weightOf = (share: number) => BigInt(share * 2 ** 20) * 2n ** 44n;

test('stake on the root counts by its weight', async () => {
  const little = await termsWith([['subtensorModule.taoWeight', [], weightOf(0.25)]]);
  expect(little.stake).toEqual({ seenRao: 3_500_000_000n, leastRao: 5_000_000_000n });
  expect(() => requireMaySetWeights(little, 96)).toThrow(
    'has a stake weight of 3.5 TAO, and the chain takes weights from 5 TAO',
  );
  const enough = await termsWith([['subtensorModule.taoWeight', [], weightOf(0.5)]]);
  expect(enough.stake!.seenRao).toBe(6_000_000_000n);
  requireMaySetWeights(enough, 96);
});

test('a hotkey that inherits stake is left to the chain: what it inherits is not in storage', async () => {
  const child = await termsWith([['subtensorModule.parentKeys', [ALICE, 96], [[1, BOB]]]]);
  expect(child.stake).toBeNull();
  requireMaySetWeights(child, 96);
});
