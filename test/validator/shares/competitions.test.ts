import { cp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  auditReceipts,
  Competition,
  type EpochReport,
  FlockOffError,
  HubDatasetStore,
  type PlayedCompetition,
  type Policy,
  type Receipt,
  ReceiptFolder,
  runCompetitions,
  runValidator,
  type ScheduledShare,
  silentLogger,
  type Trainer,
  type Validator,
  ValidatorState,
  WalletHotkey,
  winRatesPolicy,
} from 'flock-off';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { normaliseWeights } from '../../../src/chain/weights/normalise.ts';
import { abortable } from '../../../src/shared/abortable.ts';
import { canonicalJson } from '../../../src/shared/canonical-json.ts';
import { type Clock, systemClock } from '../../../src/shared/clock.ts';
import { seal } from '../../../src/validator/receipts/seal.ts';
import { stubTrainer } from '../../fleet/stub-trainer.ts';
import { closeMachine, type Machine, Miners, NETUID, NO_WAITING, openMachine } from '../miners.ts';
import { RECIPE, rowsOn } from '../receipts/real-receipts.ts';

// One validator and two competitions on one subnet, with two miners each: real chain, hub and trainer.

const NAMES = ['ann', 'ben', 'cid', 'dan'];
const SHARES = { a: 0.7, b: 0.3 };
type Id = keyof typeof SHARES;
const IDS: Id[] = ['a', 'b'];

/** What fails is tried again soon, and not without a pause: it goes on beside the others. */
const HASTY: Clock = {
  nowMs: Date.now,
  sleep: ({ durationMs, signal }) => systemClock.sleep({ durationMs: Math.min(durationMs, 20), signal }),
};

let machine: Machine;
let miners: Miners;
let states: Record<Id, ValidatorState>;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(() => closeMachine(machine));
beforeEach(async () => {
  const competition = Competition.parse({ recipe: RECIPE });
  miners = await Miners.open({ machine, competition, names: NAMES, evaluation: rowsOn('sum', 16) });
  await miners.publish('ann', rowsOn('cat'), { competition: 'a' });
  await miners.publish('ben', rowsOn('dog', 9), { competition: 'a' });
  await miners.publish('cid', rowsOn('owl'), { competition: 'b' });
  await miners.publish('dan', rowsOn('fir', 9), { competition: 'b' });
  const opened = IDS.map(async (id) => [id, await ValidatorState.open({ path: join(miners.folder, id, 'state') })]);
  states = Object.fromEntries(await Promise.all(opened));
});
afterEach(async () => {
  for (const id of IDS) await states[id].close();
  await miners.close();
});

/** What differs from the rest, by competition. */
type Changes = Partial<Record<Id, Partial<Validator>>>;

async function played(changes: Changes = {}): Promise<PlayedCompetition[]> {
  const common = await miners.validator({ subtensor: miners.subtensor, clock: HASTY });
  const hotkey = await WalletHotkey.open({ path: miners.folder, name: 'validator' });
  return IDS.map((id): PlayedCompetition => {
    // So warm that whoever loses has something, too.
    const policy = { name: 'win-rates', parameters: { temperature: 1 } };
    const rules = { id, blocksPerEpoch: 1, recipe: RECIPE, readableWithinBlocks: 0, baseline: 'off', policy };
    const receipts = new ReceiptFolder({ folder: join(miners.folder, 'competitions', id, 'reports'), hotkey });
    const own = { competition: Competition.parse(rules), state: states[id], receipts };
    return { validator: { ...common, ...own, ...changes[id] }, shares: [{ fromBlock: 0, share: SHARES[id] }] };
  });
}

/** Reports of one round, by competition. */
async function round(
  changes: Changes = {},
  more: Partial<Parameters<typeof runCompetitions>[0]> = {},
): Promise<Partial<Record<Id, EpochReport>>> {
  const reports: EpochReport[] = [];
  const onReport = (report: EpochReport) => void reports.push(report);
  const competitions = await played(changes);
  await runCompetitions({ competitions, state: miners.state, epochs: 1, onReport, ...more });
  return Object.fromEntries(reports.map((report) => [report.competition, report]));
}

const reportsOf = (id: Id) => join(miners.folder, 'competitions', id, 'reports');

