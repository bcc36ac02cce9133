import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { auditReceipts, Competition, runEpoch, type Validator, WalletHotkey } from 'flock-off';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commitText } from '../../src/chain/commitments/commit-text.ts';
import { announcementText } from '../../src/evaluation-sets/announcement.ts';
import { LIST_PATH, lineHash, makeLine } from '../../src/evaluation-sets/list.ts';
import { lockedPath, lockSet, readLockedFile } from '../../src/evaluation-sets/locked-file.ts';
import { roundOfSet } from '../../src/evaluation-sets/schedule.ts';
import { HubEvaluationSetStore } from '../../src/hub/evaluation-set-store.ts';
import type { EvaluationSetsRule } from '../../src/schema/evaluation-sets.ts';
import type { Receipt } from '../../src/validator/receipts/receipt.ts';
import { fileOf, rowsOf, ruleOf } from '../evaluation-sets/locked-world.ts';
import { closeMachine, type Machine, Miners, NETUID, openMachine } from './miners.ts';
import { RECIPE, receiptsOf, rowsOn } from './receipts/real-receipts.ts';

// Days of daily-winner, each measured on a set that opens after its submissions: real epochs on a chain with a block every
// five minutes of its own time, so that a day has few.

const BLOCK_MS = 300_000;
const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 2, 3, 11, 55);
const TIMES = {
  submissionsFrom: '12:00',
  submissionsUntil: '20:00',
  rewardsFrom: '10:00',
  blockSeconds: BLOCK_MS / 1000,
};
const NAMES = ['ann', 'ben', 'cid', 'dan', 'founder', 'owner'];
let machine: Machine;
let miners: Miners;
let rule: EvaluationSetsRule;
let competition: Competition;
let store: HubEvaluationSetStore;
const lines: string[] = [];

beforeAll(async () => {
  machine = await openMachine();
  let chain: { currentBlock(): number } | undefined;
  miners = await Miners.open({
    ...{ machine, names: NAMES, evaluation: rowsOn('sum', 4), owner: 'owner', blockTimeMs: 2_000, pulseMs: 30_000 },
    timeMs: () => START_MS + BLOCK_MS * (chain?.currentBlock() ?? 0),
    competition: Competition.parse({}),
  });
  chain = miners.chain;
  await miners.pass(1);
  // The chain's time passes with what is sent, and hardly by itself: a busy machine is not late for the day.
  miners.chain.faults.onRequest.add((method) => {
    if (method === 'author_submitAndWatchExtrinsic') setTimeout(() => void miners.chain.produceBlocks(), 50);
  });
  const { publicKey, genesisSeconds, periodSeconds } = miners.chain.beacon;
  rule = ruleOf({
    ...{ repo: 'u/sets', signer: await miners.address('founder'), marginSeconds: 600, voidAfterSeconds: 600 },
    // Set 0 opens at 20:30 of the first day, and one every hour after.
    firstRound: (Date.UTC(2026, 2, 3, 20, 30) / 1000 - genesisSeconds) / periodSeconds + 1,
    roundsBetween: HOUR_MS / 1000 / periodSeconds,
    beacon: { publicKey: Buffer.from(publicKey).toString('hex'), genesisSeconds, periodSeconds },
  });
  competition = Competition.parse({
    ...{ recipe: RECIPE, minOwnRows: 4, baseline: 'off', blocksPerEpoch: 1, evaluationSets: rule },
    policy: { name: 'daily-winner', parameters: { ...TIMES, evaluationRows: 'leave-out' } },
  });
  store = new HubEvaluationSetStore({ endpoint: miners.hub.url, token: 'hf_token', attempts: 1 });
}, 60_000);
afterAll(async () => {
  await miners.close();
  closeMachine(machine);
});

/** Lets the chain's time come to an hour after the first midnight. */
async function until(hours: number): Promise<void> {
  const left = (Date.UTC(2026, 2, 3) + hours * HOUR_MS - Number(miners.chain.storage('Timestamp.Now'))) / BLOCK_MS;
  if (left > 0) await miners.pass(Math.ceil(left));
}

/** Lists sets, whatever is in them, and withholds those that are `null`. */
async function list(sets: Record<number, Buffer | null>): Promise<void> {
  const signer = await WalletHotkey.open({ path: miners.folder, name: 'founder' });
  const { beacon } = miners.chain;
  const files: { path: string; content: Uint8Array<ArrayBuffer> }[] = [];
  let index = 0;
  for (const [number, data] of Object.entries(sets)) {
    index = Number(number);
    const round = roundOfSet(rule, index);
    const { file } = await lockSet({ data: data ?? fileOf(rowsOf('none')), rows: 8, round, beacon });
    const content = file as Uint8Array<ArrayBuffer>;
    const { part } = readLockedFile(content)!;
    lines.push(await makeLine({ rule, index, parts: [part], before: lines.at(-1) ?? null, signer }));
    if (data !== null) files.push({ path: lockedPath(part.sha256), content });
  }
  const content = lines.map((line) => `${line}\n`).join('');
  const commit = await store.publish({
    repo: rule.repo,
    parent: null,
    files: [{ path: LIST_PATH, content }, ...files],
  });
  const text = announcementText({ index, commit, head: lineHash(lines.at(-1)!) });
  await commitText({ subtensor: miners.subtensor, netuid: NETUID, hotkey: signer, text });
}

