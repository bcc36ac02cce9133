import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  Competition,
  type DatasetRow,
  HubDatasetStore,
  runEpoch,
  type Trainer,
  type Validator,
  type ValidatorEvent,
  ValidatorState,
  winRatesPolicy,
} from 'flock-off';
import { sampleDatasets } from 'flock-off/local';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { accept } from '../../src/schema/verdict.ts';
import { allBits, hasBit, unpackNumbers } from '../../src/validator/ledger/packed.ts';
import { claimedRows, type ShownDataset } from '../../src/validator/ledger/showing.ts';
import { watchLate } from '../../src/validator/watch-late.ts';
import {
  closeMachine,
  type EpochOf,
  type Machine,
  Miners,
  type MinersParameters,
  NETUID,
  openMachine,
} from './miners.ts';

// Whose rows are whose, in real epochs on a local subnet with the tiny base model.

let machine: Machine;
let miners: Miners;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(() => closeMachine(machine));
afterEach(() => miners.close());

const RECIPE = {
  contextTokens: 48,
  epochs: 1,
  batchSize: 4,
  gradientAccumulation: 1,
  learningRate: 5e-3,
  warmupSteps: 1,
};
const rulesWith = (changed: object = {}) => Competition.parse({ baseline: 'off', recipe: RECIPE, ...changed });

function row(question: string, answer: string): DatasetRow {
  return {
    conversations: [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ],
  };
}

/** Words of no language, so that no two rows of two topics have anything in common. */
function wordsOf(seed: string, count: number): string {
  let state = [...seed].reduce(
    (hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16_777_619) >>> 0,
    2_166_136_261,
  );
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const letters = () =>
    Array.from(
      { length: 4 + Math.floor(next() * 5) },
      () => 'abcdefghijklmnopqrstuvwxyz'[Math.floor(next() * 26)],
    ).join('');
  return Array.from({ length: count }, letters).join(' ');
}

const rowsOf = (topic: string, count = 8): DatasetRow[] =>
  Array.from({ length: count }, (_, i) =>
    row(`${wordsOf(`${topic} question ${i}`, 6)}?`, `${wordsOf(`${topic} answer ${i}`, 14)}.`),
  );
const EVALUATION = rowsOf('evaluation', 4);

async function subnet(changed: Partial<MinersParameters> = {}): Promise<Miners> {
  miners = await Miners.open({
    machine,
    names: ['ann', 'ben', 'cid'],
    evaluation: EVALUATION,
    competition: rulesWith(),
    ...changed,
  });
  return miners;
}

/** An epoch of a validator that knows nothing yet: all of them have the same seed. */
async function firstEpoch(): Promise<EpochOf> {
  const state = await ValidatorState.open({ path: join(miners.folder, `state ${Math.random()}`) });
  return miners.epoch({ state }).finally(() => state.close());
}

const numbered = (rows: DatasetRow[]) =>
  rows.map(({ conversations: [user, assistant] }, i) =>
    row(`${user!.content} (${i + 1})`, `${assistant!.content} #${i + 1}`),
  );
const lossOf = (epoch: EpochOf, name: string) => {
  const { outcome } = epoch.of(name);
  if (outcome.kind !== 'scored') throw new Error(`${name} was not scored: ${JSON.stringify(outcome)}`);
  return outcome.lossNatsPerToken;
};

test.each([
  { how: 'as they are', copied: (rows: DatasetRow[]) => rows },
  { how: 'in another order, with a number on each', copied: (rows: DatasetRow[]) => numbered(rows).reverse() },
])('the rows of another, $how, earn nothing', async ({ copied }) => {
  await subnet();
  await miners.publish('ann', rowsOf('ann'));
  await miners.publish('ben', copied(rowsOf('ann')));
  const epoch = await miners.epoch();
  expect(epoch.of('ann').outcome.kind).toBe('scored');
  expect(epoch.of('ben')).toMatchObject({
    weight: 0,
    leftOut: { others: 8, sources: [{ uid: 0, rows: 8 }] },
    outcome: { kind: 'rejected', verdict: { reason: 'duplicate', facts: { rows: 8, rowsLeft: 0, rowsNeeded: 4 } } },
  });
  expect(epoch.of('ben').why).toContain('8 shown earlier by uid 0');
});

test('whoever commits rows of a rival first takes those only: the loss of the rest is that of a file of its own, bit for bit', async () => {
  await subnet();
  const [bens, tripwire] = [rowsOf('ben', 40), rowsOf('ben', 40).slice(3, 36)];
  await miners.publish('ann', tripwire);
  await miners.publish('ben', [...bens, ...rowsOf('more of ben', 40)]);
  const [, ...rest] = [await firstEpoch(), bens];
  const mixed = await firstEpoch();
  expect(mixed.of('ben').leftOut).toMatchObject({ others: 33, evaluation: 0, repeats: 0 });
  expect(mixed.of('ben').leftOut!.examples[0]).toMatchObject({ line: 4, uid: 0, ofLine: 1, alike: 1 });
  expect(mixed.of('ben').leftOut!.examples).toHaveLength(20);
  const own = [...rest[0]!.filter((_, i) => i < 3 || i >= 36), ...rowsOf('more of ben', 40)];
  await miners.publish('ben', own);
  const alone = await firstEpoch();
  expect(alone.of('ben').leftOut).toMatchObject({ others: 0 });
  expect(alone.report.epochSeed).toBe(mixed.report.epochSeed);
  expect(lossOf(mixed, 'ben')).toBe(lossOf(alone, 'ben'));
});

