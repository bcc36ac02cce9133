import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  auditReceipts,
  Competition,
  type EpochReport,
  runCompetitions,
  runEpoch,
  type Trainer,
  type Validator,
  ValidatorState,
  WalletHotkey,
} from 'flock-off';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commitText } from '../../src/chain/commitments/commit-text.ts';
import { HttpPulseSource } from '../../src/chain/timelock/http-pulse-source.ts';
import { announcementText } from '../../src/evaluation-sets/announcement.ts';
import { appendSet } from '../../src/evaluation-sets/append-set.ts';
import { LIST_PATH, lineHash, makeLine, parseLine } from '../../src/evaluation-sets/list.ts';
import { lockedPath, lockSet, readLockedFile } from '../../src/evaluation-sets/locked-file.ts';
import { firstSetFor, roundOfSet } from '../../src/evaluation-sets/schedule.ts';
import { HubEvaluationSetStore } from '../../src/hub/evaluation-set-store.ts';
import { LocalBeacon } from '../../src/local/chain/state/beacon.ts';
import type { EvaluationSetsRule } from '../../src/schema/evaluation-sets.ts';
import { canonicalJson } from '../../src/shared/canonical-json.ts';
import type { Receipt } from '../../src/validator/receipts/receipt.ts';
import { seal } from '../../src/validator/receipts/seal.ts';
import { fileOf, rowsOf, ruleOf } from '../evaluation-sets/locked-world.ts';
import { stubTrainer } from '../fleet/stub-trainer.ts';
import { closeMachine, type Machine, Miners, NETUID, openMachine } from './miners.ts';
import { RECIPE, receiptsOf, rowsOn } from './receipts/real-receipts.ts';

// Real epochs: a chain whose beacon opens the sets, a hub that has them, and a founder who lists them, or cheats.

type File = Uint8Array<ArrayBuffer>;
const REPO = 'u/sets';
let machine: Machine;
let miners: Miners;
let rule: EvaluationSetsRule;
let store: HubEvaluationSetStore;
let founder: WalletHotkey;
/** Of the founder's list, whatever is in it. */
const lines: string[] = [];

beforeAll(async () => {
  machine = await openMachine();
  miners = await Miners.open({
    ...{ machine, names: ['ann', 'ben', 'founder'], evaluation: rowsOn('sum', 4), blockTimeMs: 10 },
    maxClockDifferenceMs: Number.POSITIVE_INFINITY,
    competition: Competition.parse({ recipe: RECIPE, minOwnRows: 4 }),
  });
  const { chain, hub } = miners;
  const { publicKey, genesisSeconds, periodSeconds } = chain.beacon;
  rule = ruleOf({
    ...{ repo: REPO, signer: await miners.address('founder'), marginSeconds: 1, voidAfterSeconds: 2 },
    ...{ firstRound: Number(chain.storage('Drand.LastStoredRound')) + 20, roundsBetween: 100 },
    beacon: { publicKey: Buffer.from(publicKey).toString('hex'), genesisSeconds, periodSeconds },
  });
  store = new HubEvaluationSetStore({ endpoint: hub.url, token: 'hf_token', attempts: 1 });
  founder = await WalletHotkey.open({ path: miners.folder, name: 'founder' });
  await miners.publish('ann', rowsOn('cat'));
  await miners.publish('ben', rowsOn('dog'));
}, 60_000);
afterAll(async () => {
  await miners.close();
  closeMachine(machine);
});

const now = () => Number(miners.chain.storage('Timestamp.Now'));
/**
 * A set of an epoch that begins soon, among the four that it tries: there are 100 blocks for each of `ahead` to list it first,
 * and what was listed before is over.
 */
