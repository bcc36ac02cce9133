import { rmSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ChainMetadataStore,
  Competition,
  DatasetChecker,
  type DatasetRow,
  type EpochReport,
  FlockOffError,
  HubDatasetStore,
  LoraTrainer,
  loadEvaluationSet,
  ModelId,
  runEpoch,
  runValidator,
  Subtensor,
  silentLogger,
  type Validator,
  type ValidatorEvent,
  ValidatorState,
  WalletHotkey,
  WeightSetter,
} from 'flock-off';
import { LocalChain, LocalHub, TINY_BASE, writeDevWallet } from 'flock-off/local';
import type { UnsignedReceipt } from 'flock-off/validator';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { BLOCKS_PER_DAY, fetchDataset } from '../../src/validator/fetch-dataset.ts';
import { postponeOnFault } from '../../src/validator/postpone.ts';

// The real chain client, hub client and trainer against the local servers; only the datasets are small.

const NETUID = 96;
const TOKEN = 'hf_token';
const NO_WAITING = { nowMs: Date.now, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) };
const competition = Competition.parse({
  blocksPerEpoch: 1,
  baseline: 'off',
  recipe: { contextTokens: 48, epochs: 1, batchSize: 2, gradientAccumulation: 1, learningRate: 5e-3, warmupSteps: 1 },
});
let trainer: LoraTrainer;
let checker: DatasetChecker;
let folder: string;
let chain: LocalChain;
let hub: LocalHub;
let subtensor: Subtensor;
let state: ValidatorState;
let events: ValidatorEvent[];