async function lastReceipt(id: Id): Promise<{ path: string; receipt: Receipt }> {
  const names = (await readdir(reportsOf(id))).sort((a, b) => Number(/\d+/.exec(b)) - Number(/\d+/.exec(a)));
  const path = join(reportsOf(id), names[0]!);
  return { path, receipt: JSON.parse(await readFile(path, 'utf8')) };
}

const audit = (paths = IDS.map(reportsOf)) => auditReceipts({ paths, subtensor: miners.subtensor });
const findingsOf = ({ reports }: Awaited<ReturnType<typeof audit>>) => reports.flatMap(({ findings }) => findings);

/** Values on the chain, by uid. */
function onChain(): Record<number, number> {
  const set = miners.chain.weights({ netuid: 7, uid: NAMES.length });
  return Object.fromEntries(set.map(({ uid, value }) => [uid, value]));
}

/** What the chain should have of the weights of both, by hand. */
function blended(a: Receipt, b: Receipt, shares: Record<Id, number> = SHARES): Record<number, number> {
  const weights = [
    ...a.inputs.weighed.weights.map(({ uid, weight }) => ({ uid, weight: shares.a * weight })),
    ...b.inputs.weighed.weights.map(({ uid, weight }) => ({ uid, weight: shares.b * weight })),
  ];
  const { uids, values } = normaliseWeights(weights);
  return Object.fromEntries(uids.map((uid, i) => [uid, values[i]!]));
}

const shareOf = (uids: number[]) => {
  const all = Object.entries(onChain());
  const sum = all.reduce((total, [, value]) => total + value, 0);
  return all.reduce((total, [uid, value]) => total + (uids.includes(Number(uid)) ? value : 0), 0) / sum;
};

test('weights on the chain are those of both by their shares; the reports of both show it, and a changed one does not', async () => {
  const first = await round();
  expect(first.a).toMatchObject({ competition: 'a', share: 0.7, receipt: first.b!.receipt });
  expect(first.b).toMatchObject({ competition: 'b', share: 0.3 });
  await round();
  const [a, b] = [await lastReceipt('a'), await lastReceipt('b')];
  expect(onChain()).toEqual(blended(a.receipt, b.receipt));
  expect(Object.keys(onChain())).toEqual(['0', '1', '2', '3']);
  expect(shareOf([2, 3])).toBeCloseTo(0.3, 4);
  // Whoever plays the other one is no miner of this one.
  expect(a.receipt.entries.find(({ uid }) => uid === 2)!.outcome).toMatchObject({
    verdict: { reason: 'wrong-competition' },
  });

  const sound = await audit();
  expect([findingsOf(sound), sound.good, sound.reports.length]).toEqual([[], true, 4]);
  expect(sound.chain!.join(' ')).toMatch(/the weights of the report of block \d+ stand on the chain/);
  const alone = await audit([reportsOf('a')]);
  expect(alone.reports.at(-1)!.unchecked).toContainEqual(
    `the weights of competition b: its report of block ${b.receipt.startBlock} was not given`,
  );

  // A digit that somebody changes later.
  const text = await readFile(b.path, 'utf8');
  const share = text.indexOf('"share":0.7');
  await writeFile(b.path, `${text.slice(0, share)}"share":0.6${text.slice(share + 11)}`);
  expect(findingsOf(await audit())[0]).toEqual({ place: 'inputs.blend.parts[0].share', why: 'is not what was signed' });

  // What the validator itself says otherwise in the report of the one and in that of the other.
  const { seal: _, ...said } = structuredClone(b.receipt);
  const [ann, ben] = said.inputs.blend!.parts[0]!.weights;
  [ann!.weight, ben!.weight] = [ben!.weight, ann!.weight];
  const hotkey = await WalletHotkey.open({ path: miners.folder, name: 'validator' });
  await writeFile(b.path, `${canonicalJson(await seal(said, hotkey))}\n`);
  const places = findingsOf(await audit()).map(({ place }) => place);
  expect(places).toContain('inputs.blend.parts[0].weights[0].weight');
  expect(places).toContain('inputs.blend.weights[0].weight');
}, 240_000);