async function upcoming(ahead = 3): Promise<number> {
  const last = lines.length === 0 ? -1 : parseLine(lines.at(-1)!)!.index;
  while (firstSetFor(rule, now()) <= last) await miners.pass(10);
  return firstSetFor(rule, now()) + ahead;
}
/** A block at which epochs of 100 begin, and a set for it: there are 300 blocks to list it first. */
async function aligned(): Promise<{ startBlock: number; index: number }> {
  await upcoming();
  const block = miners.chain.currentBlock();
  const startBlock = Math.ceil((block + 300) / 100) * 100;
  return { startBlock, index: firstSetFor(rule, now() + (startBlock - block) * 250) + 1 };
}
async function begin(startBlock: number): Promise<void> {
  expect(miners.chain.currentBlock(), 'listing took too long').toBeLessThan(startBlock);
  await miners.subtensor.waitForBlock({ block: startBlock });
}
/** Once an epoch waits for its set: does something first, then lets the time pass. */
function whileClosed(first: () => Promise<unknown> = async () => {}): NonNullable<Validator['onEvent']> {
  let done: Promise<unknown> | undefined;
  return (event) => {
    miners.events.push(event);
    if (event.kind !== 'opening') return;
    done ??= first();
    void done.then(() => miners.chain.produceBlocks(event.untilBlock - event.block));
  };
}
const lock = async (index: number, data: Buffer, rows = 8): Promise<File> =>
  (await lockSet({ data, rows, round: roundOfSet(rule, index), beacon: miners.chain.beacon })).file as File;
const append = async (...files: File[]) => {
  const appended = await appendSet({
    ...{ rule, netuid: NETUID, subtensor: miners.subtensor, store, hotkey: founder, files },
  });
  const list = await store.read({ ...rule, commit: appended.announcement.commit, path: LIST_PATH, maxBytes: 1e6 });
  lines.splice(0, lines.length, ...String(list).trimEnd().split('\n'));
  return appended;
};

/** Lists a set as somebody does who does without the checks of `appendSet`, and uploads these files of it only. */
async function appendUnchecked(index: number, file: File, uploaded: File[] = [file], before = lines): Promise<void> {
  const parts = [readLockedFile(file)!.part];
  const line = await makeLine({ rule, index, parts, before: before.at(-1) ?? null, signer: founder });
  lines.splice(0, lines.length, ...before, line);
  const list = { path: LIST_PATH, content: lines.map((one) => `${one}\n`).join('') };
  const files = uploaded.map((content) => ({ path: lockedPath(parts[0]!.sha256), content }));
  const commit = await store.publish({ repo: REPO, parent: null, files: [list, ...files] });
  const text = announcementText({ index, commit, head: lineHash(line) });
  await commitText({ subtensor: miners.subtensor, netuid: NETUID, hotkey: founder, text });
}

async function epoch(changed: Partial<Validator> = {}): Promise<{ receipt: Receipt; kinds: string[] }> {
  const { report } = await miners.epoch({
    competition: Competition.parse({ recipe: RECIPE, minOwnRows: 4, blocksPerEpoch: 1, evaluationSets: rule }),
    ...{
      evaluationSets: store,
      receipts: await receiptsOf(miners),
      subtensor: miners.subtensor,
      onEvent: whileClosed(),
    },
    ...changed,
  });
  const path = join(miners.folder, 'reports', `epoch-${report.startBlock}.json`);
  const receipt: Receipt = JSON.parse(await readFile(path, 'utf8'));
  return { receipt, kinds: receipt.entries.map(({ outcome }) => outcome.kind).toSorted() };
}

const audit = async () => {
  const { reports } = await auditReceipts({ paths: [join(miners.folder, 'reports')] });
  return {
    findings: reports.flatMap(({ findings }) => findings),
    unchecked: reports.flatMap(({ unchecked }) => unchecked),
  };
};
const takenOf = ({ inputs }: Receipt) => inputs.sets!.tried.at(-1)!;

test('without a list on the chain nothing is measured, and nobody loses by it', async () => {
  const { receipt, kinds } = await epoch();
  expect(receipt.inputs.sets).toEqual({ fault: 'not-announced', lines: [], tried: [] });
  expect(kinds).toEqual(['postponed', 'postponed']);
  expect(receipt.entries[0]!.why).toMatch(/is not named on the chain in the block that the epoch began with/);
  expect((await audit()).findings).toEqual([]);
}, 60_000);