beforeAll(async () => {
  trainer = await LoraTrainer.open({ inline: true, model: TINY_BASE });
  checker = new DatasetChecker();
});
afterAll(() => {
  trainer.dispose();
  checker.close();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-epoch-'));
  const neurons = [];
  // uid 0 is a miner on purpose: it must be able to win.
  for (const name of ['ann', 'ben', 'validator', 'cid']) {
    const wallet = await writeDevWallet({ path: folder, name });
    neurons.push({ ...wallet, validatorPermit: name === 'validator', stake: name === 'validator' ? 100 : 0 });
  }
  hub = await LocalHub.open({ users: [{ name: 'u', token: TOKEN }] });
  chain = await LocalChain.open({
    blockTimeMs: 50,
    subnets: [{ netuid: NETUID, tempo: 20, weightsRateLimit: 0, commitRevealEnabled: false, neurons }],
  });
  subtensor = await Subtensor.open({ endpoint: chain.url });
  state = await ValidatorState.open({ path: join(folder, 'state') });
  events = [];
  const rows = Array.from({ length: 3 }, (_, i) => row(`What is ${i} and ${i}?`, `It is ${i + i}.`));
  await writeRows('eval.jsonl', rows);
});
afterEach(async () => {
  await state.close();
  await subtensor.close();
  await chain.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

function row(question: string, answer: string): DatasetRow {
  return {
    conversations: [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ],
  };
}
const rowsOn = (topic: string, count = 6) =>
  Array.from({ length: count }, (_, i) => row(`Tell me of ${topic} ${i}.`, `The ${topic} number ${i} is here.`));
const writeRows = (name: string, rows: DatasetRow[]) =>
  writeFile(join(folder, name), rows.map((one) => `${JSON.stringify(one)}\n`).join(''));

/** Uploads and commits, as a bot would, without the checks of publishDataset. */
async function publish(name: string, rows: DatasetRow[]): Promise<void> {
  await writeRows(`${name}.jsonl`, rows);
  const { commit } = await new HubDatasetStore({ endpoint: hub.url, token: TOKEN }).upload({
    repo: `u/${name}`,
    path: join(folder, `${name}.jsonl`),
  });
  const hotkey = await WalletHotkey.open({ path: folder, name });
  await new ChainMetadataStore({ subtensor, netuid: NETUID }).commit({
    repo: `u/${name}`,
    competition: '1',
    commit,
    hotkey,
  });
}

async function validator(changed: Partial<Validator> = {}): Promise<Validator> {
  return {
    netuid: NETUID,
    competition,
    subtensor,
    metadata: new ChainMetadataStore({ subtensor, netuid: NETUID }),
    weightSetter: new WeightSetter({
      subtensor,
      netuid: NETUID,
      hotkey: await WalletHotkey.open({ path: folder, name: 'validator' }),
      pendingReveals: state.pendingReveals,
      beacon: chain.beacon,
    }),
    datasets: new HubDatasetStore({ endpoint: hub.url, attempts: 2, clock: NO_WAITING }),
    checker,
    trainer,
    evaluation: await loadEvaluationSet({ path: join(folder, 'eval.jsonl') }),
    state,
    cacheDir: join(folder, 'cache'),
    blockThreshold: 50,
    onEvent: (event) => events.push(event),
    ...changed,
  };
}

/** An object with some of its members replaced. */
function withInstead<T extends object>(target: T, instead: (name: string | symbol) => unknown): T {
  return new Proxy(target, {
    get(_, name) {
      const value = instead(name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Commits what is no pointer. */
async function commitGarbage(name: string): Promise<void> {
  await subtensor.submit({
    name: 'commitments.setCommitment',
    call: (tx) => tx.commitments!.setCommitment!(NETUID, { fields: [{ Raw3: new TextEncoder().encode('???') }] }),
    hotkey: await WalletHotkey.open({ path: folder, name }),
    landed: async () => null,
  });
}

const addressOf = async (name: string) => (await WalletHotkey.open({ path: folder, name })).address;
/** The moving average of a miner. */
const averageOf = async (name: string) => (await state.standings())[await addressOf(name)]?.average;

const entry = ({ entries }: EpochReport, uid: number) => entries.find((one) => one.uid === uid)!;
const trained = () => events.filter((event) => event.kind === 'training' && event.progress.step === 1).length;

test('defect 4: uid 0 can win, and the weights of the report are those on the chain', async () => {
  await publish(
    'ann',
    Array.from({ length: 6 }, (_, i) => row(`What is ${i + 5} and ${i + 5}?`, `It is ${i + i + 10}.`)),
  );
  await publish('ben', rowsOn('zzqx vvkw jjp'));
  const report = await runEpoch({ validator: await validator() });
  expect(entry(report, 0).score).toBe(1);
  expect(entry(report, 1).why).toBe('won 0 of 1 comparisons');
  const [top] = await subtensor.weights({ netuid: NETUID, uid: 2 });
  expect(top!.uid).toBe(0);
  expect(top!.weight).toBeCloseTo(entry(report, 0).weight, 3);
});

test('every step of every submission is kept where a folder for metrics is given', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  const metricsDir = join(folder, 'metrics');
  await runEpoch({ validator: await validator({ metricsDir }) });
  const files = (await readdir(metricsDir)).sort();
  expect(files).toEqual([expect.stringMatching(/^uid-0-[0-9a-f]{16}\.jsonl$/), expect.stringMatching(/^uid-1-/)]);
  const steps = events.filter((event) => event.kind === 'training' && event.uid === 0);
  const lines = (await readFile(join(metricsDir, files[0]!), 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).step)).toEqual(steps.map((_, i) => i + 1));
});

test('a later copy has weight 0 with the reason, and is not trained', async () => {
  await publish('ann', rowsOn('cat'));
  await publish(
    'ben',
    rowsOn('cat')
      .reverse()
      .map((one) => row(`  ${one.conversations[0]!.content.toUpperCase()}`, `${one.conversations[1]!.content}  `)),
  );
  const report = await runEpoch({ validator: await validator() });
  expect(entry(report, 1)).toMatchObject({
    weight: 0,
    outcome: { kind: 'rejected', verdict: { reason: 'duplicate' } },
  });
  expect(entry(report, 1).why).toBe(
    'rows left out: 6 shown earlier by uid 0: 0 of 6 rows are left, at least 3 are needed',
  );
  expect(trained()).toBe(1);
});

test('an original that was extended later still has its rows: the copier of the first version stays the copy', async () => {
  await publish('ann', rowsOn('cat'));
  await runEpoch({ validator: await validator() });
  await publish('ben', rowsOn('cat'));
  await publish('ann', [...rowsOn('cat'), ...rowsOn('dog', 2)]);
  const report = await runEpoch({ validator: await validator() });
  expect(entry(report, 0).outcome.kind).toBe('scored');
  expect(entry(report, 1).outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
});

test('of two equal datasets the one committed first is scored, whatever the uids', async () => {
  await publish('ben', rowsOn('cat'));
  await publish('ann', rowsOn('cat'));
  const report = await runEpoch({ validator: await validator() });
  expect(entry(report, 1).outcome.kind).toBe('scored');
  expect(entry(report, 0).outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
});

test('the copy of a dataset is found after its original named another one, whether that was read or not', async () => {
  await publish('ann', rowsOn('cat'));
  await runEpoch({ validator: await validator() });
  await publish('ben', rowsOn('cat'));
  await publish('ann', rowsOn('dog'));
  hub.faults.inject({ on: 'u/ann/', fault: { kind: 'status', status: 503 }, times: 1_000 });
  const unread = await runEpoch({ validator: await validator() });
  expect(entry(unread, 0).outcome.kind).toBe('postponed');
  expect(entry(unread, 1).outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
  hub.faults.clear();
  const read = await runEpoch({ validator: await validator() });
  expect(entry(read, 0).outcome.kind).toBe('scored');
  expect(entry(read, 1).outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
});

test('defects 6 and 7: a hub that is down postpones its miner, who keeps its share through many epochs', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  await publish('cid', rowsOn('owl'));
  await runEpoch({ validator: await validator() });
  const before = await averageOf('ann');
  expect(before).toBeGreaterThan(0);
  await publish('ann', rowsOn('bird'));
  hub.faults.inject({ on: 'u/ann/', fault: { kind: 'status', status: 503 }, times: 1_000 });
  for (let outage = 0; outage < 3; outage++) {
    const report = await runEpoch({ validator: await validator() });
    expect(entry(report, 0).outcome).toMatchObject({ kind: 'postponed', message: expect.stringContaining('503') });
    expect(await averageOf('ann')).toBeCloseTo(before!, 12);
  }
  hub.faults.clear();
  expect(entry(await runEpoch({ validator: await validator() }), 0).outcome.kind).toBe('scored');
});

test('a copy is found though its original was never drawn', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('cat'));
  await publish('cid', rowsOn('owl'));
  let undrawn = 0;
  for (let time = 1; undrawn === 0 && time <= 30; time++) {
    const path = join(folder, `state${time}`);
    const fresh = await ValidatorState.open({ path });
    const report = await runEpoch({ validator: await validator({ state: fresh, minersPerEpoch: 2 }) });
    await fresh.close();
    const { hotkeys } = events.findLast((event) => event.kind === 'drawn')!;
    if (!hotkeys.includes(await addressOf('ann'))) undrawn++;
    expect(entry(report, 1).outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
  }
  expect(undrawn).toBeGreaterThan(0);
});

test('what everybody has shown is read from the state once an epoch, and a dataset that did not change is not checked again', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  await runEpoch({ validator: await validator() });
  const [reads, checks] = [vi.spyOn(state, 'ledger'), vi.spyOn(checker, 'check')];
  await runEpoch({ validator: await validator() });
  expect([reads.mock.calls.length, checks.mock.calls.length]).toEqual([1, 0]);
  vi.restoreAllMocks();
});

test('a pointer that nobody can fetch counts against its miner though all others are read from the disk', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  await runEpoch({ validator: await validator() });
  await publish('ann', rowsOn('bird'));
  hub.faults.inject({ on: '/datasets/u/ann/', fault: { kind: 'body', status: 403, body: 'no' }, times: 1_000 });
  await runEpoch({ validator: await validator() });
  expect((await state.standings())[await addressOf('ann')]!.postponedEpochs).toBe(1);
  hub.faults.inject({ on: '/', fault: { kind: 'status', status: 503 }, times: 1_000 });
  await runEpoch({ validator: await validator() });
  expect((await state.standings())[await addressOf('ann')]!.postponedEpochs).toBe(1);
});

test('when everybody is refused, weights set before do not stand', async () => {
  await publish('ann', rowsOn('cat'));
  await runEpoch({ validator: await validator() });
  expect((await subtensor.weights({ netuid: NETUID, uid: 2 })).map(({ uid }) => uid)).toEqual([0]);
  await commitGarbage('ann');
  await runEpoch({ validator: await validator() });
  expect((await subtensor.weights({ netuid: NETUID, uid: 2 })).map(({ uid }) => uid)).toEqual([2]);
});

/** The chain's consensus by uid, until the subnet's next epoch, which is far away. */
async function setConsensus(shares: number[]): Promise<void> {
  chain.setHyperparameter({ netuid: NETUID, name: 'tempo', value: 10_000 });
  chain.setStorage(
    'SubtensorModule.Consensus',
    NETUID,
    shares.map((share) => Math.round(share * 65_535)),
  );
  await chain.produceBlocks(1);
}
const hubDown = (on = '/') => hub.faults.inject({ on, fault: { kind: 'status', status: 503 }, times: 1_000 });
const weightsOnChain = async () => (await subtensor.weights({ netuid: NETUID, uid: 2 })).map(({ uid }) => uid);

test('a validator that has evaluated nothing yet sends nothing, whatever the consensus', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  await setConsensus([0.6, 0.4, 0, 0]);
  hubDown();
  const logger = { ...silentLogger, warn: vi.fn() };
  const report = await runEpoch({ validator: await validator({ blockThreshold: 20_000, logger }) });
  const sentence =
    'no weights were sent, those set before stand: not one dataset has been scored yet, and 2 could not be evaluated in this epoch';
  expect(report).toMatchObject({ receipt: null, notSent: sentence });
  expect(logger.warn).toHaveBeenCalledWith(sentence);
  for (const { weight, why } of report.entries) {
    expect(weight).toBe(0);
    expect(why).toMatch(/^keeps its weight \(none were sent\) and is evaluated again: /);
  }
  expect(await weightsOnChain()).toEqual([]);
});

test('a lost state and an outage take nothing from anybody, though a pointer is refused', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  await commitGarbage('cid');
  expect((await runEpoch({ validator: await validator() })).notSent).toBeNull();
  const before = await weightsOnChain();
  expect(before).not.toEqual([]);
  const lost = await ValidatorState.open({ path: join(folder, 'lost') });
  hubDown();
  const report = await runEpoch({ validator: await validator({ state: lost, cacheDir: join(folder, 'empty') }) });
  await lost.close();
  expect(report).toMatchObject({ receipt: null, notSent: expect.stringContaining('2 could not be evaluated') });
  expect(await weightsOnChain()).toEqual(before);
});

test('whoever earned the weights and is refused loses them, though nobody else can be evaluated', async () => {
  await publish('ann', rowsOn('cat'));
  await runEpoch({ validator: await validator() });
  expect(await weightsOnChain()).toEqual([0]);
  await commitGarbage('ann');
  await publish('ben', rowsOn('dog'));
  await setConsensus([0.6, 0.4, 0, 0]);
  hubDown();
  const report = await runEpoch({ validator: await validator({ blockThreshold: 20_000 }) });
  expect(entry(report, 1)).toMatchObject({ outcome: { kind: 'postponed' }, weight: 0 });
  expect(await weightsOnChain()).toEqual([2]);
});

test('a logger that throws, such as on a full disk, stops neither scoring nor the weights', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  await commitGarbage('cid');
  const full = () => {
    throw Object.assign(new Error('no space left'), { code: 'ENOSPC', syscall: 'write' });
  };
  const logger = { trace: full, debug: full, info: full, warn: full, error: full };
  const report = await runEpoch({ validator: await validator({ logger }) });
  expect(report.entries.map(({ outcome }) => outcome.kind).sort()).toEqual(['rejected', 'scored', 'scored']);
  expect(report.receipt).not.toBeNull();
});

test('averages are sent again after an epoch without an evaluation', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  const { entries } = await runEpoch({ validator: await validator() });
  await publish('ann', rowsOn('owl'));
  await publish('ben', rowsOn('bat'));
  hubDown();
  const report = await runEpoch({ validator: await validator() });
  expect(report).toMatchObject({ receipt: expect.anything(), notSent: null });
  for (const { uid, weight } of entries) expect(entry(report, uid).weight).toBeCloseTo(weight, 5);
});

test('defect 11: a dataset at which training fails again and again is postponed; the others are scored', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  const failing = trainerFailingOn('cat');
  const report = await runEpoch({ validator: await validator({ trainer: failing.trainer, clock: NO_WAITING }) });
  expect(failing.failures()).toBe(3);
  expect(entry(report, 0)).toMatchObject({ outcome: { kind: 'postponed', by: 'trainer' } });
  expect(entry(report, 1).outcome.kind).toBe('scored');
});