async function epoch(
  changed: Partial<Validator> = {},
): Promise<{ receipt: Receipt; outcomes: Record<string, string> }> {
  // The epoch begins with the block there is, and a later one seeds it.
  // Each is minutes of the chain's time: on a machine that takes long to draw they come more seldom then.
  let ticks = 0;
  const untilDrawn = setInterval(() => {
    if (++ticks < 20 || ticks % 10 === 0) void miners.chain.produceBlocks();
  }, 100);
  const validator = await miners.validator({
    ...{ competition, evaluationSets: store, receipts: await receiptsOf(miners), subtensor: miners.subtensor },
    onEvent: (event) => {
      if (event.kind === 'drawn') clearInterval(untilDrawn);
      if (event.kind === 'opening') void miners.chain.produceBlocks(event.untilBlock - event.block);
    },
    ...changed,
  });
  const report = await runEpoch({ validator }).finally(() => clearInterval(untilDrawn));
  const path = join(miners.folder, 'reports', `epoch-${report.startBlock}.json`);
  const receipt: Receipt = JSON.parse(await readFile(path, 'utf8'));
  return {
    receipt,
    outcomes: Object.fromEntries(receipt.entries.map(({ uid, outcome }) => [NAMES[uid], outcome.kind])),
  };
}

const tried = ({ inputs }: Receipt) => inputs.sets!.tried.map(({ index, fault }) => [index, fault]);
const lossOf = ({ entries }: Receipt) =>
  entries.flatMap(({ uid, outcome }) => (outcome.kind === 'scored' ? [{ uid, loss: outcome.lossNatsPerToken }] : []));
async function auditAll(): Promise<void> {
  const { reports } = await auditReceipts({ paths: [join(miners.folder, 'reports')] });
  expect(reports.flatMap(({ findings }) => findings)).toEqual([]);
}

test('all epochs of a day are measured on the first set after its submissions, and the rewards are by that', async () => {
  await until(12.1);
  await list({ 0: fileOf(rowsOf('moons')), 1: fileOf(rowsOf('stars')) });
  await miners.publish('ann', rowsOn('cat'));
  await miners.publish('ben', rowsOn('dog'));
  await miners.publish('cid', rowsOn('owl'));
  const early = await epoch();
  // Nobody is measured, so the epoch waits for no set, and its weights are in time.
  expect(early.receipt.inputs.sets).toEqual({ fault: null, lines: [], tried: [] });
  expect(Number(miners.chain.storage('Timestamp.Now'))).toBeLessThan(Date.UTC(2026, 2, 3, 20));
  expect(miners.weights()).toEqual({ 5: 1 });
  // It keeps both: nobody can choose between them once he has seen the datasets.
  const kept = await readdir(join(miners.folder, 'cache', 'evaluation-sets'));
  expect(kept.filter((name) => name.endsWith('.locked'))).toHaveLength(2);

  await until(20.01);
  await miners.publish('dan', rowsOn('fox'));
  const first = await epoch({ minersPerEpoch: 2 });
  // It begins when later sets are the next to open.
  await until(23);
  const second = await epoch({ minersPerEpoch: 2 });
  expect([tried(first.receipt), tried(second.receipt)]).toEqual([[[0, null]], [[0, null]]]);
  expect(second.receipt.inputs.evaluation).toEqual(first.receipt.inputs.evaluation);
  expect([first.outcomes.dan, second.outcomes.dan]).toEqual([undefined, undefined]);
  const losses = [...lossOf(first.receipt), ...lossOf(second.receipt)];
  expect(losses.map(({ uid }) => uid)).toEqual([0, 1, 2]);
  expect(miners.weights()).toEqual({ 5: 1 });

  await until(34.1);
  await epoch();
  const best = losses.reduce((one, other) => (other.loss < one.loss ? other : one));
  expect(miners.weights()).toEqual({ [best.uid]: 1 });
  await auditAll();
}, 120_000);

