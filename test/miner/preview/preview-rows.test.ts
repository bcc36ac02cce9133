import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainMetadataStore, Competition, type DatasetRow, dailyWinnerPolicy, ValidatorState } from 'flock-off';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type PreviewRowsParameters, previewRows } from '../../../src/miner/preview/preview-rows.ts';
import { closeMachine, type Machine, Miners, NETUID, openMachine } from '../../validator/miners.ts';

// What a miner is told before he commits, beside what a validator then says of the same file.

let machine: Machine;
let miners: Miners;
let state: ValidatorState;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(() => closeMachine(machine));
afterEach(async () => {
  await state.close();
  await miners.close();
});

const RECIPE = { contextTokens: 48, epochs: 1, batchSize: 4, gradientAccumulation: 1, warmupSteps: 1 };
const COMPETITION = Competition.parse({ baseline: 'off', recipe: RECIPE });
const WORDS = 'amber basin cedar delta ember fjord grove haven inlet jetty knoll ledge mango north ocean pearl'.split(
  ' ',
);

/** Rows of a topic: other words in another order for each, so that no two say the same. */
const rowsOf = (topic: number, count = 8): DatasetRow[] =>
  Array.from({ length: count }, (_, i) => {
    const word = (k: number) => `${WORDS[(i * 7 + topic * 3 + k * (topic + 2)) % 16]}${topic * count + i + k * 31}`;
    const text = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => word(from + k)).join(' ');
    return {
      conversations: [
        { role: 'user', content: `${text(0, 6)}?` },
        { role: 'assistant', content: `${text(6, 20)}.` },
      ],
    };
  });
const EVALUATION = rowsOf(9, 4);
const [ANNS, BENS, CIDS] = [rowsOf(1), rowsOf(2), rowsOf(3)];

async function subnet(): Promise<void> {
  miners = await Miners.open({
    machine,
    names: ['ann', 'ben', 'cid'],
    evaluation: EVALUATION,
    competition: COMPETITION,
  });
  state = await ValidatorState.open({ path: join(miners.folder, 'preview') });
}

async function preview(rows: DatasetRow[] | string, changed: Partial<PreviewRowsParameters> = {}) {
  const path = join(miners.folder, 'mine.jsonl');
  await writeFile(path, typeof rows === 'string' ? rows : rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const metadata = new ChainMetadataStore({ subtensor: miners.subtensor, netuid: NETUID });
  const cacheDir = join(miners.folder, 'preview-cache');
  return previewRows({ ...(await miners.validator({ state, cacheDir })), metadata, path, ...changed });
}

test('a preview leaves out the rows that a validator leaves out once the file is committed', async () => {
  await subnet();
  await miners.publish('ann', ANNS);
  await miners.publish('cid', CIDS);
  const rows = [...BENS, ...ANNS.slice(0, 2), BENS[0]!, CIDS[3]!, EVALUATION[1]!];
  const hotkey = await miners.address('ben');
  const seen = await preview(rows, { hotkey });
  expect(seen).toMatchObject({ uid: 1, verdict: null, rows: 13, kept: [0, 1, 2, 3, 4, 5, 6, 7], unread: [] });
  expect(seen.compared).toEqual({ datasets: 2, rows: 16, evaluationRows: 4 });
  expect(seen.leftOut).toMatchObject({ others: 3, evaluation: 1, repeats: 1 });

  await miners.publish('ben', rows);
  const { leftOut, outcome } = (await miners.epoch()).of('ben');
  expect(outcome.kind).toBe('scored');
  expect(leftOut).toEqual(seen.leftOut);
}, 60_000);

test('a preview reads each dataset once, keeps what rows are compared by, and not the datasets', async () => {
  await subnet();
  await miners.publish('ann', ANNS);
  await preview(BENS);
  const before = miners.requestsTo('u/ann');
  expect(before).toBeGreaterThan(0);
  expect((await preview(ANNS)).leftOut?.others).toBe(8);
  expect(miners.requestsTo('u/ann')).toBe(before);
  const { datasets, rows } = (await preview(BENS)).compared;
  expect([datasets, rows]).toEqual([1, 8]);
}, 60_000);

test('what a hotkey has shown is its own, and what others copied of it afterwards, too', async () => {
  await subnet();
  await miners.publish('ann', ANNS);
  await miners.publish('cid', ANNS);
  const rows = [...ANNS, ...BENS];
  expect((await preview(rows, { hotkey: await miners.address('ann') })).leftOut?.others).toBe(0);
  const others = await preview(rows, { hotkey: await miners.address('cid') });
  expect(others.leftOut).toMatchObject({ others: 8, sources: [{ uid: 0, rows: 8 }] });
  expect((await preview(rows)).uid).toBeNull();
}, 60_000);

test('a copy is refused before it is committed, as is a file with a bad line', async () => {
  await subnet();
  await miners.publish('ann', ANNS);
  const copy = await preview([...ANNS, BENS[0]!]);
  expect(copy.verdict).toMatchObject({
    reason: 'duplicate',
    message: expect.stringContaining('shown earlier by uid 0'),
  });
  const bad = await preview(`${JSON.stringify(ANNS[0])}\nnot a row\n`);
  expect(bad).toMatchObject({ verdict: { reason: 'invalid-rows' }, rows: null, leftOut: null, kept: null });
}, 60_000);

test('rows must be of the evaluation set where the policy asks for that, and few may be those of an earlier dataset', async () => {
  await subnet();
  const policy = {
    ...dailyWinnerPolicy(),
    name: 'own',
    intake: { evaluationRows: 'require', mostCommonRows: 1 } as const,
  };
  expect((await preview(BENS, { policy })).verdict?.reason).toBe('invalid-rows');
  await miners.publish('ann', EVALUATION.slice(0, 3));
  expect((await preview(EVALUATION.slice(2), { policy })).verdict).toBeNull();
  expect((await preview(EVALUATION.slice(1), { policy })).verdict?.reason).toBe('duplicate');
}, 60_000);

test('a dataset that the Hub does not give is named, and read the next time', async () => {
  await subnet();
  await miners.publish('ann', ANNS);
  await miners.publish('cid', CIDS);
  miners.hub.faults.inject({ on: '/u/ann/', fault: { kind: 'status', status: 503 }, times: 1_000 });
  const without = await preview(ANNS);
  expect(without).toMatchObject({ unread: [{ uid: 0, repo: 'u/ann' }], compared: { datasets: 1 }, verdict: null });
  miners.hub.faults.clear();
  expect(await preview(ANNS)).toMatchObject({
    unread: [],
    compared: { datasets: 2 },
    verdict: { reason: 'duplicate' },
  });
}, 60_000);