test('an evaluation set that measures nothing ends the validator, and costs no miner anything', async () => {
  await publish('ann', rowsOn('cat'));
  await writeRows('unlabelled.jsonl', [row('Why? '.repeat(200), 'No.')]);
  const evaluation = await loadEvaluationSet({ path: join(folder, 'unlabelled.jsonl') });
  await expect(runEpoch({ validator: await validator({ evaluation }) })).rejects.toMatchObject({
    code: 'bad-argument',
    transient: false,
    message: expect.stringContaining('none of 1 evaluation rows has an assistant token'),
  });
  expect(events.filter(({ kind }) => kind === 'settled')).toEqual([]);
  expect(await subtensor.weights({ netuid: NETUID, uid: 2 })).toEqual([]);
});

test('defect 11: a device that trains nothing scores nobody: the epoch waits for it', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  const { trainer: lost } = trainerFailingOn('');
  await expect(runEpoch({ validator: await validator({ trainer: lost, clock: NO_WAITING }) })).rejects.toMatchObject({
    code: 'trainer-failed',
    transient: true,
    message: expect.stringMatching(/not one dataset of this epoch could be trained on: .*device lost/),
  });
  expect(await state.standings()).toEqual({});
  const report = await runEpoch({ validator: await validator() });
  expect(report.entries.map(({ outcome }) => outcome.kind)).toEqual(['scored', 'scored']);
});