test('a competition that cannot be evaluated keeps its share for three epochs, then less; the other’s miners keep theirs', async () => {
  await round();
  const b = await lastReceipt('b');
  // Its hub is away.
  const nowhere = new HubDatasetStore({ endpoint: 'http://127.0.0.1:9', attempts: 1, clock: NO_WAITING });
  await miners.publish('cid', rowsOn('elk'), { competition: 'b' });
  await round({ b: { datasets: nowhere } });
  expect(shareOf([2, 3])).toBeCloseTo(0.3, 4);
  expect((await lastReceipt('b')).receipt.inputs.blend!.parts[1]).toMatchObject({ from: 'epoch', missed: 0 });

  // Its training fails.
  const stands = (await lastReceipt('b')).receipt;
  const fails = () => {
    throw new FlockOffError({ code: 'trainer-failed', what: 'no device', fix: 'plug it in', transient: true });
  };
  const broken = { ...machine.trainer, train: fails, evaluate: fails } as unknown as Trainer;
  const failing = { b: { trainer: broken } };
  await miners.publish('dan', rowsOn('gnu'), { competition: 'b' });
  for (const missed of [1, 2, 3]) {
    const reports = await round(failing);
    expect(Object.keys(reports)).toEqual(['a']);
    const { receipt } = await lastReceipt('a');
    expect(receipt.inputs.blend!.parts[1]).toMatchObject({ from: 'earlier', startBlock: stands.startBlock, missed });
    expect(onChain()).toEqual(blended(receipt, stands));
  }
  await round(failing);
  expect(shareOf([2, 3])).toBeCloseTo(0.15 / 0.85, 4);
  await round(failing, { restUid: 4 });
  expect([shareOf([0, 1]), shareOf([2, 3]), shareOf([4])].map((share) => Number(share.toFixed(3)))).toEqual([
    0.7, 0.075, 0.225,
  ]);
  // And back.
  await round();
  expect(shareOf([2, 3])).toBeCloseTo(0.3, 4);
  const audited = await audit();
  expect(findingsOf(audited)).toEqual([]);
  expect(audited.reports.flatMap(({ unchecked }) => unchecked)).toContain(
    'why competition b could not be evaluated in 3 of its epochs',
  );
  expect(b.receipt.startBlock).toBeLessThan(stands.startBlock);
}, 240_000);

test('a validator that is killed between two reports of a round sends the same, and trains on nobody again', async () => {
  // Longer than this takes on any machine.
  const blocksPerEpoch = 2_000;
  const { block } = await miners.subtensor.metagraph({ netuid: 7 });
  await miners.pass(blocksPerEpoch - (block % blocksPerEpoch));
  const killed = new Proxy(states.b, {
    get(state, name: keyof ValidatorState) {
      if (name === 'finishEpoch') return () => Promise.reject(new Error('killed'));
      const value: unknown = state[name];
      return typeof value === 'function' ? value.bind(state) : value;
    },
  });
  await expect(round({ b: { state: killed } }, { blocksPerEpoch })).rejects.toThrow('killed');
  const sent = onChain();
  expect(Object.keys(sent)).toEqual(['0', '1', '2', '3']);
  const trained = () => miners.events.filter(({ kind }) => kind === 'training').length;
  const before = trained();

  const reports = await round({}, { blocksPerEpoch });
  expect(Object.keys(reports)).toEqual(['b']);
  expect(trained()).toBe(before);
  expect(onChain()).toEqual(sent);
  const [a, b] = [await lastReceipt('a'), await lastReceipt('b')];
  expect(onChain()).toEqual(blended(a.receipt, b.receipt));
  expect(b.receipt.inputs.blend!.parts[0]).toMatchObject({
    from: 'earlier',
    startBlock: a.receipt.startBlock,
    missed: 0,
  });
  expect(findingsOf(await audit())).toEqual([]);
}, 240_000);