test('of two in one block the earlier transaction has the rows, whatever the uids', async () => {
  await subnet();
  const [ann, ben] = await Promise.all(
    ['ann', 'ben'].map(async (name) => {
      const commit = await miners.publish(name, rowsOf('both'));
      return { repo: `u/${name}`, commit };
    }),
  );
  await miners.publish('ann', rowsOf('other'));
  await miners.publish('ben', rowsOf('another'));
  await miners.inOneBlock([() => miners.commit('ben', ben!), () => miners.commit('ann', ann!)]);
  const epoch = await miners.epoch();
  expect(epoch.of('ben').outcome.kind).toBe('scored');
  expect(epoch.of('ann').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
});

test('rows of the evaluation set are left out, and a dataset of little else is refused', async () => {
  await subnet();
  await miners.publish('ann', [...rowsOf('ann'), ...EVALUATION]);
  await miners.publish('ben', [...numbered(EVALUATION), ...rowsOf('ben', 2)]);
  const epoch = await firstEpoch();
  expect(epoch.of('ann').leftOut).toMatchObject({ others: 0, evaluation: 4 });
  expect(epoch.of('ben').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'evaluation-rows' } });
  await miners.publish('ann', rowsOf('ann'));
  expect(lossOf(epoch, 'ann')).toBe(lossOf(await firstEpoch(), 'ann'));
});

test('where a competition is played with rows of the evaluation set they are trained on, and nobody’s', async () => {
  await subnet({ competition: rulesWith({ evaluationRows: 'allow' }) });
  await miners.publish('ann', [...EVALUATION, ...rowsOf('ann')]);
  await miners.publish('ben', [...EVALUATION, ...rowsOf('ben')]);
  const epoch = await miners.epoch();
  for (const name of ['ann', 'ben']) expect(epoch.of(name).leftOut).toMatchObject({ others: 0, evaluation: 0 });
});

test('rows that are repeated count once, and the miner is told', async () => {
  await subnet();
  const rows = rowsOf('ann');
  await miners.publish('ann', Array.from({ length: 50 }, () => rows).flat());
  const epoch = await firstEpoch();
  expect(epoch.of('ann')).toMatchObject({ rows: 400, leftOut: { repeats: 392, others: 0 } });
  expect(epoch.of('ann').why).toContain('392 repeated');
  await miners.publish('ann', rows);
  expect(lossOf(epoch, 'ann')).toBe(lossOf(await firstEpoch(), 'ann'));
});

test('a small dataset of one’s own is no duplicate for two greetings that others have too', async () => {
  await subnet();
  const greetings = rowsOf('greeting', 2);
  await miners.publish('ann', [...greetings, ...rowsOf('ann', 30)]);
  await miners.publish('ben', [...greetings, ...rowsOf('ben', 3)]);
  const epoch = await miners.epoch();
  expect(epoch.of('ben')).toMatchObject({ outcome: { kind: 'scored' }, leftOut: { others: 2 } });
});

test('claims end some time after the pointer names something else, and copies made before stay copies', async () => {
  await subnet({ competition: rulesWith({ claimBlocks: 60 }) });
  await miners.publish('ann', rowsOf('ann'));
  await miners.epoch();
  await miners.publish('ann', rowsOf('new'));
  await miners.publish('ben', rowsOf('ann'));
  expect((await miners.epoch()).of('ben').outcome).toMatchObject({ verdict: { reason: 'duplicate' } });
  await miners.pass(80);
  expect((await miners.epoch()).of('ben').outcome).toMatchObject({ verdict: { reason: 'duplicate' } });
  await miners.publish('cid', rowsOf('ann'));
  expect((await miners.epoch()).of('cid').outcome.kind).toBe('scored');
  // Its first shower is late now.
  await miners.publish('ann', rowsOf('ann'));
  expect((await miners.epoch()).of('ann').outcome).toMatchObject({ verdict: { reason: 'duplicate' } });
});

test.each([
  {
    when: 'others are judged again',
    again: async (dans: string) => {
      await miners.publish('dan', rowsOf('other'));
      await miners.commit('dan', { repo: 'u/dan', commit: dans });
    },
  },
  { when: 'files are checked again', again: async () => miners.state.keepSince({ block: 1e9, named: [] }) },
])(
  'copies stay copies when $when after their original is forgotten, and take nothing from who shows the rows then',
  async ({ again }) => {
    await subnet({ names: ['ann', 'ben', 'cid', 'dan'], competition: rulesWith({ claimBlocks: 40 }) });
    await miners.publish('ann', rowsOf('ann'));
    const dans = await miners.publish('dan', [...rowsOf('dan'), ...rowsOf('ann', 2)]);
    await miners.epoch();
    await miners.publish('ann', rowsOf('new'));
    await miners.publish('ben', [...rowsOf('ann'), ...rowsOf('ben')]);
    expect((await miners.epoch()).of('ben').leftOut).toMatchObject({ others: 8 });
    await miners.pass(120);
    await miners.epoch();
    await miners.publish('cid', rowsOf('ann'));
    expect((await miners.epoch()).of('cid').outcome.kind).toBe('scored');
    await again(dans);
    const epoch = await miners.epoch();
    expect(epoch.of('ben')).toMatchObject({
      outcome: { kind: 'scored' },
      leftOut: { others: 8, sources: [{ rows: 8 }] },
    });
    expect(epoch.of('ben').leftOut!.examples).toHaveLength(8);
    expect(epoch.of('cid').outcome.kind).toBe('scored');
  },
  60_000,
);