test('a dataset on which training always fails, drawn alone, stops nobody and loses its share', async () => {
  await publish('ann', rowsOn('cat'));
  await runEpoch({ validator: await validator() });
  expect(await averageOf('ann')).toBe(1);
  await publish('ann', rowsOn('poison'));
  for (const average of [1, 1, 1, 0.5, 0.25]) {
    const { trainer: failing } = trainerFailingOn('poison');
    const report = await runEpoch({ validator: await validator({ trainer: failing, clock: NO_WAITING }) });
    expect(entry(report, 0).outcome).toMatchObject({ kind: 'postponed', by: 'trainer' });
    expect(await averageOf('ann')).toBe(average);
  }
});

/** The checker, with a process that ends on files of a repository. */
function checkerFailingOn(repo: string): { checker: DatasetChecker; asked: () => number } {
  let asked = 0;
  const check: DatasetChecker['check'] = async (parameters) => {
    if (!parameters.path.includes(repo)) return checker.check(parameters);
    asked++;
    throw new FlockOffError({ code: 'checker-failed', what: 'the process ended', transient: true });
  };
  return { checker: withInstead(checker, (name) => (name === 'check' ? check : undefined)), asked: () => asked };
}

test('a file on which the checking process fails is tried again after longer and longer', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  const failing = checkerFailingOn('u/ann');
  const found = await validator({ checker: failing.checker });
  const at = (await runEpoch({ validator: found })).startBlock;
  expect(failing.asked()).toBe(1);
  // As if an epoch took a million blocks: the second failure makes it wait for one, the third for three.
  const slow = { ...found, competition: { ...competition, blocksPerEpoch: 1_000_000 } };
  const tries = async (blocks: number) => {
    const before = failing.asked();
    const submission = { uid: 0, hotkey: await addressOf('ann'), commitBlock: at, pointer: await pointerOf('ann') };
    const parameters = { entry: undefined, block: at + blocks, onUnreadable: () => {}, onRefused: () => {} };
    const step = await postponeOnFault(() => fetchDataset(slow, submission, parameters));
    expect(step).toMatchObject({ kind: 'postponed', by: 'checker' });
    return failing.asked() - before;
  };
  expect(await tries(0)).toBe(1);
  expect(await tries(1)).toBe(0);
  expect(await tries(BLOCKS_PER_DAY / 2)).toBe(1);
  expect(await tries(BLOCKS_PER_DAY)).toBe(1);
});

