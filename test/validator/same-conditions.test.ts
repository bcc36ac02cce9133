import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ChainMetadataStore,
  Competition,
  DatasetChecker,
  type DatasetRow,
  type EpochReport,
  exportLedger,
  HubDatasetStore,
  importLedger,
  LoraTrainer,
  loadEvaluationSet,
  runEpoch,
  Subtensor,
  type Validator,
  type ValidatorEvent,
  ValidatorState,
  WalletHotkey,
  WeightSetter,
} from 'flock-off';
import { LocalChain, LocalHub, TINY_BASE, writeDevWallet } from 'flock-off/local';
import { afterAll, beforeAll, expect, test } from 'vitest';

// Validators with hotkeys, states and caches of their own on one subnet: real clients, real training.

const NETUID = 96;
const TOKEN = 'hf_token';
const MINERS = ['ann', 'ben', 'cid', 'dan'];
const VALIDATORS = ['first', 'second', 'newcomer'];
const BLOCKS_PER_EPOCH = 200;
const competition = Competition.parse({
  blocksPerEpoch: BLOCKS_PER_EPOCH,
  baseline: 'off',
  recipe: { contextTokens: 48, epochs: 1, batchSize: 2, gradientAccumulation: 1, learningRate: 5e-3, warmupSteps: 1 },
});

let trainer: LoraTrainer;
let checker: DatasetChecker;
let folder: string;
let chain: LocalChain;
let hub: LocalHub;
let subtensor: Subtensor;
const states = new Map<string, ValidatorState>();