test('an epoch is measured on the set that opens after its pointers, and its report proves it without a network', async () => {
  const index = await upcoming();
  await append(await lock(index, fileOf(rowsOf('moons'))));
  const { receipt, kinds } = await epoch();
  expect(kinds).toEqual(['scored', 'scored']);
  const taken = takenOf(receipt);
  expect(taken).toMatchObject({ index, fault: null, parts: [{ fault: null }] });
  expect(receipt.inputs.evaluation).toEqual({ sha256: taken.parts[0]!.sha256, rows: 8 });
  // The founder has a commitment, and takes no part.
  expect(receipt.entries.map(({ uid }) => uid).toSorted()).toEqual([0, 1]);
  const kept = join(miners.folder, 'cache', 'evaluation-sets');
  expect(await readdir(kept)).toContain(`${receipt.inputs.evaluation.sha256}.jsonl`);
  expect((await audit()).findings).toEqual([]);
}, 60_000);

test('validators with other clocks, states and caches come to the same bits', async () => {
  const { startBlock, index } = await aligned();
  await append(await lock(index, fileOf(rowsOf('stars', 5)), 5), await lock(index, fileOf(rowsOf('tides', 3)), 3));
  const path = join(miners.folder, 'other-state');
  const state = await ValidatorState.open({ path });
  const rules = { recipe: RECIPE, minOwnRows: 4, blocksPerEpoch: 100, evaluationSets: rule };
  const shared = { competition: Competition.parse(rules), evaluationSets: store, subtensor: miners.subtensor };
  const losses: unknown[] = [];
  const receipts = { retry: async () => {}, put: async (one: unknown) => void losses.push(bitsOf(one as Receipt)) };
  const other = { state, cacheDir: join(miners.folder, 'other-cache'), clock: lateClock(), receipts };
  try {
    await begin(startBlock);
    await Promise.all([
      runEpoch({ validator: await miners.validator({ ...shared, receipts }) }),
      runEpoch({ validator: await miners.validator({ ...shared, ...other }) }),
    ]);
  } finally {
    await state.close();
  }
  expect(losses).toHaveLength(2);
  expect(losses[0]).toEqual(losses[1]);
  expect(losses[0]).toMatchObject({ sets: { tried: expect.arrayContaining([expect.objectContaining({ index })]) } });
}, 60_000);

function bitsOf({ inputs: { sets, evaluation, measured } }: Receipt) {
  const losses = Object.entries(measured).map(([hotkey, { rowLosses }]) => [hotkey, rowLosses]);
  return { sets, evaluation, losses: losses.toSorted() };
}

function lateClock() {
  return { nowMs: () => Date.now() - 3_600_000, sleep: async () => {} };
}

test('a set that is garbage is passed over at once, and the epoch is measured on the next', async () => {
  const index = await upcoming(2);
  await append(await lock(index, Buffer.from('{"not": "a row"}\n')));
  await append(await lock(index + 1, fileOf(rowsOf('winds'))));
  const { receipt, kinds } = await epoch();
  const [garbage, next] = receipt.inputs.sets!.tried.slice(-2);
  expect(garbage).toMatchObject({ index, fault: 'garbage', parts: [{ fault: 'rows' }] });
  expect(next).toMatchObject({ index: index + 1, fault: null });
  expect(kinds).toEqual(['scored', 'scored']);
  const { findings, unchecked } = await audit();
  expect(findings).toEqual([]);
  expect(unchecked).toContainEqual(
    `whether evaluation set ${index}, or a part of it, was void (garbage, rows): its files tell`,
  );
}, 60_000);

test('a set that is withheld is void after its time, and what is listed late is not for this epoch', async () => {
  const index = await upcoming();
  await appendUnchecked(index, await lock(index, fileOf(rowsOf('rivers'))), []);
  const late = await lock(index + 2, fileOf(rowsOf('lakes')));
  const onEvent = whileClosed(() => appendUnchecked(index + 2, late));
  const { receipt, kinds } = await epoch({ onEvent });
  expect(takenOf(receipt)).toMatchObject({ index, fault: 'withheld', parts: [{ fault: 'withheld' }] });
  expect(kinds).toEqual(['postponed', 'postponed']);
  expect(receipt.entries[0]!.why).toMatch(new RegExp(`set ${index} is void \\(withheld\\)`));
  const averages = Object.entries(receipt.inputs.standings).map(([hotkey, { average }]) => [hotkey, average]);
  expect(averages.filter(([, average]) => average !== null).length).toBeGreaterThan(0);
  expect(receipt.inputs.weighed.averages).toEqual(
    Object.fromEntries(averages.filter(([, average]) => average !== null)),
  );
  expect((await audit()).findings).toEqual([]);
}, 60_000);