test('while the checking process fails on every file, the epoch waits and no failure is counted', async () => {
  await publish('ann', rowsOn('cat'));
  const broken = checkerFailingOn('');
  const found = await validator({ checker: broken.checker, clock: NO_WAITING });
  await expect(runEpoch({ validator: found })).rejects.toMatchObject({ code: 'checker-failed', transient: true });
  await expect(runEpoch({ validator: found })).rejects.toMatchObject({ code: 'checker-failed' });
  expect(await state.standings()).toEqual({});
  expect((await runEpoch({ validator: await validator() })).entries[0]!.outcome.kind).toBe('scored');
});

async function pointerOf(name: string) {
  const { text } = (await new ChainMetadataStore({ subtensor, netuid: NETUID }).read({
    hotkey: await addressOf(name),
  }))!;
  return ModelId.decode(text!);
}

/** The trainer, with a device that fails on datasets that say something. */
function trainerFailingOn(words: string): { trainer: LoraTrainer; failures: () => number } {
  let failures = 0;
  const train: LoraTrainer['train'] = async (parameters) => {
    if (!JSON.stringify(parameters.rows).includes(words)) return trainer.train(parameters);
    failures++;
    throw new FlockOffError({ code: 'trainer-failed', what: 'device lost', transient: true });
  };
  const failing = withInstead(trainer, (name) => (name === 'train' ? train : undefined));
  return { trainer: failing, failures: () => failures };
}

