import { ChainMetadataStore, Competition, Subtensor, type Validator } from 'flock-off';
import { LocalChain } from 'flock-off/local';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findEpochStart, NotDue, seedOf } from '../../src/validator/epoch-start.ts';
import { devHotkey } from '../chain/dev-hotkey.ts';

const NETUID = 7;
const BLOCKS_PER_EPOCH = 300;

let chain: LocalChain;
let subtensor: Subtensor;
let log: string[];
beforeEach(async () => {
  const neurons = [{ hotkey: (await devHotkey('only')).address }];
  chain = await LocalChain.open({
    blockTimeMs: 'manual',
    finalityLagBlocks: 4,
    subnets: [{ netuid: NETUID, tempo: 20, neurons }],
  });
  subtensor = await Subtensor.open({ endpoint: chain.url });
  log = [];
});
afterEach(async () => {
  await subtensor.close();
  await chain.close();
});

interface FindParameters {
  lastStartBlock?: number;
  genesisHash?: string;
  blocksPerEpoch?: number;
  waits?: boolean;
}

function find({ lastStartBlock, genesisHash = '', blocksPerEpoch = BLOCKS_PER_EPOCH, waits }: FindParameters = {}) {
  const logger = { info: (line: string) => void log.push(line) };
  const validator = {
    netuid: NETUID,
    competition: Competition.parse({ blocksPerEpoch }),
    subtensor,
    metadata: new ChainMetadataStore({ subtensor, netuid: NETUID }),
    logger: { debug: () => {}, warn: () => {}, error: () => {}, ...logger },
  } as unknown as Validator;
  const rest = { netuid: NETUID, competition: '1', sinceBlock: 0, ledgerFrom: null };
  const history = lastStartBlock === undefined ? null : { ...rest, lastStartBlock, genesisHash };
  return findEpochStart(validator, history, undefined, { waits });
}

async function produce(blocks: number): Promise<void> {
  await chain.produceBlocks(blocks);
  await subtensor.waitForBlock({ block: chain.currentBlock() });
}

/** Makes blocks until it is found. */
async function whileBlocksCome<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => void chain.produceBlocks(), 5);
  return work.finally(() => clearInterval(timer));
}

const hashOf = (block: number) =>
  subtensor.read({ what: 'reading a hash', use: async (at) => (await at.at(block))!.blockHash() });
const genesis = () => hashOf(0);

test('an epoch in progress is joined, with the seed of the third block after its start once that is final', async () => {
  await produce(BLOCKS_PER_EPOCH + 6);
  let found = false;
  const finding = find().then((start) => {
    found = true;
    return start;
  });
  for (let i = 0; i < 5; i++) await subtensor.currentBlock();
  expect(found).toBe(false);
  await chain.produceBlocks(1);
  const { start, seed } = await finding;
  expect(start).toMatchObject({ startBlock: 300, seedBlock: 303, neurons: [{ uid: 0 }] });
  const of = { genesisHash: await genesis(), netuid: NETUID, competition: '1' };
  expect(seed).toBe(seedOf({ ...of, blockHash: await hashOf(303) }));
  await produce(100);
  expect(await find()).toEqual({ start, seed, genesisHash: of.genesisHash });
});

test('an epoch whose first block the node has dropped is left out, and that is said', async () => {
  // The local chain keeps 2400 blocks.
  await produce(2_470);
  const notDue = await find({ blocksPerEpoch: 2_500, waits: false }).catch((error: unknown) => error);
  expect(notDue).toBeInstanceOf(NotDue);
  expect(notDue).toMatchObject({ untilBlock: 2_500 });
  log = [];
  const { start } = await whileBlocksCome(find({ blocksPerEpoch: 2_500 }));
  expect(start.startBlock).toBe(2_500);
  expect(log).toEqual([
    expect.stringMatching(/began in block 0, whose state the node does not keep.*block 2500, 30 to/),
  ]);
});

test('an epoch that is finished is not begun again, unless the chain is another', async () => {
  await produce(BLOCKS_PER_EPOCH + 20);
  expect((await whileBlocksCome(find({ lastStartBlock: 300, genesisHash: await genesis() }))).start.startBlock).toBe(
    600,
  );
  expect((await whileBlocksCome(find({ lastStartBlock: 30_000, genesisHash: '0x12' }))).start.startBlock).toBe(600);
});

test('the seed depends on chain, subnet, competition and block', () => {
  const of = { genesisHash: '0x1', netuid: 1, blockHash: '0x2', competition: '1' };
  const others = [{ genesisHash: '0x3' }, { netuid: 2 }, { blockHash: '0x3' }, { competition: '2' }];
  const seeds = [of, ...others.map((other) => ({ ...of, ...other }))].map(seedOf);
  expect(new Set(seeds).size).toBe(5);
});
