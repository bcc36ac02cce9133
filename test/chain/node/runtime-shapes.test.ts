import { afterEach, describe, expect, test } from 'vitest';
import { readCommitmentRoom } from '../../../src/chain/subnet/commitments.ts';
import { Subtensor } from '../../../src/chain/subtensor.ts';
import { readWeightTerms } from '../../../src/chain/weights/terms.ts';
import { FlockOffError } from '../../../src/errors/flock-off-error.ts';
import type { Pallet, StorageItem } from '../../../src/local/chain/description/pallet.ts';
import type { Profile } from '../../../src/local/chain/description/profile.ts';
import { startStorageServer } from './storage-server.ts';

// Runtimes keep the same items under other keys, of other types, or not at all: what their metadata says is read.
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const NETUID = 96;
const KEY = { netuid: NETUID, mechanism: 0, hotkey: ALICE };
const TAO = 1_000_000_000;
const HALF = 2n ** 63n;
const BY_SUBNET: StorageItem['keys'] = [['u16', 'Identity']];
const BY_HOTKEY: StorageItem['keys'] = [['AccountId', 'Blake2_128Concat']];

type Stored = [item: string, keys: unknown[], value: unknown][];
type Shapes = Record<string, Partial<StorageItem> | null>;

/** A runtime whose SubtensorModule and Commitments have these items otherwise (`null`: not at all). */
function reshaped(shapes: Shapes, constants: Pallet['constants'] | null = null) {
  return (pallets: Pallet[]): Pallet[] =>
    pallets.map((pallet) => {
      const own = Object.entries(shapes).flatMap(([name, shape]) => {
        const [section, item = ''] = name.split('.');
        return section === pallet.name ? [{ item, shape }] : [];
      });
      const kept = pallet.storage.filter(({ name }) => !own.some(({ item }) => item === name));
      const changed = own.flatMap(({ item, shape }) => {
        const before = pallet.storage.find(({ name }) => name === item);
        return shape ? [{ ...before, name: item, ...shape } as StorageItem] : [];
      });
      const withConstants = pallet.name === 'Commitments' && constants ? { constants } : {};
      return { ...pallet, ...withConstants, storage: [...kept, ...changed] };
    });
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface RuntimeParameters {
  profile?: Profile;
  shapes?: Shapes;
  constants?: Pallet['constants'];
  storage?: Stored;
}

/** Alice has uid 0 and a permit of subnet 96, unless the runtime has no place for that. */
async function connectTo({ profile = 'current', shapes = {}, constants, storage = [] }: RuntimeParameters) {
  const usual: Stored = [
    ['subtensorModule.networksAdded', [NETUID], true],
    ['subtensorModule.tempo', [NETUID], 360],
    ['subtensorModule.uids', [NETUID, ALICE], 0],
    ['subtensorModule.subnetworkN', [NETUID], 1],
    ['subtensorModule.keys', [NETUID, 0], ALICE],
    ['subtensorModule.validatorPermit', [NETUID], [true]],
  ];
  const isChanged = (item: string) =>
    Object.keys(shapes).some((name) => name.split('.')[1]!.toLowerCase() === item.split('.')[1]!.toLowerCase());
  const server = await startStorageServer({
    profile,
    change: reshaped(shapes, constants),
    storage: [...usual.filter(([item]) => !isChanged(item)), ...storage],
  });
  closing.push(server.close);
  const subtensor = await Subtensor.open({ endpoint: server.url });
  closing.push(() => subtensor.close());
  return subtensor;
}

async function termsOf(runtime: RuntimeParameters) {
  const subtensor = await connectTo(runtime);
  return subtensor.read({ what: 'reading', use: (snapshot) => readWeightTerms(snapshot, KEY) });
}

const STAKED: Stored = [
  ['subtensorModule.totalHotkeyAlpha', [ALICE, NETUID], TAO],
  ['subtensorModule.totalHotkeyAlpha', [ALICE, 0], 4 * TAO],
];

describe('the stake that weights need', () => {
  test.each<[string, RuntimeParameters, { seenRao: bigint; leastRao: bigint } | null]>([
    [
      'spec 218: a weight of TAO for each subnet, and its own name for the least stake',
      {
        profile: 'legacy',
        storage: [...STAKED, ['subtensorModule.taoWeight', [NETUID], HALF], ['subtensorModule.weightsMinStake', [], 5]],
      },
      { seenRao: BigInt(3 * TAO), leastRao: 5n },
    ],
    [
      'spec 233: one weight for all, and a threshold',
      {
        profile: 'legacy',
        shapes: {
          'SubtensorModule.WeightsMinStake': null,
          'SubtensorModule.StakeThreshold': { value: 'u64', fallback: 0 },
          'SubtensorModule.TaoWeight': { value: 'u64', keys: undefined, fallback: 0 },
        },
        storage: [...STAKED, ['subtensorModule.taoWeight', [], HALF], ['subtensorModule.stakeThreshold', [], 7]],
      },
      { seenRao: BigInt(3 * TAO), leastRao: 7n },
    ],
    [
      'spec 219: no alpha, no weight of TAO, no owner',
      {
        profile: 'legacy',
        shapes: {
          'SubtensorModule.WeightsMinStake': null,
          'SubtensorModule.StakeThreshold': { value: 'u64', fallback: 0 },
          'SubtensorModule.TaoWeight': null,
          'SubtensorModule.TotalHotkeyAlpha': null,
          'SubtensorModule.SubnetOwnerHotkey': null,
        },
      },
      null,
    ],
    [
      'a threshold for each subnet',
      {
        shapes: { 'SubtensorModule.StakeThreshold': { keys: BY_SUBNET } },
        storage: [...STAKED, ['subtensorModule.stakeThreshold', [NETUID], 9]],
      },
      { seenRao: BigInt(TAO), leastRao: 9n },
    ],
    ['no least stake at all', { shapes: { 'SubtensorModule.StakeThreshold': null }, storage: STAKED }, null],
    [
      'stake on the root that counts nobody knows how much',
      { shapes: { 'SubtensorModule.TaoWeight': null }, storage: STAKED },
      null,
    ],
    [
      'a weight of TAO by hotkey, whatever that means',
      { shapes: { 'SubtensorModule.TaoWeight': { keys: BY_HOTKEY } }, storage: STAKED },
      null,
    ],
    [
      'a weight of TAO that is no number',
      { shapes: { 'SubtensorModule.TaoWeight': { value: 'Vec<u16>', fallback: [] } }, storage: STAKED },
      null,
    ],
  ])('%s', async (_, runtime, stake) => {
    expect(await termsOf(runtime)).toMatchObject({ uid: 0, validatorPermit: true, isOwner: false, stake });
  });
});

test('what is one value for all subnets is read as such', async () => {
  const shapes = {
    'SubtensorModule.Tempo': { keys: undefined },
    'SubtensorModule.WeightsSetRateLimit': { keys: undefined },
  };
  const storage: Stored = [
    ['subtensorModule.tempo', [], 99],
    ['subtensorModule.weightsSetRateLimit', [], 42],
  ];
  const terms = await termsOf({ shapes, storage });
  expect(terms).toMatchObject({ rateLimitBlocks: 42, position: { periodBlocks: 99 } });
  const { hyperparameters } = await (await connectTo({ shapes, storage })).metagraph({ netuid: NETUID });
  expect(hyperparameters).toMatchObject({ tempo: 99, weightsRateLimitBlocks: 42 });
});

test('a hyperparameter of another type is none, and the metagraph is read all the same', async () => {
  const subtensor = await connectTo({
    shapes: { 'SubtensorModule.Burn': { value: '(u64, u64)', fallback: `0x${'00'.repeat(16)}` } },
  });
  const { neurons, hyperparameters } = await subtensor.metagraph({ netuid: NETUID });
  expect(neurons.map(({ hotkey }) => hotkey)).toEqual([ALICE]);
  expect(hyperparameters).toMatchObject({ burnTao: null, minBurnTao: 0 });
});

describe('the cooldown of commitments', () => {
  const lastCommitment: Stored = [['commitments.lastCommitment', [NETUID, ALICE], 1_090]];
  const constants = [{ name: 'MaxFields', type: 'u32', value: 1 }];
  test.each<[string, RuntimeParameters, number]>([
    [
      'no constant, but a stored limit (specs 224 to 256)',
      { shapes: { 'Commitments.RateLimit': { value: 'u32', fallback: 100 } } },
      1_190,
    ],
    [
      'a limit for each subnet',
      { shapes: { 'Commitments.RateLimit': { value: 'u32', fallback: 50, keys: BY_SUBNET } } },
      1_140,
    ],
    ['neither', {}, 1_098],
    [
      'a limit by hotkey, whatever that means',
      { shapes: { 'Commitments.RateLimit': { value: 'u32', fallback: 50, keys: BY_HOTKEY } } },
      1_098,
    ],
  ])('%s', async (_, runtime, firstBlock) => {
    const subtensor = await connectTo({ profile: 'legacy', constants, storage: lastCommitment, ...runtime });
    const room = await subtensor.read({
      what: 'reading',
      use: (snapshot) => readCommitmentRoom(snapshot, { netuid: NETUID, hotkey: ALICE, bytes: 68 }),
    });
    expect(room).toMatchObject({ block: 1_098, firstBlock });
  });
});

describe('what cannot be done without', () => {
  test.each<[string, Shapes, RegExp]>([
    [
      'stands under fewer keys',
      { 'SubtensorModule.Uids': { keys: BY_HOTKEY } },
      /^this runtime keeps subtensorModule\.uids under 1 key, expected 2\. Update flock-off/,
    ],
    [
      'stands under no key',
      { 'SubtensorModule.Uids': { keys: undefined } },
      /^this runtime keeps subtensorModule\.uids under 0 keys, expected 2/,
    ],
    ['is not there', { 'SubtensorModule.Uids': null }, /^this runtime has no storage item subtensorModule\.uids/],
    [
      'is of another type',
      { 'SubtensorModule.CommitRevealWeightsEnabled': { value: 'u16', fallback: 1 } },
      /^this runtime has u16 in subtensorModule\.commitRevealWeightsEnabled, expected true or false/,
    ],
    [
      'is a list in place of a number',
      { 'SubtensorModule.Tempo': { value: 'Vec<u16>', fallback: [] } },
      /^this runtime has Vec<u16> in subtensorModule\.tempo, expected a number/,
    ],
  ])('and %s is one sentence', async (_, shapes, message) => {
    const error = await termsOf({ shapes }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FlockOffError);
    expect(error).toMatchObject({ code: 'chain-rejected', transient: false, message: expect.stringMatching(message) });
  });
});