test('a verdict stands while its pointer does, also when the miner is not drawn: consensus gives it nothing', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('cat'));
  await publish('cid', rowsOn('owl'));
  expect(entry(await runEpoch({ validator: await validator() }), 1).outcome.kind).toBe('rejected');
  chain.setHyperparameter({ netuid: NETUID, name: 'tempo', value: 10_000 });
  chain.setStorage('SubtensorModule.Consensus', NETUID, [20_000, 25_535, 0, 20_000]);
  await chain.produceBlocks(1);
  const ben = await addressOf('ben');
  let report: EpochReport;
  let drawn: string[];
  do {
    report = await runEpoch({ validator: await validator({ minersPerEpoch: 2, blockThreshold: 20_000 }) });
    drawn = events.findLast((event) => event.kind === 'drawn')!.hotkeys;
  } while (drawn.includes(ben));
  expect(entry(report, 1)).toMatchObject({
    weight: 0,
    outcome: { kind: 'rejected', verdict: { reason: 'duplicate' } },
  });
  expect((await subtensor.weights({ netuid: NETUID, uid: 2 })).map(({ uid }) => uid)).toEqual([0, 3]);
});

test('weights go to who is registered when they are sent, not to who takes over a uid during the training', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  const newcomer = await writeDevWallet({ path: folder, name: 'newcomer' });
  const onEvent = (event: ValidatorEvent) => {
    if (event.kind !== 'settled' || event.uid !== 1) return;
    chain.setStorage('SubtensorModule.Keys', NETUID, 1, newcomer.hotkey);
    chain.setStorage('SubtensorModule.Uids', NETUID, newcomer.hotkey, 1);
    chain.setStorage('SubtensorModule.Uids', NETUID, ben, null);
    void chain.produceBlocks(1);
  };
  const ben = await addressOf('ben');
  const report = await runEpoch({ validator: await validator({ onEvent }) });
  expect(entry(report, 1)).toMatchObject({
    hotkey: ben,
    weight: 0,
    why: 'left the subnet before the weights were sent',
  });
  expect((await subtensor.weights({ netuid: NETUID, uid: 2 })).map(({ uid }) => uid)).toEqual([0]);
});

test('datasets that no pointer names any more leave the disk; what was shown is kept, also of who left the subnet', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  await runEpoch({ validator: await validator() });
  const cached = (name: string) => readdir(join(folder, 'cache', 'datasets', 'u', name)).catch(() => []);
  const [first] = await cached('ann');
  const [ann, ben] = [await addressOf('ann'), await addressOf('ben')];
  const shown = async (hotkey: string) =>
    (await state.ledger()).find((entry) => entry.hotkey === hotkey)?.showings.map(({ rows }) => rows);
  expect(await shown(ben)).toEqual([6]);
  await publish('ann', rowsOn('bird'));
  chain.setStorage('SubtensorModule.Keys', NETUID, 1, (await writeDevWallet({ path: folder, name: 'new' })).hotkey);
  await chain.produceBlocks(1);
  await runEpoch({ validator: await validator() });
  expect(await cached('ann')).toHaveLength(1);
  expect(await cached('ann')).not.toContain(first);
  expect(await cached('ben')).toEqual([]);
  expect(await shown(ben)).toEqual([6]);
  expect(await shown(ann)).toEqual([6, 6]);
});

