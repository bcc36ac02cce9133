import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { readCommitmentRoom } from '../../../src/chain/subnet/commitments.ts';
import { Subtensor } from '../../../src/chain/subtensor.ts';
import { readWeightCommits } from '../../../src/chain/weights/stored-commits.ts';
import { startStorageServer } from '../node/storage-server.ts';

// Runtimes from mid-2026 on: epochs are stored, and commitments have a budget of bytes an epoch in place of a cooldown.
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const NETUID = 96;
const KEY = { netuid: NETUID, mechanism: 0, hotkey: ALICE };
const HASH = `0x${'ab'.repeat(32)}`;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function connect(storage: [string, unknown[], unknown][]): Promise<Subtensor> {
  const server = await startStorageServer({
    storage: [
      ['system.number', [], 1100],
      ['subtensorModule.networksAdded', [NETUID], true],
      ['subtensorModule.tempo', [NETUID], 360],
      ['subtensorModule.subnetEpochIndex', [NETUID], 7],
      ['subtensorModule.lastEpochBlock', [NETUID], 1000],
      ...storage,
    ],
  });
  closing.push(server.close);
  const subtensor = await Subtensor.open({ endpoint: server.url });
  closing.push(() => subtensor.close());
  return subtensor;
}

test('the next epoch is what the chain has stored', async () => {
  const subtensor = await connect([]);
  expect(await subtensor.metagraph({ netuid: NETUID })).toMatchObject({
    block: 1100,
    nextEpochBlock: 1360,
    neurons: [],
  });
  const pending = await connect([['subtensorModule.pendingEpochAt', [NETUID], 1120]]);
  expect((await pending.metagraph({ netuid: NETUID })).nextEpochBlock).toBe(1120);
});

test.each([
  ['nothing was committed', null, 1100],
  ['the budget was used in an earlier epoch', [6, 3100], 1100],
  ['68 bytes, counted as 100, just fit', [7, 3000], 1100],
  ['they do not fit any more', [7, 3001], 1360],
])('commitments have a budget of bytes an epoch: %s', async (_, used, block) => {
  const storage = used ? { lastEpoch: used[0], usedSpace: used[1] } : null;
  const subtensor = await connect(storage ? [['commitments.usedSpaceOf', [NETUID, ALICE], storage]] : []);
  const room = await subtensor.read({
    what: 'reading',
    use: (snapshot) => readCommitmentRoom(snapshot, { netuid: NETUID, hotkey: ALICE, bytes: 68 }),
  });
  expect(room).toEqual({ block: 1100, firstBlock: block, maxBytes: 3_100, refusal: 'SpaceLimitExceeded' });
});

test.each<[string, Parameters<typeof connect>[0]]>([
  ['the budget is smaller than one commitment', [['commitments.maxSpace', [], 99]]],
  [
    'it is used up on a subnet that runs no epochs',
    [
      ['subtensorModule.tempo', [NETUID], 0],
      ['commitments.usedSpaceOf', [NETUID, ALICE], { lastEpoch: 7, usedSpace: 3100 }],
    ],
  ],
])('no epoch has room for a commitment where %s', async (_, storage) => {
  const subtensor = await connect(storage);
  const room = await subtensor.read({
    what: 'reading',
    use: (snapshot) => readCommitmentRoom(snapshot, { netuid: NETUID, hotkey: ALICE, bytes: 68 }),
  });
  expect(room.firstBlock).toBe(Number.POSITIVE_INFINITY);
});

test.each([
  [7, { window: 'early', revealFromBlock: 1360, revealUntilBlock: 1719 }],
  [6, { window: 'open', revealFromBlock: 1000, revealUntilBlock: 1359 }],
  [5, { window: 'late', revealFromBlock: 640, revealUntilBlock: 999 }],
])('a commit of epoch %i is revealed one epoch later', async (epoch, expected) => {
  const subtensor = await connect([['subtensorModule.weightCommits', [NETUID, ALICE], [[HASH, epoch, 1050, 0]]]]);
  const { block, commits } = await subtensor.read({
    what: 'reading',
    use: (snapshot) => readWeightCommits(snapshot, KEY),
  });
  expect(block).toBe(1100);
  expect([...commits]).toEqual([[HASH, expected]]);
});

test('a storage item this runtime does not have is named', async () => {
  const subtensor = await connect([]);
  await expect(
    subtensor.read({ what: 'reading', use: (snapshot) => snapshot.get('commitments.noSuchItem') }),
  ).rejects.toMatchObject({
    code: 'chain-rejected',
    message: expect.stringContaining('this runtime has no storage item commitments.noSuchItem'),
  });
});

test('a map of more than a thousand entries is read whole', async () => {
  const uids = Array.from({ length: 2_345 }, (_, uid) => uid);
  const subtensor = await connect(uids.map((uid) => ['subtensorModule.blockAtRegistration', [NETUID, uid], uid + 1]));
  const entries = await subtensor.read({
    what: 'reading',
    use: (snapshot) => snapshot.readMap('subtensorModule.blockAtRegistration', NETUID),
  });
  const read = entries.map(({ keys, value }) => [Number(keys[1]), Number(value())]).sort((a, b) => a[0]! - b[0]!);
  expect(read).toEqual(uids.map((uid) => [uid, uid + 1]));
});

test('a runtime upgrade is noticed: the next call reads the new description', async () => {
  const server = await startStorageServer({ storage: [['subtensorModule.networksAdded', [NETUID], true]] });
  closing.push(server.close);
  const subtensor = await Subtensor.open({ endpoint: server.url });
  closing.push(() => subtensor.close());
  await subtensor.metagraph({ netuid: NETUID });
  expect(server.connections()).toBe(1);
  server.upgrade();
  await sleep(50);
  await subtensor.metagraph({ netuid: NETUID });
  expect(server.connections()).toBe(2);
});