test('a competition that cannot begin, or whose policy fails, does not stop the other', async () => {
  await round();
  const b = (await lastReceipt('b')).receipt;
  const fails = () => {
    throw new Error('no such thing');
  };
  for (const [missed, decision] of [
    [1, 'draw'],
    [2, 'weigh'],
  ] as const) {
    const policy: Policy = { ...winRatesPolicy({ temperature: 1 }), [decision]: fails };
    const reports = await round({ b: { policy } });
    expect(Object.keys(reports)).toEqual(['a']);
    const { receipt } = await lastReceipt('a');
    expect(receipt.inputs.blend!.parts[1]).toMatchObject({ from: 'earlier', startBlock: b.startBlock, missed });
    const told = miners.events.filter(({ kind }) => kind === 'interrupted');
    const expected = { kind: 'interrupted', error: expect.any(FlockOffError), delayMs: null };
    expect(told).toEqual(Array(missed).fill(expected));
  }

  // The node has dropped the block that its epoch begins with.
  await states.b.close();
  states.b = await ValidatorState.open({ path: join(miners.folder, 'b', 'new-state') });
  const { metadata } = await miners.validator();
  const blocksPerEpoch = 2_000;
  const without: Validator['metadata'] = {
    readPositions: (parameters) => metadata.readPositions(parameters),
    readSubnetAt: async (parameters) =>
      parameters.block % blocksPerEpoch === 0 ? null : metadata.readSubnetAt(parameters),
  };
  const [, of] = await played();
  const rules = { ...of!.validator.competition, blocksPerEpoch };
  const later = await round({ a: { metadata: without }, b: { competition: rules } });
  expect(Object.keys(later)).toEqual(['a']);
  expect((await lastReceipt('a')).receipt.inputs.blend!.parts[1]).toMatchObject({ from: 'earlier', missed: 2 });
}, 240_000);

test('the rest goes to nobody who is not there, which is told before anybody is trained on', async () => {
  await expect(round({}, { restUid: 99 })).rejects.toMatchObject({
    code: 'bad-argument',
    message: expect.stringContaining('uid 99, which nobody has'),
  });
  expect(miners.events.filter(({ kind }) => kind === 'training')).toEqual([]);
}, 60_000);

test('shares of more than 1, one state for two, and one competition twice are refused before anything is read', async () => {
  const [a, b] = await played();
  const run = (competitions: PlayedCompetition[]) => runCompetitions({ competitions, state: miners.state, epochs: 1 });
  const share = (one: PlayedCompetition, of: number) => ({ ...one, shares: [{ fromBlock: 0, share: of }] });
  for (const [competitions, words] of [
    [[a!, share(b!, 0.4)], 'sum to 1.1 from block 0 on'],
    [[a!, a!], 'competition "a" is named twice'],
    [[a!, { ...b!, validator: { ...b!.validator, state: states.a } }], 'have the same state'],
    [[], 'there is no competition'],
    [[share(a!, 0)], 'no competition has a share'],
  ] as [PlayedCompetition[], string][])
    await expect(run(competitions)).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringContaining(words),
    });
}, 60_000);

/** A trainer that nobody waits for. */
const FAST = stubTrainer() as unknown as Trainer;
const stubbed: Changes = { a: { trainer: FAST }, b: { trainer: FAST } };

test('a competition whose training takes long keeps what stands for it, and the other’s weights go out in each epoch', async () => {
  await round(stubbed);
  const before = (await lastReceipt('b')).receipt;
  await miners.publish('dan', rowsOn('elk'), { competition: 'b' });
  let goOn = () => {};
  const slow = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const train: Trainer['train'] = async (parameters) => {
    await abortable(slow, parameters.signal ?? new AbortController().signal);
    return FAST.train(parameters);
  };
  // Less than an epoch of this chain: there is a time for the weights.
  const inTime = { blockThreshold: 5 };
  const changes: Changes = { a: { trainer: FAST, ...inTime }, b: { trainer: { ...FAST, train }, ...inTime } };
  const done = new AbortController();
  const ends: number[] = [];
  const onReport = async (report: EpochReport) => {
    if (report.competition === 'b') return done.abort(new Error('done'));
    // That of the round in which the other is through comes first.
    if (ends.length === 3) return;
    const { receipt } = await lastReceipt('a');
    expect(receipt.inputs.blend!.parts[1]).toMatchObject({ from: 'earlier', startBlock: before.startBlock, missed: 0 });
    expect(onChain()).toEqual(blended(receipt, before));
    ends.push(receipt.inputs.blend!.countsFrom!);
    if (ends.length === 3) goOn();
  };
  const competitions = await played(changes);
  const run = runCompetitions({ competitions, state: miners.state, onReport, signal: done.signal });
  await expect(run).rejects.toThrow('done');
  // Once in each epoch of the subnet.
  expect(new Set(ends).size).toBe(ends.length);
  const { receipt } = await lastReceipt('b');
  expect(receipt.inputs.blend!.parts[1]).toMatchObject({ from: 'epoch', startBlock: receipt.startBlock });
  // It was drawn when it was due, and not when the others were through.
  expect(receipt.startBlock).toBeLessThan(ends[0]!);
  expect(findingsOf(await audit())).toEqual([]);
}, 240_000);