test('a dataset that was scored once is scored again after its repository is gone', async () => {
  await publish('ann', rowsOn('cat'));
  await runEpoch({ validator: await validator() });
  hub.deleteRepository('u/ann');
  expect(entry(await runEpoch({ validator: await validator() }), 0).outcome.kind).toBe('scored');
});

test('a damaged file in the cache is fetched again, never a verdict', async () => {
  await publish('ann', rowsOn('cat'));
  await runEpoch({ validator: await validator() });
  const cached = join(folder, 'cache', 'datasets', 'u', 'ann');
  const [commit] = await readdir(cached);
  await writeFile(join(cached, commit!, 'data.jsonl'), 'rubbish');
  expect(entry(await runEpoch({ validator: await validator() }), 0).outcome.kind).toBe('scored');
});

test('a cache that is emptied between download and training is filled again', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  const onEvent = ({ kind }: ValidatorEvent) => {
    if (kind === 'settled') rmSync(join(folder, 'cache', 'datasets'), { recursive: true, force: true });
  };
  const report = await runEpoch({ validator: await validator({ onEvent }) });
  expect([0, 1].map((uid) => entry(report, uid).outcome.kind)).toEqual(['scored', 'scored']);
});

test('validators that share a cache leave each other what they use', async () => {
  await publish('ann', rowsOn('cat'));
  await runEpoch({ validator: await validator() });
  const cached = () => readdir(join(folder, 'cache', 'datasets', 'u', 'ann'));
  const [first] = await cached();
  await publish('ann', rowsOn('bird'));
  const other = await ValidatorState.open({ path: join(folder, 'other') });
  await runEpoch({ validator: await validator({ state: other }) });
  await other.close();
  // No pointer names the first one now, but the first validator has not said yet that it needs it no more.
  expect(await cached()).toContain(first);
  await runEpoch({ validator: await validator() });
  expect(await cached()).not.toContain(first);
});

test('defect 13: garbage over a good pointer ends its weight', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  await runEpoch({ validator: await validator() });
  await commitGarbage('ann');
  const report = await runEpoch({ validator: await validator() });
  expect(entry(report, 0)).toMatchObject({
    weight: 0,
    outcome: { kind: 'rejected', verdict: { reason: 'invalid-pointer' } },
  });
  expect(await averageOf('ann')).toBe(0);
});

test('an epoch that should have ended long ago is dropped: its weights are not sent, and who was in it comes earlier', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  const stop = new AbortController();
  const onEvent = (event: ValidatorEvent) => {
    if (event.kind === 'settled') stop.abort(new Error('killed'));
  };
  const rules = { ...competition, blocksPerEpoch: 50 };
  await subtensor.waitForBlock({ block: Math.ceil((await subtensor.currentBlock()) / 50) * 50 });
  const killed = await validator({ onEvent, competition: rules });
  await expect(runEpoch({ validator: killed, signal: stop.signal })).rejects.toThrow('killed');
  const left = (await state.openEpoch())!;
  await chain.produceBlocks(500);
  const warned: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warned.push(message) };
  const report = await runEpoch({ validator: await validator({ competition: rules, logger }) });
  expect(warned[0]).toMatch(`the epoch of block ${left.startBlock} was not finished`);
  expect(report.startBlock).toBeGreaterThanOrEqual(left.startBlock + 500);
  expect(events.find(({ kind }) => kind === 'drawn')).toMatchObject({ resumed: false });
  expect(report.entries.map(({ outcome }) => outcome.kind)).toEqual(['scored', 'scored']);
  expect(await state.openEpoch()).toBeNull();
});

test('a validator stopped in the middle goes on with the same draw and trains nothing twice', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  await publish('cid', rowsOn('owl'));
  const stop = new AbortController();
  const onEvent = (event: ValidatorEvent) => {
    events.push(event);
    if (event.kind === 'settled' && events.filter(({ kind }) => kind === 'settled').length === 2)
      stop.abort(new Error('killed'));
  };
  const rules = { ...competition, blocksPerEpoch: 400 };
  await chain.produceBlocks(400 - ((await subtensor.currentBlock()) % 400));
  const killed = await validator({ onEvent, competition: rules });
  await expect(runEpoch({ validator: killed, signal: stop.signal })).rejects.toThrow('killed');
  const open = await state.openEpoch();
  await state.close();
  state = await ValidatorState.open({ path: join(folder, 'state') });
  expect(trained()).toBe(2);
  events = [];
  const report = await runEpoch({ validator: await validator({ competition: rules }) });
  expect(events[0]).toMatchObject({ kind: 'drawn', resumed: true, epochSeed: open!.epochSeed, hotkeys: open!.hotkeys });
  expect(trained()).toBe(1);
  expect(report.entries.map(({ outcome }) => outcome.kind)).toEqual(['scored', 'scored', 'scored']);
  expect(await state.openEpoch()).toBeNull();
});

