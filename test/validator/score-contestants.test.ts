import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Competition, type Dataset, FlockOffError, type Scorer, silentLogger, type Validator } from 'flock-off';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Ledger } from '../../src/validator/ledger/ledger.ts';
import { allBits, packBits, packNumbers } from '../../src/validator/ledger/packed.ts';
import type { Outcome } from '../../src/validator/outcome.ts';
import { scoreContestants } from '../../src/validator/score-contestants.ts';
import { ruleOf } from '../evaluation-sets/locked-world.ts';
import { stubTrainer } from '../fleet/stub-trainer.ts';
import { competition } from '../fleet/world.ts';

// What is scored, in which order, and until when; the files are on this disk already.

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-contestants-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const commit = 'a'.repeat(40);
const sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

interface Stage {
  rows: number[];
  scorer: Partial<Scorer>;
  /** Blocks, one after the other. */
  blocks?: Promise<void>;
  /** What the chain says, one after the other; an error is thrown. */
  epoch?: ({ block: number; nextEpochBlock: number } | Error)[];
  baseline?: 'contestant' | 'off';
  isReadable?: boolean;
  signal?: AbortSignal;
  rules?: Partial<Competition>;
}

/** Miners with so many rows each. */
async function play({ rows, scorer, blocks = new Promise(() => {}), epoch = [], ...stage }: Stage) {
  const { baseline = 'off', isReadable = true, signal, rules } = stage;
  const contestants = rows.map((count, uid) => ({
    submission: {
      uid,
      hotkey: `h${uid}`,
      coldkey: '',
      commitBlock: 1,
      pointer: { repo: `u/d${uid}`, commit, competition: '1' },
    },
    ...{ path: '', sha256, bytes: 0, rows: count, downloaded: false, isNew: false, isFingerprinted: false },
  }));
  const ledger = new Ledger(
    contestants.map(({ submission, rows: count }) => {
      const all = packBits(allBits(count));
      const leftOut = { others: 0, evaluation: 0, repeats: 0, sources: [], examples: [] };
      const shownAt = packNumbers(new Float64Array(count));
      const { repo } = submission.pointer;
      const showing = {
        repo,
        commit,
        sha256,
        rows: count,
        position: 1,
        shownAt,
        readable: true,
        beatsBaseline: null,
        lostBlock: null,
      };
      const judgement = { rules: '', own: all, kept: all, leftOut };
      return {
        hotkey: submission.hotkey,
        coldkey: '',
        showings: [{ ...showing, judgement }],
        received: [],
        unreadable: null,
      };
    }) as never,
  );
  const facts = stubTrainer();
  const epochs = [...epoch];
  const validator = {
    ...{
      netuid: 1,
      competition: { ...competition, baseline, ...rules },
      cacheDir: folder,
      blockThreshold: 10,
      logger: silentLogger,
      clock: { nowMs: () => 0, sleep: () => new Promise<void>((resolve) => setTimeout(resolve, 1)) },
    },
    trainer: { ...facts, places: 1, isInTime: false, ...scorer },
    evaluation: { rows: [], sha256 } as unknown as Dataset,
    state: {
      ...{
        id: 'v',
        score: async () => null,
        fileFinding: async () => null,
        putScore: async () => {},
      },
      download: async () => null,
      ...{ putDownload: async () => {}, baseline: async () => null, putBaseline: async () => {} },
    },
    datasets: {
      isReadable: async () => isReadable,
      download: async ({ to }: { to: string }) => {
        await writeFile(to, '');
        return { ok: true, value: { path: to, sha256, bytes: 0 } };
      },
    },
    subtensor: {
      async epoch() {
        const said = epochs.shift() ?? { block: 0, nextEpochBlock: Number.POSITIVE_INFINITY };
        if (said instanceof Error) throw said;
        return said;
      },
      waitForBlock: () => blocks,
    },
  } as unknown as Validator;
  const settled = new Map<string, Outcome>();
  const { measured, baseline: found } = await scoreContestants(validator, {
    ...{ ledger, contestants: contestants as never, seed: 1, block: 1, closed: null, signal },
    settle: (hotkey: string, outcome: Outcome) => settled.set(hotkey, outcome),
  });
  return { settled, measured, found };
}

const scored = (uid: number) => ({
  ok: true as const,
  value: { lossNatsPerToken: uid, measured: { rowLosses: null, trainingMs: 1, evaluationMs: 1 } },
});
const never = (signal?: AbortSignal) =>
  new Promise<never>((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason));
  });

test('one place takes them in the order of the draw, several the largest first', async () => {
  // Those that begin together are told in either order.
  for (const [places, order] of [
    [1, [[0], [1], [2]]],
    [2, [[1, 2], [0]]],
  ] as const) {
    const begun: number[] = [];
    const { measured } = await play({
      rows: [8, 32, 16],
      scorer: {
        places,
        score: async ({ uid }) => {
          begun.push(uid);
          await vi.waitFor(() => expect(begun.length).toBeGreaterThanOrEqual(places));
          return scored(uid);
        },
      },
    });
    expect(order.map((together) => begun.splice(0, together.length).toSorted())).toEqual(order);
    expect([...measured.keys()]).toEqual(['h0', 'h1', 'h2']);
  }
});