beforeAll(async () => {
  trainer = await LoraTrainer.open({ inline: true, model: TINY_BASE });
  checker = new DatasetChecker();
  folder = await mkdtemp(join(tmpdir(), 'flock-off-same-'));
  const neurons = [];
  for (const name of [...MINERS, ...VALIDATORS]) {
    const wallet = await writeDevWallet({ path: folder, name });
    const isValidator = VALIDATORS.includes(name);
    neurons.push({ ...wallet, validatorPermit: isValidator, stake: isValidator ? 100 : 0 });
  }
  hub = await LocalHub.open({ users: [{ name: 'u', token: TOKEN }] });
  chain = await LocalChain.open({
    blockTimeMs: 'instant',
    finalityLagBlocks: 2,
    subnets: [{ netuid: NETUID, tempo: 30, weightsRateLimit: 0, commitRevealEnabled: false, neurons }],
  });
  subtensor = await Subtensor.open({ endpoint: chain.url });
  for (const name of VALIDATORS) await openState(name);
  await writeRows('eval', rowsOn('sum', 3));
}, 120_000);
afterAll(async () => {
  for (const state of states.values()) await state.close();
  trainer.dispose();
  checker.close();
  await subtensor.close();
  await chain.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

const rowsOn = (topic: string, count = 6): DatasetRow[] =>
  Array.from({ length: count }, (_, i) => ({
    conversations: [
      { role: 'user', content: `Tell me of ${topic} ${i}.` },
      { role: 'assistant', content: `The ${topic} number ${i} is here.` },
    ],
  }));

const writeRows = (name: string, rows: DatasetRow[]) =>
  writeFile(join(folder, `${name}.jsonl`), rows.map((one) => `${JSON.stringify(one)}\n`).join(''));

const openState = async (name: string) =>
  states.set(name, await ValidatorState.open({ path: join(folder, name, 'state') }));

const uidOf = (name: string) => [...MINERS, ...VALIDATORS].indexOf(name);

async function publish(name: string, rows: DatasetRow[]): Promise<void> {
  await writeRows(name, rows);
  const datasets = new HubDatasetStore({ endpoint: hub.url, token: TOKEN });
  const { commit } = await datasets.upload({ repo: `u/${name}`, path: join(folder, `${name}.jsonl`) });
  const hotkey = await WalletHotkey.open({ path: folder, name });
  const metadata = new ChainMetadataStore({ subtensor, netuid: NETUID });
  await metadata.commit({ repo: `u/${name}`, competition: '1', commit, hotkey });
}

/** So that the epoch of that block can begin: the block that seeds it is there, and final. */
const reach = (block: number) => chain.produceBlocks(block + 5 - chain.currentBlock());

interface Ran {
  report: EpochReport;
  drawn: string[];
  losses: (number | null)[];
  weights: { uid: number; value: number }[];
}

async function run(
  name: string,
  {
    parallelDownloads,
    ...options
  }: { parallelDownloads?: number; signal?: AbortSignal; on?: (e: ValidatorEvent) => void } = {},
): Promise<Ran> {
  const state = states.get(name)!;
  const { pendingReveals } = state;
  const hotkey = await WalletHotkey.open({ path: folder, name });
  const drawn: string[] = [];
  const validator: Validator = {
    netuid: NETUID,
    competition,
    subtensor,
    metadata: new ChainMetadataStore({ subtensor, netuid: NETUID }),
    weightSetter: new WeightSetter({ subtensor, netuid: NETUID, hotkey, pendingReveals, beacon: chain.beacon }),
    datasets: new HubDatasetStore({ endpoint: hub.url }),
    checker,
    trainer,
    evaluation: await loadEvaluationSet({ path: join(folder, 'eval.jsonl') }),
    state,
    cacheDir: join(folder, name, 'cache'),
    minersPerEpoch: 3,
    parallelDownloads,
    blockThreshold: 1_000,
    onEvent: (event) => {
      if (event.kind === 'drawn') drawn.push(...event.hotkeys);
      options.on?.(event);
    },
  };
  const report = await runEpoch({ validator, signal: options.signal });
  const scored = new Map(report.entries.map(({ uid, outcome }) => [uid, outcome]));
  const losses = MINERS.map((_, uid) => {
    const outcome = scored.get(uid);
    return outcome?.kind === 'scored' ? outcome.lossNatsPerToken : null;
  });
  return { report, drawn, losses, weights: chain.weights({ netuid: NETUID, uid: uidOf(name) }) };
}

function expectSame(one: Ran, other: Ran): void {
  const { epochSeed, startBlock, seedBlock } = one.report;
  expect(other.report).toMatchObject({ epochSeed, startBlock, seedBlock });
  expect(other.drawn).toEqual(one.drawn);
  expect(other.losses).toEqual(one.losses);
  expect(other.weights).toEqual(one.weights);
}

const trustOf = async (name: string) => {
  const { neurons } = await subtensor.metagraph({ netuid: NETUID });
  return neurons[uidOf(name)]!.validatorTrust;
};

test('two validators draw, train and weigh the same, though one starts later, is killed meanwhile and reads in another order', async () => {
  for (const [i, name] of MINERS.entries()) await publish(name, rowsOn(['cat', 'sum', 'owl', 'fir'][i]!));
  const startBlock = Math.ceil(chain.currentBlock() / BLOCKS_PER_EPOCH) * BLOCKS_PER_EPOCH;
  await reach(startBlock);
  const first = await run('first');
  expect(first.report).toMatchObject({
    startBlock,
    seedBlock: startBlock + 3,
    ledger: { sinceBlock: startBlock, ledgerFrom: null },
  });
  expect(first.losses.filter((loss) => loss !== null)).toHaveLength(3);
  expect(first.weights.length).toBeGreaterThan(0);

  // An epoch of the subnet passes, so there is a consensus; and a miner names another dataset.
  await chain.produceBlocks(40);
  await publish('ann', rowsOn('later'));
  const stop = new AbortController();
  let settled = 0;
  const on = (event: ValidatorEvent) => {
    if (event.kind === 'settled' && ++settled === 2) stop.abort(new Error('killed'));
  };
  await expect(run('second', { parallelDownloads: 1, signal: stop.signal, on })).rejects.toThrow('killed');
  await states.get('second')!.close();
  await openState('second');
  await chain.produceBlocks(10);
  expectSame(first, await run('second'));

  await chain.produceBlocks(40);
  expect(await trustOf('first')).toBe(1);
  expect(await trustOf('second')).toBe(1);

  await reach(startBlock + BLOCKS_PER_EPOCH);
  const second = await run('second');
  await chain.produceBlocks(20);
  const again = await run('first', { parallelDownloads: 1 });
  expect(again.report.startBlock).toBe(startBlock + BLOCKS_PER_EPOCH);
  expect(again.report.epochSeed).not.toBe(first.report.epochSeed);
  expectSame(second, again);
  await chain.produceBlocks(40);
  expect([await trustOf('first'), await trustOf('second')]).toEqual([1, 1]);
}, 240_000);

test('a newcomer with the ledger of another validator judges as that one does', async () => {
  const { address } = await WalletHotkey.open({ path: folder, name: 'first' });
  const path = join(folder, 'ledger');
  const hotkey = await WalletHotkey.open({ path: folder, name: 'first' });
  const exported = await exportLedger({ state: states.get('first')!, hotkey, path });
  expect(exported).toMatchObject({ hotkeys: 4, fingerprints: 5 });
  const use = async ({ genesisHash }: { genesisHash: string }) => genesisHash;
  const genesisHash = await subtensor.read({ what: 'looking which chain this is', use });
  const state = states.get('newcomer')!;
  await importLedger({ state, path, from: address, genesisHash, netuid: NETUID, competition: competition.id });

  await reach((Math.floor(chain.currentBlock() / BLOCKS_PER_EPOCH) + 1) * BLOCKS_PER_EPOCH);
  const first = await run('first');
  const newcomer = await run('newcomer');
  expectSame(first, newcomer);
  expect(newcomer.report.ledger).toEqual({ sinceBlock: first.report.ledger.sinceBlock, ledgerFrom: address });
  expect(await state.ledger()).toEqual(await states.get('first')!.ledger());
}, 240_000);