test('a claim ends when nobody can read the dataset any more', async () => {
  await subnet({ competition: rulesWith({ claimBlocks: 40 }) });
  await miners.publish('ann', rowsOf('ann'));
  await miners.epoch();
  miners.hub.repository('u/ann')!.visibility = 'private';
  await miners.epoch();
  await miners.pass(60);
  await miners.publish('ben', rowsOf('ann'));
  const epoch = await miners.epoch();
  expect(epoch.of('ben').outcome.kind).toBe('scored');
});

/** What the tiny base model knows well, and what makes it worse. */
async function known(): Promise<{ evaluation: DatasetRow[]; noise: DatasetRow[] }> {
  const text = await readFile(new URL('../../eval_data/data.jsonl', import.meta.url), 'utf8');
  const parse = (lines: string) =>
    lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as DatasetRow);
  return { evaluation: parse(text).slice(0, 8), noise: parse(sampleDatasets({ seed: 1 }).noise).slice(0, 24) };
}

test('a claim that has ended does not begin anew before anybody can read the dataset', async () => {
  await subnet({ competition: rulesWith({ claimBlocks: 40 }) });
  const commit = await miners.publish('ann', rowsOf('ann'));
  await miners.epoch();
  const repository = miners.hub.repository('u/ann')!;
  await miners.publish('ann', rowsOf('new'), { repo: 'u/new' });
  repository.visibility = 'private';
  await miners.epoch();
  await miners.pass(60);
  // Where it is hidden, naming it again is no showing.
  await miners.commit('ann', { repo: 'u/ann', commit });
  await miners.epoch();
  await miners.publish('ben', rowsOf('ann'));
  expect((await miners.epoch()).of('ben')).toMatchObject({ outcome: { kind: 'scored' }, leftOut: { others: 0 } });
  repository.visibility = 'public';
  const epoch = await miners.epoch();
  expect(epoch.of('ben').outcome.kind).toBe('scored');
  expect(epoch.of('ann').outcome).toMatchObject({ verdict: { reason: 'duplicate' } });
});

test('a hidden dataset is refused however often it is named again after its claim has ended', async () => {
  await subnet({ competition: rulesWith({ claimBlocks: 40, readableWithinBlocks: 15 }) });
  const commit = await miners.publish('ann', rowsOf('ann'));
  await miners.epoch();
  miners.hub.repository('u/ann')!.visibility = 'private';
  await miners.epoch();
  await miners.pass(60);
  for (let time = 0; time < 3; time++) {
    await miners.pass(30);
    await miners.commit('ann', { repo: 'u/other', commit });
    await miners.commit('ann', { repo: 'u/ann', commit });
    expect((await miners.epoch()).of('ann').outcome).toMatchObject({ verdict: { reason: 'dataset-denied' } });
  }
});

test('who does not beat the base model earns nothing, and its claim on the rows ends', async () => {
  const { evaluation, noise } = await known();
  await subnet({ evaluation, competition: rulesWith({ baseline: 'contestant', claimBlocks: 40 }) });
  await miners.publish('ann', noise);
  const first = await miners.epoch();
  const { outcome, why, weight, score } = first.of('ann');
  expect({ outcome: outcome.kind, weight, score }).toEqual({ outcome: 'scored', weight: 0, score: null });
  expect(why).toContain('does not beat the base model');
  expect(first.report.baselineLossNatsPerToken).toBeLessThan(lossOf(first, 'ann'));
  await miners.pass(60);
  await miners.publish('ben', noise);
  expect((await miners.epoch()).of('ben').leftOut).toMatchObject({ others: 0 });
});

/** A trainer that finds every dataset worse than the base model, or better: what is looked at is who claims what then. */
function finding(isBetter: boolean): Partial<Validator> {
  const train = async () => accept({ adapter: { rank: 1 } });
  const evaluate = async ({ adapter }: { adapter?: object }) =>
    accept({ lossNatsPerToken: adapter ? (isBetter ? 1 : 3) : 2 });
  return { trainer: { ...machine.trainer, baseSha256: String(isBetter), train, evaluate } as unknown as Trainer };
}

test.each([
  { how: 'one row more', change: (rows: DatasetRow[]) => [...rows, ...rowsOf('more', 1)] },
  { how: 'a number on each row', change: (rows: DatasetRow[]) => numbered(rows) },
])(
  'a new commit of the same rows with $how, which do not beat the base model, keeps them from nobody',
  async ({ change }) => {
    const claimBlocks = 300;
    await subnet({ competition: rulesWith({ baseline: 'contestant', claimBlocks }) });
    await miners.publish('ann', rowsOf('ann'));
    await miners.epoch(finding(false));
    const lost = (await shownBy('ann'))[0]!.lostBlock!;
    await miners.pass(200);
    await miners.publish('ann', change(rowsOf('ann')));
    await miners.epoch(finding(false));
    const again = (await shownBy('ann'))[0]!.lostBlock!;
    expect(again).toBeGreaterThan(lost + 200);
    await miners.pass(Math.max(0, lost + claimBlocks + 5 - miners.chain.currentBlock()));
    await miners.publish('ben', rowsOf('ann'));
    const epoch = await miners.epoch(finding(true));
    expect(epoch.report.startBlock).toBeLessThan(again + claimBlocks);
    expect(epoch.of('ben').leftOut).toMatchObject({ others: 0 });
  },
);