test('weights that come into a block of the next epoch of the subnet are those of that epoch: no others follow in it', async () => {
  // Both have some then.
  await round(stubbed);
  const { weightSetter } = await miners.validator({ subtensor: miners.subtensor });
  const blocks: number[] = [];
  const lateOnce: Validator['weightSetter'] = {
    reveal: (parameters) => weightSetter.reveal(parameters),
    set: async (parameters) => {
      if (blocks.length === 0) {
        const { nextEpochBlock } = await miners.subtensor.epoch({ netuid: NETUID });
        await miners.subtensor.waitForBlock({ block: nextEpochBlock + 1 });
      }
      const receipt = await weightSetter.set(parameters);
      blocks.push(receipt.block);
      return receipt;
    },
  };
  const late = { trainer: FAST, weightSetter: lateOnce, blockThreshold: 5 };
  await round({ a: late, b: late }, { epochs: 2 });
  const { nextEpochBlock, periodBlocks } = await miners.subtensor.epoch({ netuid: NETUID });
  const [first, second] = blocks.map((block) => Math.floor((block - nextEpochBlock) / periodBlocks));
  expect(second).toBeGreaterThan(first!);
}, 120_000);

test('after weights that could not be sent, those of all that were through go out, and nobody is scored again', async () => {
  let attempts = 0;
  const { weightSetter } = await miners.validator({ subtensor: miners.subtensor });
  const failsOnce: Validator['weightSetter'] = {
    reveal: (parameters) => weightSetter.reveal(parameters),
    set: async (parameters) => {
      if (++attempts === 1) throw new FlockOffError({ code: 'timeout', what: 'no answer', transient: true });
      return weightSetter.set(parameters);
    },
  };
  const warned: string[] = [];
  const logger = { ...silentLogger, warn: (line: string) => void warned.push(line) };
  const reports = await round({
    a: { trainer: FAST, weightSetter: failsOnce, logger },
    b: { trainer: FAST, weightSetter: failsOnce, logger },
  });
  // It is none of one of them.
  expect(miners.events.filter(({ kind }) => kind === 'interrupted')).toMatchObject([{ ofAll: true }]);
  expect(warned.filter((line) => line.includes('no answer'))).toEqual([
    expect.stringMatching(/^interrupted: no answer/),
  ]);
  expect([attempts, Object.keys(reports).sort()]).toEqual([2, IDS]);
  expect(miners.events.filter(({ kind }) => kind === 'scoring')).toHaveLength(2);
  const [a, b] = [await lastReceipt('a'), await lastReceipt('b')];
  expect(onChain()).toEqual(blended(a.receipt, b.receipt));
  expect(findingsOf(await audit())).toEqual([]);
}, 120_000);

test('the consensus is scaled by the share that the weights on the chain were sent with, also where it changes in mid-epoch', async () => {
  await round(stubbed);
  const shares: Record<Id, ScheduledShare[]> = {
    a: [{ fromBlock: 0, share: SHARES.a }],
    b: [{ fromBlock: 0, share: SHARES.b }],
  };
  // It changes while somebody of its epoch is trained on.
  const train: Trainer['train'] = async (parameters) => {
    if (shares.b.length === 1) {
      const { block } = await miners.subtensor.metagraph({ netuid: 7 });
      shares.a.push({ fromBlock: block + 1, share: 0.2 });
      shares.b.push({ fromBlock: block + 1, share: 0.8 });
      await miners.pass(2);
    }
    return FAST.train(parameters);
  };
  const play = async () => {
    const competitions = await played({ ...stubbed, b: { trainer: { ...FAST, train } } });
    const scheduled = competitions.map((one, i) => ({ ...one, shares: shares[IDS[i]!] }));
    await runCompetitions({ competitions: scheduled, state: miners.state, epochs: 1 });
    const { parts, portion } = (await lastReceipt('b')).receipt.inputs.blend!;
    return [parts[1]!.share, portion];
  };
  await miners.pass(25);
  expect(await play()).toEqual([0.8, 0.3]);
  await miners.pass(25);
  expect(await play()).toEqual([0.8, 0.8]);
  const sound = await audit();
  expect(findingsOf(sound)).toEqual([]);

  const hotkey = await WalletHotkey.open({ path: miners.folder, name: 'validator' });
  const last = await lastReceipt('b');
  const { seal: _, ...said } = structuredClone(last.receipt);
  said.inputs.blend!.portion = 0.3;
  await writeFile(last.path, `${canonicalJson(await seal(said, hotkey))}\n`);
  expect(findingsOf(await audit())).toContainEqual({
    place: 'inputs.blend.portion',
    why: expect.stringMatching(/^is 0\.3, and the weights that stood on the chain in block \d+ were sent with 0\.8$/),
  });
  delete said.inputs.blend!.portion;
  await writeFile(last.path, `${canonicalJson(await seal(said, hotkey))}\n`);
  expect(findingsOf(await audit())).toContainEqual({
    place: 'inputs.blend.portion',
    why: 'cannot be used (is missing)',
  });
}, 240_000);