test('an epoch whose end could not be stored comes to the same again: nothing of it was kept', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  const rules = { ...competition, blocksPerEpoch: 400 };
  await chain.produceBlocks(400 - ((await subtensor.currentBlock()) % 400));
  const finishEpoch = vi.spyOn(state, 'finishEpoch').mockRejectedValueOnce(new Error('the disk is full'));
  // Once the last dataset is scored nothing is stored before the end.
  let ledgerBefore: Promise<unknown>;
  const onEvent = ({ kind }: ValidatorEvent) => {
    if (kind === 'settled') ledgerBefore = state.ledger();
  };
  const left: UnsignedReceipt[] = [];
  const receipts = { put: async (receipt: UnsignedReceipt) => void left.push(receipt), retry: async () => {} };
  const again = { competition: rules, receipts, onEvent };
  await expect(runEpoch({ validator: await validator(again) })).rejects.toThrow('disk');
  finishEpoch.mockRestore();
  expect(await state.ledger()).toEqual(await ledgerBefore!);
  await runEpoch({ validator: await validator(again) });
  const [first, second] = left.map(({ inputs: { weighed, datasets, standings } }) => ({
    weighed,
    datasets,
    standings,
  }));
  expect(second).toEqual(first);
  expect(await state.ledger()).not.toEqual(await ledgerBefore!);
});

test('nobody with a dataset: no weights are sent, and the report says so', async () => {
  const report = await runEpoch({ validator: await validator() });
  const { backend, precision, baseSha256 } = trainer;
  expect(report).toMatchObject({ entries: [], receipt: null, trainer: { backend, precision, baseSha256 } });
});

test('runValidator runs epoch after epoch and retries what passes', async () => {
  await publish('ann', rowsOn('cat'));
  let failures = 2;
  const flaky = withInstead(subtensor, (name) => {
    if (name === 'metagraph' && failures-- > 0) chain.dropConnections();
  });
  const reports: EpochReport[] = [];
  await runValidator({
    validator: await validator({ subtensor: flaky, clock: NO_WAITING }),
    blocksPerEpoch: 3,
    epochs: 2,
    onReport: (report) => void reports.push(report),
  });
  expect(reports).toHaveLength(2);
  expect(reports[1]!.startBlock).toBeGreaterThanOrEqual(reports[0]!.startBlock + 3);
});

test('runValidator waits for the next epoch through faults of the chain', async () => {
  let faults = 3;
  const flaky = withInstead(subtensor, (name) =>
    name === 'waitForBlock' && faults-- > 0
      ? () => Promise.reject(new FlockOffError({ code: 'timeout', what: 'no new block', transient: true }))
      : undefined,
  );
  const reports: EpochReport[] = [];
  await runValidator({
    validator: await validator({ subtensor: flaky, clock: NO_WAITING }),
    blocksPerEpoch: 2,
    epochs: 2,
    onReport: (report) => void reports.push(report),
  });
  expect(faults).toBeLessThan(0);
  expect(reports).toHaveLength(2);
});

test('on a subnet with commit-reveal the weights are revealed while the validator runs', async () => {
  await publish('ann', rowsOn('cat'));
  chain.setStorage('SubtensorModule.CommitRevealWeightsEnabled', NETUID, true);
  await chain.produceBlocks(1);
  const clock = {
    nowMs: Date.now,
    sleep: ({ signal }: { signal?: AbortSignal | undefined }) =>
      new Promise<void>((resolve) => setTimeout(resolve, signal?.aborted ? 0 : 100)),
  };
  const block = Math.ceil((await subtensor.currentBlock()) / 60) * 60;
  await subtensor.waitForBlock({ block });
  await runValidator({ validator: await validator({ clock }), blocksPerEpoch: 60, epochs: 2 });
  expect((await subtensor.weights({ netuid: NETUID, uid: 2 })).map(({ uid }) => uid)).toEqual([0]);
});