test("a pulse that the chain passed over is had from a server of drand's, and the report proves it as any other", async () => {
  const index = await upcoming();
  await append(await lock(index, fileOf(rowsOf('caves'))));
  const round = roundOfSet(rule, index);
  // As a chain whose pallet went on with the round after.
  miners.chain.setStorage('Drand.LastStoredRound', round);
  const { publicKey, genesisSeconds, periodSeconds } = miners.chain.beacon;
  const signer = new LocalBeacon({ seed: 'flock-off local chain', genesisSeconds, periodSeconds });
  const signature = Buffer.from(signer.signature(round)).toString('hex');
  const asked: string[] = [];
  const server = createServer((request, to) => {
    asked.push(request.url!);
    to.end(JSON.stringify({ round, signature }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const chain = { publicKey, genesisSeconds, periodSeconds, chainHash: 'f'.repeat(64) };
  try {
    const pulseSources = [new HttpPulseSource({ urls: [url], chain, proxy: false })];
    const { receipt, kinds } = await epoch({ pulseSources });
    expect(asked).toEqual([`/${chain.chainHash}/public/${round}`]);
    expect(miners.chain.storage('Drand.Pulses', round)).toBeNull();
    expect(takenOf(receipt)).toMatchObject({ index, fault: null, pulse: signature });
    expect(kinds).toEqual(['scored', 'scored']);
    expect((await audit()).findings).toEqual([]);
  } finally {
    server.close();
  }
}, 60_000);

test('an entry that is replaced while an epoch waits does not change what the epoch is measured on', async () => {
  const index = await upcoming();
  const before = [...lines];
  const first = await lock(index, fileOf(rowsOf('woods')));
  await append(first);
  const second = await lock(index, fileOf(rowsOf('the founder his friend knows')));
  const { receipt } = await epoch({
    onEvent: whileClosed(() => appendUnchecked(index, second, [second], before)),
  });
  expect(takenOf(receipt)).toMatchObject({ index, fault: null });
  expect(JSON.parse(receipt.inputs.sets!.lines.at(-1)!).parts[0].sha256).toBe(readLockedFile(first)!.part.sha256);
}, 60_000);

test('a validator that is stopped for ten epochs while a set is closed goes on with the list and the files that it has by then', async () => {
  const { startBlock, index } = await aligned();
  await append(await lock(index, fileOf(rowsOf('hills'))));
  const stop = new AbortController();
  const rules = { recipe: RECIPE, minOwnRows: 4, blocksPerEpoch: 20, evaluationSets: rule };
  const competition = Competition.parse(rules);
  const stopped = await miners.validator({
    ...{ competition, evaluationSets: store, subtensor: miners.subtensor },
    onEvent: ({ kind }) => void (kind === 'opening' && stop.abort(new Error('stopped'))),
  });
  await begin(startBlock);
  await expect(runEpoch({ validator: stopped, signal: stop.signal })).rejects.toThrow('stopped');
  await miners.pass(200);
  const { receipt, kinds } = await epoch({
    competition,
    evaluationSets: { read: async () => 'missing' },
  });
  expect(miners.events.findLast(({ kind }) => kind === 'drawn')).toMatchObject({ resumed: true });
  expect(takenOf(receipt)).toMatchObject({ index, fault: null });
  expect(kinds).toEqual(['scored', 'scored']);
}, 60_000);

test('who puts the rows of a rival into a set takes his place in that epoch from him, and no more', async () => {
  const index = await upcoming();
  await append(await lock(index, fileOf([...rowsOn('cat', 6), ...rowsOf('gulls', 2)])));
  const { receipt } = await epoch();
  expect(takenOf(receipt)).toMatchObject({ index, fault: null });
  const [ann, ben] = receipt.entries.toSorted((a, b) => a.uid - b.uid);
  expect(ann!.outcome).toEqual({
    ...{ kind: 'postponed', by: 'validator' },
    message: 'rows left out: 6 of the evaluation set: 0 of 6 rows are left, at least 3 are needed',
  });
  expect(ben!.outcome.kind).toBe('scored');
  const { standings, weighed } = receipt.inputs;
  expect(weighed.averages[ann!.hotkey]).toBeCloseTo(standings[ann!.hotkey]!.average!, 12);
  expect((await audit()).findings).toEqual([]);
}, 60_000);

test('a set without an answer inside the context measures nothing, and ends nobody', async () => {
  const long = rowsOf('peaks').map(({ conversations: [user, assistant] }) => ({
    conversations: [{ ...user!, content: 'why '.repeat(400) }, assistant!],
  }));
  const index = await upcoming();
  await append(await lock(index, fileOf(long)));
  const { receipt, kinds } = await epoch();
  expect(takenOf(receipt)).toMatchObject({ index, fault: null });
  expect(kinds).toEqual(['postponed', 'postponed']);
  expect(receipt.baselineLossNatsPerToken).toBeNull();
  expect((await audit()).findings).toEqual([]);
}, 60_000);

test('what nobody could read before an epoch waited for its set is no earlier for being there when it is taken up again', async () => {
  const { startBlock, index } = await aligned();
  await append(await lock(index, fileOf(rowsOf('rivers'))));
  await miners.publish('ann', rowsOn('owl'));
  const repository = miners.hub.repository('u/ann')!;
  repository.visibility = 'private';
  await miners.publish('ben', rowsOn('owl'));
  await begin(startBlock);
  const rules = { recipe: RECIPE, minOwnRows: 4, blocksPerEpoch: 100, readableWithinBlocks: 0, evaluationSets: rule };
  const shared = { competition: Competition.parse(rules), evaluationSets: store, subtensor: miners.subtensor };
  const stopping = Object.assign(Object.create(store) as HubEvaluationSetStore, {
    read: () => Promise.reject(new Error('stopped')),
  });
  await expect(miners.epoch({ ...shared, evaluationSets: stopping })).rejects.toThrow('stopped');
  repository.visibility = 'public';
  const { report, of } = await miners.epoch({ ...shared, onEvent: whileClosed() });
  expect(report.startBlock).toBe(startBlock);
  expect(of('ben').outcome.kind).toBe('scored');
  expect(of('ann').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
}, 120_000);

test('a set that was used epochs ago, locked anew, is told by the audit', async () => {
  const index = await upcoming();
  await append(await lock(index, fileOf(rowsOf('moons'))));
  await epoch();
  const { findings, unchecked } = await audit();
  expect(findings).toEqual([]);
  expect(unchecked.join()).toMatch(new RegExp(`why evaluation set ${index} has the rows of set \\d+, which everybody`));
}, 60_000);

test.each<[string, (said: Receipt) => void, string]>([
  ['another pulse', ({ inputs }) => change(inputs.sets!.tried.at(-1)!, 'pulse', '8'.repeat(96)), 'tried[0].pulse'],
  ['a set of its own choice', ({ inputs }) => change(inputs.evaluation, 'sha256', 'a'.repeat(64)), 'evaluation.sha256'],
  [
    'rows that were not pinned',
    ({ inputs }) => {
      change(inputs.evaluation, 'sha256', 'a'.repeat(64));
      change(inputs.sets!.tried.at(-1)!.parts[0]!, 'sha256', 'a'.repeat(64));
    },
    'parts[0].sha256',
  ],
  [
    'the next set, as if this one were void',
    ({ inputs }) => change(inputs.sets!.tried.at(-1)!, 'fault', 'wrong-round'),
    'tried[0].fault',
  ],
  ['a list without its last line', ({ inputs }) => void inputs.sets!.lines.pop(), 'inputs.sets.lines'],
  ['no word of the set', ({ inputs }) => void delete inputs.sets, 'inputs.sets'],
  ['a list that was not there', ({ inputs }) => change(inputs.sets!, 'fault', 'not-announced'), 'inputs.sets.fault'],
])('a report that says %s fails its audit with the place, though its hotkey has signed it', async (_, forge, place) => {
  const folder = join(miners.folder, 'reports');
  const name = (await readdir(folder)).sort((a, b) => Number(a.slice(6, -5)) - Number(b.slice(6, -5))).at(-1)!;
  const { seal: _seal, ...said } = JSON.parse(await readFile(join(folder, name), 'utf8')) as Receipt;
  const tried = said.inputs.sets!.tried;
  const i = tried.length - 1;
  forge(said as Receipt);
  const path = join(miners.folder, 'forged.json');
  const hotkey = await WalletHotkey.open({ path: miners.folder, name: 'validator' });
  await writeFile(path, `${canonicalJson(await seal(said, hotkey))}\n`);
  const { reports, good } = await auditReceipts({ paths: [path] });
  await rm(path);
  expect(good).toBe(false);
  const places = reports.flatMap(({ findings }) => findings.map((finding) => finding.place));
  expect(places.join(' ')).toContain(place.replace('tried[0]', `tried[${i}]`));
});

test('of two competitions whose sets open at the same moment one compares datasets at a time', async () => {
  await miners.publish('ben', rowsOn('dog'), { competition: 'b' });
  const index = await upcoming();
  await append(await lock(index, fileOf(rowsOf('tides'))));
  const common = await miners.validator({
    ...{ subtensor: miners.subtensor, evaluationSets: store, trainer: stubTrainer() as unknown as Trainer },
  });
  const now: string[] = [];
  const seen: string[][] = [];
  const states = await Promise.all(
    ['1', 'b'].map((id) => ValidatorState.open({ path: join(miners.folder, 'two', id) })),
  );
  /** Tells when datasets are compared: from the first fingerprint until what was found is stored. */
  const watched = (state: ValidatorState) => {
    const { fingerprints, id } = state;
    const begin = () => {
      if (now.includes(id)) return;
      now.push(id);
      seen.push([...now]);
    };
    return intercepted(state, {
      fingerprints: intercepted(fingerprints, {
        fileOf: (name: string) => {
          begin();
          return fingerprints.fileOf?.(name);
        },
      }),
      putLedger: async (entries: Parameters<ValidatorState['putLedger']>[0]) => {
        // So long that whoever goes on at the same moment is seen.
        if (now.includes(id)) await new Promise((resolve) => setTimeout(resolve, 200));
        await state.putLedger(entries);
        if (now.includes(id)) now.splice(now.indexOf(id), 1);
      },
    });
  };
  const reports: EpochReport[] = [];
  try {
    await runCompetitions({
      competitions: ['1', 'b'].map((id, i) => {
        const rules = { id, recipe: RECIPE, minOwnRows: 4, blocksPerEpoch: 1, baseline: 'off', evaluationSets: rule };
        const own = { competition: Competition.parse(rules), state: watched(states[i]!) };
        return { validator: { ...common, ...own }, shares: [{ fromBlock: 0, share: 0.5 }] };
      }),
      ...{ state: miners.state, epochs: 1, onReport: (report) => void reports.push(report) },
    });
  } finally {
    for (const state of states) await state.close();
  }
  expect(reports.map(({ competition }) => competition).toSorted()).toEqual(['1', 'b']);
  expect(reports.flatMap(({ entries }) => entries).filter(({ outcome }) => outcome.kind === 'scored')).toHaveLength(2);
  expect(seen.map((ids) => ids.length)).toEqual([1, 1]);
}, 120_000);

/** The same object, with some of its members in place of its own. */
function intercepted<T extends object>(object: T, members: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(object, {
    get(target, name) {
      if (Object.hasOwn(members, name)) return members[name as keyof T];
      const value: unknown = target[name as keyof T];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function change<T extends object, K extends keyof T>(object: T, key: K, value: T[K]): void {
  object[key] = value;
}
