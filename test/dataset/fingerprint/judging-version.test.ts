import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { fingerprintRows } from '../../../src/dataset/fingerprint/fingerprint-rows.ts';
import { JUDGING_VERSION, readFingerprint } from '../../../src/dataset/fingerprint/format.ts';
import { judgeRow } from '../../../src/dataset/fingerprint/judge-row.ts';
import { heldSomething, SourceRow } from '../../../src/dataset/fingerprint/likeness.ts';
import type { Showing } from '../../../src/dataset/fingerprint/showings.ts';
import type { DatasetRow } from '../../../src/schema/dataset-row.ts';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { chat, letters } from './rows.ts';
import { searchHere } from './search-here.ts';

/** Datasets of which each takes from the same texts what it likes: all of one, a share, parts of several, beside its own. */
function someDatasets(seed: number) {
  const random = new MersenneTwister(seed);
  const below = (n: number) => Math.floor(random.nextUniform() * n);
  const oneOf = <T>(list: readonly T[]) => list[below(list.length)]!;
  let fresh = 1_000_000 * seed;
  const filler = (count: number) => letters(count, fresh++);
  const lengths = [12, 28, 36, 50, 64, 90, 140, 200, 240, 300, 420, 700, 1_400];
  const texts = Array.from({ length: 24 }, () => filler(oneOf(lengths)));
  const questions = Array.from({ length: 16 }, () => `${filler(oneOf([5, 12, 30, 60, 160]))}?`);
  const numbers = () => `${below(90)}+${below(9)}`;
  /** So many words from somewhere within. */
  const part = (text: string, share: number) => {
    const words = text.split(' ');
    const count = Math.ceil(share * words.length);
    const start = below(words.length - count + 1);
    return words.slice(start, start + count).join(' ');
  };
  const edited = (text: string, edits: number) => {
    const words = text.split(' ');
    for (let i = 0; i < edits; i++) words[below(words.length)] = filler(5);
    return words.join(' ');
  };
  const pairs: (() => string[])[] = [
    () => [oneOf(questions), oneOf(texts)],
    () => [filler(30), `${part(oneOf(texts), random.nextUniform())} ${filler(oneOf(lengths))}`],
    () => [oneOf(questions), `${part(oneOf(texts), random.nextUniform())} ${filler(oneOf(lengths))}`],
    () => [filler(20), [0, 1, 2].map(() => part(oneOf(texts), random.nextUniform())).join(' ')],
    () => [oneOf(questions), edited(oneOf(texts), 1 + below(8))],
    () => [edited(oneOf(questions), 1 + below(3)), oneOf(['Yes.', 'No.', '7', numbers()])],
    () => [`What is ${numbers()}?`, String(below(9))],
    () => [`How large is ${oneOf(texts)} of ${numbers()}?`, oneOf(['Yes.', 'It is large.'])],
    () => [`What of ${filler(8)}?`, `The capital of ${filler(8)} is ${filler(9)}. I hope this helps! Ask me anything.`],
    () => [oneOf(questions), `${oneOf(texts)} ${numbers()} ${numbers()} ${below(1_000)}`],
    () => {
      const text = oneOf(texts);
      return [text, `${part(text, random.nextUniform())} ${part(oneOf(texts), random.nextUniform())}`];
    },
    () => ['Go on.', part(oneOf(texts), 0.3)],
  ];
  const row = (): DatasetRow => chat(...Array.from({ length: oneOf([1, 1, 1, 2, 3]) }, () => oneOf(pairs)()).flat());
  const datasets = Array.from({ length: 6 }, (): Showing => {
    const rows = Array.from({ length: 10 + below(30) }, row);
    if (below(2) === 0) rows.push(...rows.slice(0, 3));
    const begin = below(10);
    return {
      owner: `${below(5)}`,
      fingerprint: fingerprintRows(rows),
      shownAt: Float64Array.from(rows, () => (below(4) === 0 ? below(12) : begin)),
      claimedUntil: below(3) === 0 ? begin + below(8) : Number.POSITIVE_INFINITY,
      own: below(3) === 0 ? Uint8Array.from({ length: Math.ceil(rows.length / 8) }, () => below(256)) : undefined,
      judged: below(3) > 0,
    };
  });
  return { datasets, evaluation: fingerprintRows(Array.from({ length: 8 }, row)) };
}

const hashOf = (found: unknown) => {
  // The last digits of a share are rounding.
  const json = JSON.stringify(found, (_, value) => (typeof value === 'number' ? Number(value.toFixed(9)) : value));
  return createHash('sha256').update(json).digest('hex').slice(0, 16);
};

const MADE = Array.from({ length: 12 }, (_, i) => someDatasets(i + 1));

/**
 * Who was first is the same at every validator only while the same rows are found in the same datasets. Whoever changes one
 * of these raises {@link JUDGING_VERSION}, once a version was released.
 */
it.each([
  [1, '8bbb6c6a944f122b'],
  [2, '11d32bf9f3b72d87'],
  [3, '652434be2df0a191'],
  [4, 'cb2c2552cdd9fc05'],
  [5, 'f35c874f387ee405'],
  [6, '969304125d6b413d'],
  [7, 'cd82103dc1dc41ab'],
  [8, '2d05f9411172b114'],
])('version 4 sees the same likeness between rows of datasets of seed %i', (seed, expected) => {
  const [judged, theirs] = MADE[seed - 1]!.datasets.map(
    ({ fingerprint }) => readFingerprint(fingerprint as Uint8Array)!,
  );
  const source = new SourceRow();
  const seen: unknown[] = [];
  for (let row = 0; row < 10; row++) {
    const likenesses = Array.from({ length: 10 }, (_, other) => {
      source.load(theirs!, other);
      // Some words its owner had before.
      return source.compare(judged!, row, (word) => seed % 2 === 0 || word % 17 !== 0);
    });
    for (const one of likenesses)
      seen.push(
        [...[one.held, one.heldPairs, one.heldNumbers, one.sameQuestions].map((list) => [...list]), one.level],
        [one.wholeShare, one.wholeSymbols, heldSomething(one)],
      );
    for (const isEvaluation of [false, true])
      for (const some of [likenesses, ...likenesses.map((one) => [one])])
        seen.push(judgeRow({ print: judged!, row, isEvaluation }, some));
  }
  expect(hashOf(seen)).toBe(expected);
});

it.each([
  [1, '517df511c2e90207'],
  [2, '0a671c00de261317'],
  [3, '3ce6f70f53c63084'],
  [4, 'b79d1a8c5e7d122b'],
  [5, 'e32200bebbe551e1'],
  [6, '6b766f8c025b13d1'],
  [7, 'afa8454e1644b173'],
  [8, '7c765a70a7496b0e'],
  [9, 'd34158ee0496fc31'],
  [10, '3465897060813b0b'],
  [11, '5d7644d5be63842d'],
  [12, '9aa6cab70910191d'],
])('version 4 finds the same rows of others in datasets of seed %i', async (seed, expected) => {
  expect(JUDGING_VERSION).toBe(4);
  const { datasets, evaluation } = MADE[seed - 1]!;
  const evaluationRows = seed % 3 === 0 ? 'allow' : 'leave-out';
  const { others, repeats } = await searchHere({ showings: datasets, evaluation, evaluationRows });
  expect(hashOf([...others].map(([index, rows]) => [index, rows, repeats.get(index)]))).toBe(expected);
});
