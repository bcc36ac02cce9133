import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ChainMetadataStore,
  Competition,
  connectSubtensor,
  createHubDatasetStore,
  type DatasetRow,
  type EpochReport,
  LoraTrainer,
  loadEvaluationSet,
  openHotkey,
  runEpoch,
  runValidator,
  type Subtensor,
  type Validator,
  type ValidatorEvent,
  ValidatorState,
  WeightSetter,
} from 'flock-off';
import {
  type LocalChain,
  type LocalHub,
  startLocalChain,
  startLocalHub,
  TINY_BASE,
  writeDevWallet,
} from 'flock-off/local';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

// The real chain client, hub client and trainer against the local servers; only the datasets are small.

const NETUID = 96;
const TOKEN = 'hf_token';
const NO_WAITING = { nowMs: Date.now, sleep: () => Promise.resolve() };
const competition = Competition.parse({
  recipe: { contextTokens: 48, epochs: 1, batchSize: 2, gradientAccumulation: 1, learningRate: 5e-3, warmupSteps: 1 },
});
let trainer: LoraTrainer;
let folder: string;
let chain: LocalChain;
let hub: LocalHub;
let subtensor: Subtensor;
let state: ValidatorState;
let events: ValidatorEvent[];

beforeAll(async () => {
  trainer = await LoraTrainer.load({ model: TINY_BASE });
});
afterAll(() => trainer.dispose());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-epoch-'));
  const neurons = [];
  // uid 0 is a miner on purpose: it must be able to win.
  for (const name of ['ann', 'ben', 'validator', 'cid']) {
    const wallet = await writeDevWallet({ path: folder, name });
    neurons.push({ ...wallet, validatorPermit: name === 'validator', stake: name === 'validator' ? 100 : 0 });
  }
  hub = await startLocalHub({ users: [{ name: 'u', token: TOKEN }] });
  chain = await startLocalChain({
    blockTimeMs: 50,
    commitmentCooldownBlocks: 0,
    subnets: [{ netuid: NETUID, tempo: 20, weightsRateLimit: 0, neurons }],
  });
  subtensor = await connectSubtensor({ endpoint: chain.url });
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
  const { commit } = await createHubDatasetStore({ endpoint: hub.url, token: TOKEN }).upload({
    repo: `u/${name}`,
    path: join(folder, `${name}.jsonl`),
  });
  const hotkey = await openHotkey({ path: folder, name });
  await new ChainMetadataStore({ subtensor, netuid: NETUID }).commit(
    { repo: `u/${name}`, competition: '1', commit },
    { hotkey },
  );
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
      hotkey: await openHotkey({ path: folder, name: 'validator' }),
      pendingReveals: state.pendingReveals,
    }),
    datasets: createHubDatasetStore({ endpoint: hub.url, attempts: 2, clock: NO_WAITING }),
    trainer,
    evaluation: await loadEvaluationSet({ path: join(folder, 'eval.jsonl') }),
    state,
    cacheDir: join(folder, 'cache'),
    blockThreshold: 50,
    queueSeed: 1,
    onEvent: (event) => events.push(event),
    ...changed,
  };
}

const entry = ({ entries }: EpochReport, uid: number) => entries.find((one) => one.uid === uid)!;
const trained = () => events.filter((event) => event.kind === 'training' && event.progress.step === 1).length;

test('defect 4: uid 0 can win, and the weights of the report are those on the chain', async () => {
  await publish(
    'ann',
    Array.from({ length: 6 }, (_, i) => row(`What is ${i + 5} and ${i + 5}?`, `It is ${i + i + 10}.`)),
  );
  await publish('ben', rowsOn('zzqx vvkw jjp'));
  const report = await runEpoch(await validator());
  expect(entry(report, 0).winRate).toBe(1);
  expect(entry(report, 1).why).toBe('won 0 of 1 comparisons');
  const [top] = await subtensor.weights(NETUID, 2);
  expect(top!.uid).toBe(0);
  expect(top!.weight).toBeCloseTo(entry(report, 0).weight, 3);
});

test('a later copy has weight 0 with the reason, and is not trained', async () => {
  await publish('ann', rowsOn('cat'));
  await publish(
    'ben',
    rowsOn('cat')
      .reverse()
      .map((one) => row(`  ${one.conversations[0]!.content.toUpperCase()}`, `${one.conversations[1]!.content}  `)),
  );
  const report = await runEpoch(await validator());
  expect(entry(report, 1)).toMatchObject({
    weight: 0,
    outcome: { kind: 'rejected', verdict: { reason: 'duplicate' } },
  });
  expect(entry(report, 1).why).toBe('6 rows (100 %) were shown earlier by uid 0');
  expect(trained()).toBe(1);
});