test('rows that are shown again beside others are claimed once the dataset beats the base model', async () => {
  await subnet({ competition: rulesWith({ baseline: 'contestant' }) });
  await miners.publish('ann', rowsOf('ann'));
  await miners.epoch(finding(false));
  await miners.publish('ann', [...rowsOf('ann'), ...rowsOf('more')]);
  await miners.epoch(finding(false));
  const claims = ([showing]: ShownDataset[]) => {
    const claimed = claimedRows(showing!, null) ?? allBits(showing!.rows);
    return Array.from({ length: 16 }, (_, row) => Number(hasBit(claimed, row))).join('');
  };
  expect(claims(await shownBy('ann'))).toBe('0000000011111111');
  await miners.epoch(finding(true));
  expect(claims(await shownBy('ann'))).toBe('1111111111111111');
});

/** Nobody is evaluated, and datasets are read and compared. */
const drawingNobody: Partial<Validator> = { policy: { ...winRatesPolicy(), name: 'nobody', draw: () => [] } };

test.each([
  { when: 'before their first evaluation', first: () => drawingNobody },
  { when: 'after an evaluation', first: () => finding(true) },
])(
  'rows shown again $when keep the date of their first showing, also once that is forgotten and the rules change',
  async ({ first }) => {
    await subnet({ competition: rulesWith({ baseline: 'contestant', claimBlocks: 60 }) });
    await miners.publish('ann', rowsOf('ann'));
    await miners.epoch(first());
    const [{ shownAt, rows }] = (await shownBy('ann')) as [ShownDataset];
    await miners.publish('ben', rowsOf('ann'));
    await miners.publish('ann', [...rowsOf('ann'), ...rowsOf('more')]);
    await miners.epoch(finding(true));
    const [again] = (await shownBy('ann')) as [ShownDataset];
    expect(unpackNumbers(again.shownAt, again.rows).slice(0, 8)).toEqual(unpackNumbers(shownAt, rows));
    expect(new Set(unpackNumbers(again.shownAt, again.rows).slice(8))).toEqual(new Set([again.position]));
    await miners.pass(150);
    await miners.epoch(finding(true));
    expect(await shownBy('ann')).toHaveLength(1);
    const competition = rulesWith({ baseline: 'contestant', evaluationRows: 'allow', blocksPerEpoch: 1 });
    const epoch = await miners.epoch({ ...finding(true), competition });
    expect(epoch.of('ann')).toMatchObject({ outcome: { kind: 'scored' }, leftOut: { others: 0 } });
    expect(epoch.of('ben').outcome).toMatchObject({ verdict: { reason: 'duplicate' } });
  },
  90_000,
);

test.each([
  { who: 'shows them after the claim', again: false },
  { who: 'shows them before and again after the claim', again: true },
])(
  'who $who of another on them has ended keeps them from nobody before they beat the base model',
  async ({ again }) => {
    const claimBlocks = 100;
    const names = ['ann', 'ben', 'cid', 'dan'];
    await subnet({ names, competition: rulesWith({ baseline: 'contestant', claimBlocks }) });
    const rows = rowsOf('ann');
    await miners.publish('ann', rows);
    await miners.epoch(finding(false));
    if (again) {
      const commit = await miners.publish('ben', rows);
      expect((await miners.epoch(finding(false))).of('ben').outcome).toMatchObject({
        verdict: { reason: 'duplicate' },
      });
      await miners.pass(claimBlocks);
      // What stands on the chain already is not committed again.
      await miners.publish('ben', rowsOf('other'));
      await miners.commit('ben', { repo: 'u/ben', commit });
    } else {
      await miners.pass(claimBlocks);
      await miners.publish('ben', rows);
    }
    expect((await miners.epoch(finding(false))).of('ben')).toMatchObject({ leftOut: { others: 0 }, weight: 0 });
    await miners.publish('cid', rows);
    expect((await miners.epoch(finding(false))).of('cid')).toMatchObject({ leftOut: { others: 0 } });
    await miners.epoch(finding(true));
    await miners.publish('dan', [...rows, ...rowsOf('more')]);
    expect((await miners.epoch(finding(true))).of('dan').leftOut).toMatchObject({ others: 8 });
  },
  90_000,
);