test("who is not reached when the subnet's epoch ends is postponed at no cost, and what is at work is given up", async () => {
  let givenUp = 0;
  let end = () => {};
  const blocks = new Promise<void>((resolve) => {
    end = resolve;
  });
  const { settled } = await play({
    ...{ rows: [8, 8, 8], blocks, epoch: [{ block: 5, nextEpochBlock: 100 }] },
    scorer: {
      ...{ places: 2, isInTime: true },
      score: async ({ uid, signal }) => {
        if (uid === 0) return scored(uid);
        if (uid === 1) setTimeout(end, 20);
        return never(signal).finally(() => givenUp++);
      },
    },
  });
  expect(settled.get('h0')).toEqual({ kind: 'scored', lossNatsPerToken: 0 });
  const late = { kind: 'postponed', by: 'validator', message: expect.stringContaining('not reached before block 90') };
  expect([settled.get('h1'), settled.get('h2')]).toEqual([late, late]);
  expect(givenUp).toBe(2);
});

test('without that all are waited for, however long it takes', async () => {
  const { settled } = await play({
    ...{ rows: [8], blocks: Promise.resolve(), epoch: [{ block: 5, nextEpochBlock: 100 }] },
    scorer: { score: async ({ uid }) => scored(uid) },
  });
  expect(settled.get('h0')?.kind).toBe('scored');
});

test('a chain whose epochs are shorter than what is sent ahead has no end to keep to', async () => {
  const { settled } = await play({
    ...{ rows: [8], blocks: Promise.resolve() },
    epoch: [
      { block: 95, nextEpochBlock: 100 },
      { block: 101, nextEpochBlock: 105 },
    ],
    scorer: {
      isInTime: true,
      score: async ({ uid, signal }) => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        signal?.throwIfAborted();
        return scored(uid);
      },
    },
  });
  expect(settled.get('h0')?.kind).toBe('scored');
});

test('a fault that concerns all ends the others, too', async () => {
  let givenUp = 0;
  const fault = new Error('the disk is full');
  const scorer: Partial<Scorer> = {
    places: 3,
    score: async ({ uid, signal }) => {
      if (uid === 2) throw fault;
      return never(signal).finally(() => givenUp++);
    },
  };
  await expect(play({ rows: [8, 8, 8], scorer })).rejects.toBe(fault);
  expect(givenUp).toBe(2);
});

test.each<[string, Partial<Competition>['baseline']]>([
  ['the base model', 'contestant'],
  ['a dataset', 'off'],
])(
  'a listed set without an answer inside the context, seen when %s is evaluated, costs nobody anything',
  async (_, baseline) => {
    const fault = new FlockOffError({
      ...{ code: 'bad-argument', what: 'none of 8 evaluation rows has an answer', fix: 'use another' },
      facts: { name: 'rows', value: 8 },
    });
    const failing = () => Promise.reject(fault);
    const stage = { rows: [8, 8], scorer: { places: 2, score: failing, evaluateBase: failing } };
    const { settled, measured, found } = await play({ ...stage, rules: { baseline, evaluationSets: ruleOf() } });
    const message = expect.stringMatching(/no row of the evaluation set has an answer inside the context/);
    expect([...settled.values()]).toEqual(Array(2).fill({ kind: 'postponed', by: 'validator', message }));
    expect([measured, found]).toEqual([new Map(), null]);
    // One set for all epochs is the operator's to replace.
    await expect(play({ ...stage, rules: { baseline } })).rejects.toBe(fault);
  },
);

const unconfirmed = (url = 'fleet') =>
  new FlockOffError({
    code: 'queue-unreachable',
    what: 'nobody confirmed it',
    fix: 'wait',
    facts: { url },
    transient: true,
  });
const inTime = (changed: Partial<Scorer> = {}): Partial<Scorer> => ({
  ...{ places: 2, isInTime: true, score: async ({ uid }) => scored(uid) },
  ...changed,
});

test('a base model that is not confirmed yet is tried again, and then all are scored', async () => {
  let tries = 0;
  const evaluateBase: Scorer['evaluateBase'] = async () => {
    if (++tries < 3) throw unconfirmed();
    return { ok: true, value: { lossNatsPerToken: 4, rowLosses: [] } };
  };
  const { settled, found } = await play({ rows: [8], baseline: 'contestant', scorer: inTime({ evaluateBase }) });
  expect(found?.lossNatsPerToken).toBe(4);
  expect(settled.get('h0')?.kind).toBe('scored');
});

test("a base model that nobody confirms until the subnet's epoch ends costs nobody anything, and weights are sent", async () => {
  const { settled, found } = await play({
    ...{ rows: [8, 8], baseline: 'contestant', epoch: [{ block: 5, nextEpochBlock: 100 }] },
    blocks: new Promise((resolve) => setTimeout(resolve, 30)),
    scorer: inTime({ evaluateBase: () => Promise.reject(unconfirmed()) }),
  });
  expect(found).toBeNull();
  const late = { kind: 'postponed', by: 'validator', message: expect.stringContaining('not reached before block 90') };
  expect([...settled.values()]).toEqual([late, late]);
});

test('a chain that does not answer once is asked again for the end of the epoch', async () => {
  const { settled } = await play({
    ...{ rows: [8], epoch: [new Error('no answer'), { block: 5, nextEpochBlock: 100 }] },
    blocks: new Promise((resolve) => setTimeout(resolve, 30)),
    scorer: inTime({ score: ({ signal }) => never(signal) }),
  });
  expect(settled.get('h0')).toMatchObject({ kind: 'postponed', by: 'validator' });
});

test.each([
  [true, 'validator'],
  [false, 'hub'],
])(
  'what workers say of the Hub is looked at: a dataset that can be read (%s) waits for the %s',
  async (isReadable, by) => {
    const scorer = inTime({ score: () => Promise.reject(unconfirmed('hub')) });
    const { settled } = await play({ rows: [8], isReadable, scorer });
    expect(settled.get('h0')).toMatchObject({ kind: 'postponed', by });
  },
);