test('an original that was extended later still has its rows: the copier of the first version stays the copy', async () => {
  await publish('ann', rowsOn('cat'));
  await runEpoch(await validator());
  await publish('ben', rowsOn('cat'));
  await publish('ann', [...rowsOn('cat'), ...rowsOn('dog', 2)]);
  const report = await runEpoch(await validator());
  expect(entry(report, 0).outcome.kind).toBe('scored');
  expect(entry(report, 1).outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
});

test('defects 6 and 7: a hub that is down postpones its miner, who keeps the weight earned before', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  await runEpoch(await validator());
  const before = await state.weights();
  await publish('ann', rowsOn('bird'));
  hub.faults.inject({ on: 'u/ann/', fault: { kind: 'status', status: 503 }, times: 1_000 });
  const report = await runEpoch(await validator());
  expect(entry(report, 0).outcome).toMatchObject({ kind: 'postponed', message: expect.stringContaining('503') });
  const after = await state.weights();
  const ann = (await openHotkey({ path: folder, name: 'ann' })).address;
  expect(before[ann]).toBeGreaterThan(0);
  expect(after[ann]).toBeGreaterThan(0);
  hub.faults.clear();
  expect(entry(await runEpoch(await validator()), 0).outcome.kind).toBe('scored');
});

test('a dataset that was scored once is scored again after its repository is gone', async () => {
  await publish('ann', rowsOn('cat'));
  await runEpoch(await validator());
  hub.deleteRepository('u/ann');
  expect(entry(await runEpoch(await validator()), 0).outcome.kind).toBe('scored');
});

test('a damaged file in the cache is fetched again, never a verdict', async () => {
  await publish('ann', rowsOn('cat'));
  await runEpoch(await validator());
  const cached = join(folder, 'cache', 'datasets', 'u', 'ann');
  const [commit] = await readdir(cached);
  await writeFile(join(cached, commit!, 'data.jsonl'), 'rubbish');
  expect(entry(await runEpoch(await validator()), 0).outcome.kind).toBe('scored');
});

test('defect 13: garbage over a good pointer ends its weight', async () => {
  await publish('ann', rowsOn('cat'));
  await publish('ben', rowsOn('dog'));
  await runEpoch(await validator());
  const hotkey = await openHotkey({ path: folder, name: 'ann' });
  await subtensor.submit({
    name: 'commitments.setCommitment',
    call: (tx) => tx.commitments!.setCommitment!(NETUID, { fields: [{ Raw3: new TextEncoder().encode('???') }] }),
    hotkey,
    landed: async () => null,
  });
  const report = await runEpoch(await validator());
  expect(entry(report, 0)).toMatchObject({
    weight: 0,
    outcome: { kind: 'rejected', verdict: { reason: 'invalid-pointer' } },
  });
  expect(await state.weights()).not.toHaveProperty(hotkey.address);
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
  await expect(runEpoch(await validator({ onEvent }), { signal: stop.signal })).rejects.toThrow('killed');
  const open = await state.openEpoch();
  await state.close();
  state = await ValidatorState.open({ path: join(folder, 'state') });
  expect(trained()).toBe(2);
  events = [];
  const report = await runEpoch(await validator());
  expect(events[0]).toMatchObject({ kind: 'drawn', resumed: true, epochSeed: open!.epochSeed, hotkeys: open!.hotkeys });
  expect(trained()).toBe(1);
  expect(report.entries.map(({ outcome }) => outcome.kind)).toEqual(['scored', 'scored', 'scored']);
  expect(await state.openEpoch()).toBeNull();
});

test('nobody with a dataset: no weights are sent, and the report says so', async () => {
  const report = await runEpoch(await validator());
  expect(report).toMatchObject({ entries: [], receipt: null });
});

test('runValidator runs epoch after epoch and retries what passes', async () => {
  await publish('ann', rowsOn('cat'));
  let failures = 2;
  const flaky = new Proxy(subtensor, {
    get(target, name) {
      if (name === 'metagraph' && failures-- > 0) chain.dropConnections();
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const reports: EpochReport[] = [];
  await runValidator(await validator({ subtensor: flaky, clock: NO_WAITING }), {
    blocksPerEpoch: 3,
    epochs: 2,
    onReport: (report) => void reports.push(report),
  });
  expect(reports).toHaveLength(2);
  expect(reports[1]!.startBlock).toBeGreaterThanOrEqual(reports[0]!.startBlock + 3);
});

test('on a subnet with commit-reveal the weights are revealed while the validator runs', async () => {
  await publish('ann', rowsOn('cat'));
  chain.setStorage('SubtensorModule.CommitRevealWeightsEnabled', NETUID, true);
  await chain.produceBlocks(1);
  const clock = {
    nowMs: Date.now,
    sleep: (_: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => setTimeout(resolve, signal?.aborted ? 0 : 100)),
  };
  await runValidator(await validator({ clock }), { blocksPerEpoch: 60, epochs: 2 });
  expect((await subtensor.weights(NETUID, 2)).map(({ uid }) => uid)).toEqual([0]);
});