test('a day whose sets are withheld and garbage is measured on the next that is sound', async () => {
  // In the time for rewards: sets 24, 25 and 26 open at 20:30, 21:30 and 22:30 of the second day.
  await list({ 24: null, 25: Buffer.from('{"not": "a row"}\n'), 26: fileOf(rowsOf('winds')) });
  await until(36.1);
  await miners.publish('ann', rowsOn('elm'));
  await miners.publish('ben', rowsOn('oak'));
  await epoch();
  await until(44.01);
  const { receipt, outcomes } = await epoch();
  expect(tried(receipt)).toEqual([
    [24, 'withheld'],
    [25, 'garbage'],
    [26, null],
  ]);
  expect(outcomes).toMatchObject({ ann: 'scored', ben: 'scored' });
  const best = lossOf(receipt).reduce((one, other) => (other.loss < one.loss ? other : one));
  await until(58.1);
  await epoch();
  expect(miners.weights()).toEqual({ [best.uid]: 1 });
  await auditAll();
}, 120_000);

test('a list that is named after the submissions measures nothing of that day, and the last winner stays', async () => {
  const before = miners.weights();
  await until(60.1);
  await miners.publish('ann', rowsOn('ash'));
  await epoch();
  await until(68.01);
  await list({ 48: fileOf(rowsOf('what the founder chose since')) });
  const { receipt, outcomes } = await epoch();
  expect(receipt.inputs.sets).toEqual({ fault: 'late', lines: [], tried: [] });
  expect(outcomes.ann).toBe('postponed');
  expect(receipt.entries.find(({ uid }) => uid === 0)!.why).toMatch(
    /is named on the chain only after the time for the pointers that it would measure/,
  );
  await until(82.1);
  await epoch();
  expect(miners.weights()).toEqual(before);
  await auditAll();
}, 120_000);

/** From now on a set opens at 20:30 of each day, and no other: number 0 on the first one. */
function oneSetADay(): void {
  rule = { ...rule, repo: 'u/sets-of-days', roundsBetween: 24 * rule.roundsBetween };
  competition = { ...competition, evaluationSets: rule };
  lines.length = 0;
}

test('a day whose only set is void leaves the last winner, nobody is refused, and the next day is measured', async () => {
  oneSetADay();
  const before = miners.weights();
  await list({ 3: Buffer.from('{"not": "a row"}\n'), 4: fileOf(rowsOf('tides')) });
  await until(84.1);
  await miners.publish('ann', rowsOn('fig'));
  await miners.publish('ben', rowsOn('yew'));
  await epoch();
  await until(92.01);
  const { receipt, outcomes } = await epoch();
  expect(tried(receipt)).toEqual([[3, 'garbage']]);
  expect(outcomes).toMatchObject({ ann: 'postponed', ben: 'postponed' });
  expect(receipt.entries.find(({ uid }) => uid === 0)!.why).toMatch(/nothing was measured: set 3 is void \(garbage\)/);
  await until(106.1);
  await epoch();
  expect(miners.weights()).toEqual(before);

  await until(108.1);
  await miners.publish('ann', rowsOn('fig', 7));
  await miners.publish('ben', rowsOn('yew', 7));
  await epoch();
  await until(116.01);
  const next = await epoch();
  expect(tried(next.receipt)).toEqual([[4, null]]);
  const best = lossOf(next.receipt).reduce((one, other) => (other.loss < one.loss ? other : one));
  await until(130.1);
  await epoch();
  expect(miners.weights()).toEqual({ [best.uid]: 1 });
  await auditAll();
}, 180_000);

test('with another policy an epoch whose only set is void changes no weight, and the same pointers are measured on the next', async () => {
  const policy = { name: 'win-rates', parameters: { temperature: 1 } };
  competition = Competition.parse({ ...competition, policy });
  // An epoch of the subnet: what is kept is its consensus, which has the last weights then.
  await miners.pass(22);
  await list({ 5: null, 6: fileOf(rowsOf('dunes')) });
  const before = miners.weights();
  const lost = await epoch();
  expect(tried(lost.receipt)).toEqual([[5, 'withheld']]);
  expect(new Set(Object.values(lost.outcomes))).toEqual(new Set(['postponed']));
  // It has ended when the set was void, and not a day later.
  expect(Number(miners.chain.storage('Timestamp.Now'))).toBeLessThan(Date.UTC(2026, 2, 3) + 142 * HOUR_MS);
  expect(miners.weights()).toEqual(before);

  const { receipt, outcomes } = await epoch();
  expect(tried(receipt)).toEqual([[6, null]]);
  expect(outcomes).toMatchObject({ ann: 'scored', ben: 'scored' });
  const pointersOf = ({ entries }: Receipt) => entries.map(({ uid, pointer }) => [uid, pointer]).toSorted();
  expect(pointersOf(receipt)).toEqual(pointersOf(lost.receipt));
  expect(Object.keys(miners.weights()).length).toBeGreaterThan(1);
  await auditAll();
}, 180_000);