test('nor does one who lets another hotkey show them shortly before the claim ends', async () => {
  const claimBlocks = 400;
  const names = ['ann', 'ben', 'cid', 'dan'];
  await subnet({ names, competition: rulesWith({ baseline: 'contestant', claimBlocks, readableWithinBlocks: 100 }) });
  const rows = rowsOf('ann');
  await miners.publish('ann', rows);
  await miners.epoch(finding(false));
  const [{ lostBlock }] = (await shownBy('ann')) as [ShownDataset];
  const end = lostBlock! + claimBlocks;
  const head = async () => (await miners.subtensor.metagraph({ netuid: NETUID })).block;
  await miners.pass(end - 20 - (await head()));
  await miners.publish('ben', rows);
  expect(await head()).toBeLessThan(end);
  await miners.pass(end + 5 - (await head()));
  await miners.publish('cid', rows);
  await miners.epoch(finding(false));
  await miners.publish('dan', rows);
  expect((await miners.epoch(finding(false))).of('dan')).toMatchObject({ leftOut: { others: 0 } });
}, 90_000);

test('a dataset is not forgotten because its hotkey shows others of full size after it', async () => {
  await subnet({ competition: rulesWith({ maxRows: 8 }) });
  for (const topic of ['first', 'second', 'third', 'fourth']) {
    await miners.publish('ann', rowsOf(topic));
    await miners.epoch();
  }
  await miners.publish('ben', rowsOf('first'));
  expect((await miners.epoch()).of('ben').outcome).toMatchObject({ verdict: { reason: 'duplicate' } });
});

/** What the validator remembers of a miner, the dataset that its pointer names first. */
async function shownBy(name: string): Promise<ShownDataset[]> {
  const address = await miners.address(name);
  return (await miners.state.ledger()).find(({ hotkey }) => hotkey === address)!.showings;
}