test('reports of the first version say nothing of it, and are audited as they were written', async () => {
  await round(stubbed);
  const hotkey = await WalletHotkey.open({ path: miners.folder, name: 'validator' });
  for (const id of IDS) {
    const { path, receipt } = await lastReceipt(id);
    const { seal: _, ...said } = receipt;
    const { portion: __, countsFrom: ___, ...blend } = said.inputs.blend!;
    const first = { ...said, version: 1, inputs: { ...said.inputs, blend } };
    await writeFile(path, `${canonicalJson(await seal(first, hotkey))}\n`);
  }
  expect(findingsOf(await audit())).toEqual([]);
}, 240_000);

test('competitions that join later, leave and come back are audited with all that there was before', async () => {
  // It was played alone before.
  const [alone] = await played(stubbed);
  await runValidator({ validator: alone!.validator, epochs: 2 });
  const data = join(miners.folder, 'data');
  await cp(reportsOf('a'), join(data, 'reports'), { recursive: true });
  await symlink(join(miners.folder, 'competitions'), join(data, 'competitions'));
  await round(stubbed, { competitions: (await played(stubbed)).slice(0, 1) });
  // Another one joins, which has been alone for all of it.
  await round(stubbed);
  const joined = (await lastReceipt('b')).receipt;
  expect(joined.inputs.blend!.parts.map(({ from }) => from)).toEqual(['epoch', 'epoch']);
  // It leaves, and comes back with another that is new.
  await round(stubbed, { competitions: (await played(stubbed)).slice(0, 1) });
  const c = await ValidatorState.open({ path: join(miners.folder, 'c', 'state') });
  try {
    await miners.publish('dan', rowsOn('fir', 9), { competition: 'c' });
    const [a, b] = await played(stubbed);
    const receipts = new ReceiptFolder({
      folder: join(miners.folder, 'competitions', 'c', 'reports'),
      hotkey: await WalletHotkey.open({ path: miners.folder, name: 'validator' }),
    });
    const rules = { ...b!.validator.competition, id: 'c' };
    const third = { ...b!.validator, competition: rules, state: c, receipts };
    const competitions = [
      { ...a!, shares: [{ fromBlock: 0, share: 0.5 }] },
      { ...b!, shares: [{ fromBlock: 0, share: 0.25 }] },
      { validator: third, shares: [{ fromBlock: 0, share: 0.25 }] },
    ];
    await round(stubbed, { competitions });
    await round(stubbed, { competitions });
  } finally {
    await c.close();
  }
  const all = await audit([data]);
  expect([findingsOf(all), all.reports.length]).toEqual([[], 12]);
  expect(all.reports.flatMap(({ unchecked }) => unchecked).filter((one) => one.includes('not given'))).toEqual([]);

  // One digit of a weight in one part of one report.
  const { path, receipt } = await lastReceipt('a');
  const text = await readFile(path, 'utf8');
  const of = `"weight":${receipt.inputs.blend!.parts[2]!.weights[0]!.weight}`;
  const at = text.indexOf(of, text.indexOf('"competition":"c"', text.indexOf('"blend"'))) + of.length - 1;
  const digit = (Number(text[at]) + 1) % 10;
  await writeFile(path, `${text.slice(0, at)}${digit}${text.slice(at + 1)}`);
  expect(findingsOf(await audit([data]))).toContainEqual({
    place: 'inputs.blend.parts[2].weights[0].weight',
    why: 'is not what was signed',
  });
}, 240_000);