test('rows of a hotkey that left belong to a hotkey of the same coldkey that shows them again, and to nobody else', async () => {
  await subnet({ names: ['ann', 'ben', 'cid'], coldkeys: { cid: 'ann' } });
  await miners.publish('ann', rowsOf('ann'));
  await miners.epoch();
  await miners.replaceHotkey('ann', 'somebody');
  await miners.publish('ben', rowsOf('ann'));
  await miners.publish('cid', rowsOf('ann'));
  const epoch = await miners.epoch();
  expect(epoch.of('ben').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
  expect(epoch.of('cid')).toMatchObject({ outcome: { kind: 'scored' }, leftOut: { others: 0 } });
});

test('a pointer whose dataset nobody can read is waited for; one that is read in time keeps its date', async () => {
  await subnet({ competition: rulesWith({ readableWithinBlocks: 400 }) });
  await miners.publish('ann', rowsOf('ann'));
  miners.hub.repository('u/ann')!.visibility = 'private';
  await miners.publish('ben', rowsOf('ann'));
  const first = await miners.epoch();
  expect(first.of('ann').outcome).toMatchObject({ kind: 'postponed', by: 'miner' });
  expect(first.of('ann').why).toMatch(/is waited for until block \d+, 400 after its pointer/);
  expect(first.of('ben').outcome.kind).toBe('scored');
  miners.hub.repository('u/ann')!.visibility = 'public';
  const second = await miners.epoch();
  expect(second.of('ann').outcome.kind).toBe('scored');
  expect(second.of('ben').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
});

test.each(['private', 'gated'])(
  'a %s repository that only this validator may read is refused, once its time is over',
  async (how) => {
    await subnet({ competition: rulesWith({ readableWithinBlocks: 400 }) });
    await miners.publish('ann', rowsOf('ann'));
    await miners.publish('ben', rowsOf('ben'));
    const repository = miners.hub.repository('u/ann')!;
    if (how === 'gated') repository.gated = true;
    else repository.visibility = 'private';
    const datasets = new HubDatasetStore({ endpoint: miners.hub.url, token: 'hf_token', attempts: 1 });
    expect((await miners.epoch({ datasets })).of('ann').outcome).toMatchObject({ kind: 'postponed', by: 'miner' });
    await miners.pass(400);
    const second = await miners.epoch({ datasets });
    expect(second.of('ben').outcome.kind).toBe('scored');
    expect(second.of('ann')).toMatchObject({
      weight: 0,
      outcome: { kind: 'rejected', verdict: { reason: 'dataset-denied' } },
    });
    repository.gated = false;
    repository.visibility = 'public';
    expect((await miners.epoch({ datasets })).of('ann').outcome.kind).toBe('scored');
  },
);

test('a dataset that is not readable any more is refused after a while, and a fault of the Hub refuses nobody', async () => {
  await subnet({ competition: rulesWith({ readableWithinBlocks: 100 }) });
  await miners.publish('ann', rowsOf('ann'));
  await miners.publish('ben', rowsOf('ben'));
  await miners.epoch();
  miners.hub.repository('u/ann')!.visibility = 'private';
  const first = await miners.epoch();
  expect(first.of('ann').outcome.kind).toBe('scored');
  await miners.pass(120);
  miners.hub.faults.inject({ on: 'u/', fault: { kind: 'status', status: 503 }, times: 1_000 });
  expect((await miners.epoch()).of('ann').outcome.kind).toBe('scored');
  miners.hub.faults.clear();
  const last = await miners.epoch();
  expect(last.of('ann')).toMatchObject({ weight: 0, outcome: { verdict: { reason: 'dataset-denied' } } });
  expect(last.of('ann').why).toMatch(/cannot be read without a token any more, since block \d+ at the latest/);
  expect(last.of('ben').outcome.kind).toBe('scored');
});

test('a dataset that is made public in time keeps its date, though the epoch ends before that', async () => {
  await subnet({ competition: rulesWith({ readableWithinBlocks: 400 }) });
  await miners.publish('ann', rowsOf('ann'));
  miners.hub.repository('u/ann')!.visibility = 'private';
  await miners.publish('ben', rowsOf('ann'));
  expect((await miners.epoch()).of('ann').outcome).toMatchObject({ kind: 'postponed', by: 'miner' });
  miners.hub.repository('u/ann')!.visibility = 'public';
  await miners.pass(450);
  const second = await miners.epoch();
  expect(second.of('ann').outcome.kind).toBe('scored');
  expect(second.of('ben').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
});

/** Resolves when the watch has asked whether a dataset of ann's can be read. */
async function watchAsked(times = 1): Promise<void> {
  const asked = () => miners.requestsTo('/datasets/u/ann/resolve');
  const before = asked();
  await vi.waitUntil(() => asked() >= before + times, { timeout: 60_000 });
}

test.each([
  { when: 'in time', isInTime: true, first: 'ann', second: 'ben' },
  { when: 'late', isInTime: false, first: 'ben', second: 'ann' },
])(
  'between epochs it is seen whether a dataset is made public in time, and known after a restart: one $when',
  async (how) => {
    await subnet({ competition: rulesWith({ readableWithinBlocks: 15 }), blockTimeMs: 200 });
    const before = await watchLate(await miners.validator());
    await miners.publish('ann', rowsOf('ann'));
    const repository = miners.hub.repository('u/ann')!;
    repository.visibility = how.isInTime ? 'public' : 'private';
    await watchAsked();
    repository.visibility = 'public';
    await miners.publish('ben', rowsOf('ann'));
    await before.stop();
    const watch = await watchLate(await miners.validator());
    const epoch = await miners.epoch({}, watch.isLate);
    await watch.stop();
    expect(epoch.of(how.first).outcome.kind).toBe('scored');
    expect(epoch.of(how.second).outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
  },
  90_000,
);

test('who makes a dataset public only while it is looked whether it came in time has no earlier date by that', async () => {
  await subnet({ competition: rulesWith({ readableWithinBlocks: 15 }), blockTimeMs: 200 });
  const watch = await watchLate(await miners.validator());
  await miners.publish('ann', rowsOf('ann'));
  const repository = miners.hub.repository('u/ann')!;
  await watchAsked();
  repository.visibility = 'private';
  await miners.publish('ben', rowsOf('ann'));
  const hidden = await miners.epoch({}, watch.isLate);
  expect(hidden.of('ann').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'dataset-missing' } });
  repository.visibility = 'public';
  const epoch = await miners.epoch({}, watch.isLate);
  await watch.stop();
  expect(epoch.of('ben').outcome.kind).toBe('scored');
  expect(epoch.of('ann').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
}, 90_000);

test('what came late stays late for an epoch that goes on with its pointer, however old that is and whatever is named by then', async () => {
  const competition = rulesWith({ readableWithinBlocks: 15, blocksPerEpoch: 12 });
  await subnet({ competition, blockTimeMs: 200 });
  const watch = await watchLate(await miners.validator({ competition }));
  await miners.publish('ann', rowsOf('ann'));
  const repository = miners.hub.repository('u/ann')!;
  repository.visibility = 'private';
  await watchAsked();
  await miners.publish('ben', rowsOf('ann'));
  // Longer than an epoch may take.
  await miners.pass(12 * 12);
  const stopped = new AbortController();
  const onEvent = ({ kind }: ValidatorEvent) => kind === 'drawn' && stopped.abort();
  const validator = await miners.validator({ competition, onEvent });
  await expect(runEpoch({ validator, isLate: watch.isLate, signal: stopped.signal })).rejects.toThrow();
  await miners.publish('ann', rowsOf('other'));
  repository.visibility = 'public';
  const looked = miners.chain.currentBlock() + 12;
  await miners.subtensor.waitForBlock({ block: looked });
  const epoch = await miners.epoch({ competition }, watch.isLate);
  expect(epoch.report.startBlock).toBeLessThanOrEqual(looked - 12);
  await watch.stop();
  expect(epoch.of('ben').outcome.kind).toBe('scored');
  expect(epoch.of('ann').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
}, 90_000);

test('a fault of the Hub when the time of a pointer ends makes nobody late', async () => {
  await subnet({ competition: rulesWith({ readableWithinBlocks: 15 }), blockTimeMs: 200 });
  const watch = await watchLate(await miners.validator());
  await miners.publish('ann', rowsOf('ann'));
  miners.hub.faults.inject({ on: 'u/ann/', fault: { kind: 'status', status: 503 }, times: 1_000 });
  // It is asked twice.
  await watchAsked(2);
  miners.hub.faults.clear();
  await miners.publish('ben', rowsOf('ann'));
  const epoch = await miners.epoch({}, watch.isLate);
  await watch.stop();
  expect(epoch.of('ann').outcome.kind).toBe('scored');
}, 90_000);

test('whether anybody can read a dataset is asked once an epoch, also of a new one', async () => {
  await subnet();
  await miners.publish('ann', rowsOf('ann'));
  const datasets = new HubDatasetStore({ endpoint: miners.hub.url });
  const asked = vi.spyOn(datasets, 'isReadable');
  for (const times of [1, 2]) {
    await miners.epoch({ datasets });
    expect(asked).toHaveBeenCalledTimes(times);
  }
});

test('a bug is not taken for a fault of the Hub', async () => {
  await subnet();
  await miners.publish('ann', rowsOf('ann'));
  await miners.epoch();
  const hub = new HubDatasetStore({ endpoint: miners.hub.url });
  const isReadable = () => Promise.reject(new TypeError('not a function'));
  const datasets = Object.assign(Object.create(hub) as HubDatasetStore, {
    isReadable,
    download: hub.download.bind(hub),
    owners: hub.owners.bind(hub),
  });
  await expect(miners.epoch({ datasets })).rejects.toThrow('not a function');
});

test('a dataset that nobody could read in time is refused, and counts from when it was read', async () => {
  await subnet({ competition: rulesWith({ readableWithinBlocks: 5 }) });
  await miners.publish('ann', rowsOf('ann'));
  miners.hub.repository('u/ann')!.visibility = 'private';
  await miners.publish('ben', rowsOf('ann'));
  await miners.pass(10);
  const first = await miners.epoch();
  expect(first.of('ann').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'dataset-missing' } });
  miners.hub.repository('u/ann')!.visibility = 'public';
  const second = await miners.epoch();
  expect(second.of('ben').outcome.kind).toBe('scored');
  expect(second.of('ann').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
});

test('an outage of the Hub costs nobody the date of a pointer', async () => {
  await subnet({ competition: rulesWith({ readableWithinBlocks: 5 }) });
  await miners.publish('ann', rowsOf('ann'));
  await miners.publish('ben', rowsOf('ann'));
  const fault = { kind: 'status', status: 503 } as const;
  miners.hub.faults.inject({ on: 'u/ann/', fault, times: 1_000 });
  expect((await miners.epoch()).of('ann').outcome).toMatchObject({ kind: 'postponed', by: 'hub' });
  miners.hub.faults.clear();
  await miners.pass(10);
  const second = await miners.epoch();
  expect(second.of('ann').outcome.kind).toBe('scored');
  expect(second.of('ben').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
});

test('a repository that names its owner is nobody else’s, who takes nothing from it', async () => {
  await subnet();
  const commit = await miners.publish('ann', rowsOf('ann'), { owner: await miners.address('ann') });
  await miners.publish('ann', rowsOf('other'));
  await miners.commit('ben', { repo: 'u/ann', commit });
  await miners.commit('ann', { repo: 'u/ann', commit });
  const epoch = await miners.epoch();
  expect(epoch.of('ben').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'foreign-dataset' } });
  expect(epoch.of('ann')).toMatchObject({ outcome: { kind: 'scored' }, leftOut: { others: 0 } });
});

test('a refused file is downloaded and read once, whatever pointer names it', async () => {
  await subnet();
  const broken = [...rowsOf('ann'), { conversations: [] } as unknown as DatasetRow];
  await miners.publish('ann', broken);
  const check = vi.spyOn(machine.checker, 'check');
  const requests = () => miners.requestsTo('u/ann');
  expect((await miners.epoch()).of('ann').outcome).toMatchObject({ verdict: { reason: 'invalid-rows' } });
  const before = requests();
  expect((await miners.epoch()).of('ann').outcome).toMatchObject({ verdict: { reason: 'invalid-rows' } });
  expect(requests()).toBe(before);
  // What is still needed is not forgotten a day after it was found.
  const stored = miners.state.fileFinding.bind(miners.state);
  const aged = vi.spyOn(miners.state, 'fileFinding').mockImplementation(async (key) => {
    const found = await stored(key);
    return found && { ...found, block: found.block - 4_000 };
  });
  const put = vi.spyOn(miners.state, 'putFileFinding');
  await miners.epoch();
  expect(put).toHaveBeenCalledTimes(1);
  for (const spy of [aged, put]) spy.mockRestore();
  await miners.publish('ben', broken);
  expect((await miners.epoch()).of('ben').outcome).toMatchObject({ verdict: { reason: 'invalid-rows' } });
  expect(check).toHaveBeenCalledTimes(1);
  check.mockRestore();
});

test('a hotkey brings so many bytes a day; more waits', async () => {
  await subnet({ competition: rulesWith({ maxBytesPerDay: 2_500 }) });
  await miners.publish('ann', rowsOf('ann'));
  expect((await miners.epoch()).of('ann').outcome.kind).toBe('scored');
  await miners.publish('ann', rowsOf('more of ann'));
  const second = await miners.epoch();
  expect(second.of('ann').outcome).toMatchObject({ kind: 'postponed', by: 'miner' });
  expect(second.of('ann').why).toMatch(/\d+ bytes of new datasets lately, at most 2500 are read in 7200 blocks/);
});

test('what was read of a hotkey and refused counts among the bytes of its day', async () => {
  await subnet({ competition: rulesWith({ maxBytesPerDay: 2_500 }) });
  await miners.publish('ann', [...rowsOf('ann'), { conversations: [] } as unknown as DatasetRow]);
  expect((await miners.epoch()).of('ann').outcome).toMatchObject({ verdict: { reason: 'invalid-rows' } });
  await miners.publish('ann', rowsOf('ann'));
  expect((await miners.epoch()).of('ann').outcome).toMatchObject({ kind: 'postponed', by: 'miner' });
});

test('one silent host does not hold up the others', async () => {
  await subnet({ names: ['ann', 'ben', 'cid', 'dan', 'eve'] });
  for (const name of ['ann', 'ben', 'cid', 'dan', 'eve']) await miners.publish(name, rowsOf(name));
  miners.hub.faults.inject({ on: 'u/ann/', fault: { kind: 'hang' }, times: 1_000 });
  const datasets = new HubDatasetStore({ endpoint: miners.hub.url, attempts: 1, stallTimeoutMs: 3_000 });
  const done: string[] = [];
  const owners = datasets.owners.bind(datasets);
  datasets.owners = async (version) => owners(version).finally(() => done.push(version.repo));
  const epoch = await miners.epoch({ datasets });
  expect(epoch.of('ann').outcome).toMatchObject({ kind: 'postponed', by: 'hub' });
  for (const name of ['ben', 'cid', 'dan', 'eve']) expect(epoch.of(name).outcome.kind).toBe('scored');
  expect(done).toHaveLength(5);
  expect(done.at(-1)).toBe('u/ann');
}, 60_000);

test('fingerprints that are lost are made anew, and nobody is refused meanwhile', async () => {
  await subnet();
  await miners.publish('ann', rowsOf('ann'));
  await miners.publish('ben', rowsOf('ben'));
  await miners.epoch();
  await miners.state.fingerprints.keepOnly([]);
  await miners.publish('cid', rowsOf('ann'));
  const epoch = await miners.epoch();
  for (const name of ['ann', 'ben']) expect(epoch.of(name)).toMatchObject({ outcome: { kind: 'scored' } });
  expect(epoch.of('cid').outcome).toMatchObject({ verdict: { reason: 'duplicate' } });
});

test('copies of what nobody can read any more stay copies when the rules of comparing change', async () => {
  await subnet();
  await miners.publish('ann', rowsOf('ann'));
  await miners.epoch();
  await miners.publish('ben', numbered(rowsOf('ann')).reverse());
  expect((await miners.epoch()).of('ben').outcome).toMatchObject({ verdict: { reason: 'duplicate' } });
  await miners.publish('ann', rowsOf('new'), { repo: 'u/new' });
  miners.hub.repository('u/ann')!.visibility = 'private';
  await miners.epoch();
  // As another version finds its state.
  const ledger = await miners.state.ledger();
  const put = ledger.map((entry) => ({
    ...entry,
    showings: entry.showings.map((one) => ({
      ...one,
      judgement: one.judgement && { ...one.judgement, rules: 'other' },
    })),
  }));
  await miners.state.putLedger({ put, removed: [] });
  await miners.state.fingerprints.keepOnly([]);
  const datasets = join(miners.folder, 'cache');
  await rm(datasets, { recursive: true, force: true });
  for (let time = 0; time < 2; time++) {
    const epoch = await miners.epoch();
    expect(epoch.of('ben').outcome).toMatchObject({ verdict: { reason: 'duplicate' } });
    expect(epoch.of('ann').outcome.kind).toBe('scored');
  }
  // Once it is there again all are judged anew.
  miners.hub.repository('u/ann')!.visibility = 'public';
  expect((await miners.epoch()).of('ben').outcome).toMatchObject({ verdict: { reason: 'duplicate' } });
});

describe('fingerprints that are damaged on disk', () => {
  /** As a disk does to a file that was written well. */
  async function damage(): Promise<void> {
    const folder = join(miners.folder, 'state-fingerprints');
    for (const name of await readdir(folder)) {
      const bytes = await readFile(join(folder, name));
      bytes[bytes.length - 5]! ^= 1;
      await writeFile(join(folder, name), bytes);
    }
  }

  test('are made anew when they are compared, so that a copy is seen in that epoch', async () => {
    await subnet();
    await miners.publish('ann', rowsOf('ann'));
    await miners.publish('ben', [...rowsOf('ben'), ...rowsOf('ann', 2)]);
    await miners.epoch();
    await damage();
    await miners.publish('cid', rowsOf('ann'));
    const epoch = await miners.epoch();
    expect(epoch.of('ann').outcome.kind).toBe('scored');
    expect(epoch.of('ben')).toMatchObject({ outcome: { kind: 'scored' }, leftOut: { others: 2 } });
    expect(epoch.of('cid').outcome).toMatchObject({ verdict: { reason: 'duplicate' } });
  });

  test('cost their miner nothing, even where they are damaged each time', async () => {
    await subnet();
    await miners.publish('ann', rowsOf('ann'));
    const { fingerprints } = miners.state;
    const write = fingerprints.write.bind(fingerprints);
    let times = 1;
    fingerprints.write = async (parameters) => {
      await write(parameters);
      if (times-- > 0) await damage();
    };
    expect((await miners.epoch()).of('ann').outcome.kind).toBe('scored');
    await miners.publish('ben', rowsOf('ben'));
    times = Number.POSITIVE_INFINITY;
    const epoch = await miners.epoch();
    expect(epoch.of('ann').outcome.kind).toBe('scored');
    expect(epoch.of('ben').outcome).toMatchObject({ kind: 'postponed', by: 'validator' });
    expect((await miners.state.standings())[await miners.address('ben')]).toMatchObject({ postponedEpochs: 0 });
    fingerprints.write = write;
    expect((await miners.epoch()).of('ben').outcome.kind).toBe('scored');
  });
});
