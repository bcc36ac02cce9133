import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findOthersRows } from '../../../src/dataset/fingerprint/find-others-rows.ts';
import { fingerprintRows } from '../../../src/dataset/fingerprint/fingerprint-rows.ts';
import { sealFingerprint } from '../../../src/dataset/fingerprint/sealed-fingerprint.ts';
import type { Showing } from '../../../src/dataset/fingerprint/showings.ts';
import { sampleDatasets } from '../../../src/local/sample-datasets.ts';
import { evaluationRows } from '../../../src/local/tiny-base/world.ts';
import type { DatasetRow } from '../../../src/schema/dataset-row.ts';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { copiedRows, showingsOf, writeFingerprints } from '../../bench/many-fingerprints.ts';
import { plainSearch } from './plain-search.ts';
import { chat, letters } from './rows.ts';
import { searchHere } from './search-here.ts';

const shown = (owner: string, at: number, rows: DatasetRow[], more: Partial<Showing> = {}): Showing => ({
  owner,
  fingerprint: more.fingerprint ?? fingerprintRows(rows),
  shownAt: new Float64Array(rows.length).fill(at),
  claimedUntil: Number.POSITIVE_INFINITY,
  judged: true,
  ...more,
});
const find = (showings: Showing[], evaluation: DatasetRow[] | null = null, rule: 'leave-out' | 'allow' = 'leave-out') =>
  searchHere({ showings, evaluation: evaluation && fingerprintRows(evaluation), evaluationRows: rule });
const held = async (...parameters: Parameters<typeof find>) => {
  const { others } = await find(...parameters);
  return [...others].map(([showing, rows]) => [showing, rows.map(({ row }) => row)]);
};
const longRows = (count: number, seed = 1) =>
  Array.from({ length: count }, (_, i) =>
    chat(letters(50, 1000 * seed + 2 * i), letters(600, 1000 * seed + 2 * i + 1)),
  );
const editAnswers = (rows: DatasetRow[], edit: (answer: string) => string) =>
  rows.map(({ conversations }) => ({
    conversations: conversations.map((turn) =>
      turn.role === 'user' ? turn : { ...turn, content: edit(turn.content) },
    ),
  }));
const THREE = longRows(3);

describe('rows of another', () => {
  it('are found in the dataset of whoever shows them later, with their source', async () => {
    const { others } = await find([shown('first', 1, THREE), shown('second', 2, [...longRows(2, 2), THREE[1]!])]);
    expect(others.get(0)).toEqual([]);
    expect(others.get(1)).toEqual([{ row: 2, source: [{ showing: 0, row: 1 }], alike: 1 }]);
  });

  it('are found though each answer is repeated with other filler as if it were a phrase, unless they are few', async () => {
    const repeated = (answers: DatasetRow[]) =>
      answers.flatMap(({ conversations }, i) =>
        Array.from({ length: 20 }, (_, j) => {
          const seed = 50_000 + 20 * i + j;
          return chat(letters(50, 2 * seed), `${conversations[1]!.content} ${letters(900, 2 * seed + 1)}`);
        }),
      );
    const heldOf = async (rows: DatasetRow[]) => {
      const copies = repeated(rows);
      const { others } = await find([shown('first', 1, rows, { judged: false }), shown('second', 2, copies)]);
      return others.get(1)!.length / copies.length;
    };
    expect(await heldOf(longRows(30))).toBeGreaterThan(0.95);
    expect(await heldOf(longRows(1))).toBeLessThan(0.05);
  });

  it.each([3, 20, 60, 200])('are found before filler of %i times their length', async (times) => {
    const rows = longRows(12);
    const copies = editAnswers(rows, (answer) => `${answer} ${letters(times * 600, 70_000 + answer.charCodeAt(0))}`);
    const all = rows.map((_, i) => i);
    expect((await held([shown('first', 1, rows), shown('second', 2, copies)]))[1]).toEqual([1, all]);
  });

  it('are found among longer pieces of as many others as a row is compared with in any case', async () => {
    const rows = longRows(20);
    const others = Array.from({ length: 9 }, (_, k) =>
      Array.from({ length: 20 }, (_, i) => chat(letters(50, 80_000 + i), letters(4_000, 81_000 + 100 * k + i))),
    );
    const copies = rows.map(({ conversations }, i) => {
      const pieces = others.map((rows) => rows[i]!.conversations[1]!.content.slice(100, 950));
      return chat(`Tell me number ${i}.`, [conversations[1]!.content, ...pieces].join(' '));
    });
    const showings = [
      ...[rows, ...others].map((rows, i) => shown(`${i}`, 1 + i, rows, { judged: false })),
      shown('x', 50, copies),
    ];
    const { others: found } = await find(showings);
    expect(found.get(10)!.length).toBeGreaterThan(18);
    expect(found.get(10)!.every(({ source }) => source !== 'evaluation' && source[0]!.showing === 0)).toBe(true);
  });

  it.each([1, 8])('are found beside %i of theirs that all rows have, as if those were phrases', async (count) => {
    const all = longRows(30);
    const phrases = all.slice(0, count).map(({ conversations }) => conversations[1]!.content);
    const copies = all.slice(count).map(({ conversations }, i) => {
      const filler = letters(6_000 * count, 97_000 + i);
      return chat(`Tell me number ${i}.`, [...phrases, conversations[1]!.content, filler].join(' '));
    });
    const found = await held([shown('first', 1, all, { judged: false }), shown('second', 2, copies)]);
    expect(found).toEqual([[1, copies.map((_, i) => i)]]);
  });

  describe('of which a row has many, and as much filler', () => {
    const PER = 40;
    const joined = (length: number, edit: (text: string, i: number) => string, isInOne: boolean) => {
      const all = Array.from({ length: 6 * PER }, (_, i) => chat(letters(50, 2 * i), letters(length, 2 * i + 1)));
      const copies = Array.from({ length: 6 }, (_, r) => {
        const some = all.slice(r * PER, (r + 1) * PER).map(({ conversations }, k) => {
          const [asked, answered] = conversations.map(({ content }) => content);
          return [asked!, edit(answered!, r * PER + k)] as const;
        });
        const filler = letters(PER * (length + 50), 90_000 + r);
        return isInOne
          ? chat(`Tell me number ${r}.`, [...some.map(([, answered]) => answered), filler].join(' '))
          : chat(...some.flat(), filler, 'I see.');
      });
      return { all, copies };
    };
    const same = (text: string) => text;
    const edited = (text: string, i: number) =>
      text
        .split(' ')
        .map((word, k) => ((i + k) % 9 === 0 ? letters(9, 60_000 + i + k).slice(0, word.length) : word))
        .join(' ');

    it.each([
      ['short answers', 20, same, false],
      ['answers of a sentence', 40, same, false],
      ['answers of a few sentences', 150, same, false],
      ['answers of a few sentences, in one', 150, same, true],
      ['answers of a few sentences, each ninth word another', 150, edited, false],
      ['long answers in one, each ninth word another', 600, edited, true],
    ])('are found: %s', async (_, length, edit, isInOne) => {
      const { all, copies } = joined(length, edit, isInOne);
      const found = await held([shown('first', 1, all), shown('second', 2, copies)]);
      expect(found[1]).toEqual([1, [0, 1, 2, 3, 4, 5]]);
    });

    it("are nobody's where they are two among much else", async () => {
      const all = Array.from({ length: 40 }, (_, i) => chat(letters(50, 2 * i), letters(150, 2 * i + 1)));
      const own = all
        .slice(0, 20)
        .map(({ conversations }, i) =>
          chat(
            `Tell me number ${i}.`,
            `${conversations[1]!.content} ${letters(2_000, 95_000 + i)} ${all[20 + i]!.conversations[1]!.content}`,
          ),
        );
      expect((await held([shown('first', 1, all), shown('second', 2, own)]))[1]).toEqual([1, []]);
    });
  });

  it('are found whatever word of a long answer is changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(99), fc.stringMatching(/^[a-z]{1,12}$/), async (place, word) => {
        const copy = editAnswers(THREE, (answer) => answer.split(' ').with(place, word).join(' '));
        expect(await held([shown('first', 1, THREE), shown('second', 2, copy)])).toEqual([
          [0, []],
          [1, [0, 1, 2]],
        ]);
      }),
      { numRuns: 30 },
    );
  });

  it('are found in any order', async () => {
    const rows = longRows(12);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(rows), async (copy) => {
        const found = await held([shown('first', 1, rows), shown('second', 2, copy)]);
        expect(found[1]).toEqual([1, copy.map((_, i) => i)]);
      }),
      { numRuns: 20 },
    );
  });

  it('are never found in rows of other words', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 100, max: 1_000_000 }), async (seed) => {
        expect(await held([shown('first', 1, THREE), shown('second', 2, longRows(5, seed))])).toEqual([
          [0, []],
          [1, []],
        ]);
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    ['under another question', [chat('Tell me something else.', letters(600, 1001))]],
    [
      'with filler within',
      editAnswers([THREE[0]!], (answer) => `${answer.slice(0, 300)} ${letters(900, 77)} ${answer.slice(300)}`),
    ],
    ['with its first half only', editAnswers([THREE[0]!], (answer) => answer.slice(0, 340))],
    ['mixed of two', [chat('Both?', `${letters(600, 1001).slice(0, 350)} ${letters(600, 1003).slice(350)}`)]],
    ['two in one chat', [{ conversations: THREE.slice(0, 2).flatMap(({ conversations }) => conversations) }]],
    [
      'beside a turn of filler',
      [chat(...THREE[0]!.conversations.map(({ content }) => content), 'More?', letters(900, 5))],
    ],
    [
      'in pieces with nothing asked between',
      [
        chat(
          'A?',
          ...letters(600, 1001)
            .split(' ')
            .slice(0, 90)
            .flatMap((word) => [word, 'Go on.'])
            .slice(0, -1),
        ),
      ],
    ],
    ['split into turns', [chat('A?', letters(600, 1001).slice(0, 350), 'B?', letters(600, 1001).slice(350))]],
  ])('are found %s', async (_, copy) => {
    expect((await held([shown('first', 1, THREE), shown('second', 2, copy)]))[1]).toEqual([1, [0]]);
  });

  it('are not what hundreds of rows have a few words of', async () => {
    const many = longRows(100);
    const patchwork = many
      .slice(0, 30)
      .map((row) => row.conversations[1]!.content.slice(0, 30))
      .join(' ');
    expect((await held([shown('first', 1, many), shown('second', 2, [chat('All?', patchwork)])]))[1]).toEqual([1, []]);
  });

  it.each([
    ['nine fragments of 75 letters', 9, 75],
    ['eight fragments of 45 letters', 8, 45],
    ['thirty fragments of 20 letters', 30, 20],
  ])('are not %s of hundreds of rows each', async (_, count, length) => {
    const many = longRows(300, 7);
    const random = new MersenneTwister(1);
    const fragment = () => {
      const text = many[Math.floor(random.nextUniform() * many.length)]!.conversations[1]!.content;
      const start = Math.floor(random.nextUniform() * (text.length - length));
      return text.slice(start, start + length);
    };
    const patchworks = Array.from({ length: 400 }, (_, i) =>
      chat(letters(50, i), Array.from({ length: count }, fragment).join(' ')),
    );
    const { others } = await find([shown('first', 1, many, { judged: false }), shown('second', 2, patchworks)]);
    expect(others.get(1)!.length / patchworks.length).toBeLessThan(0.01);
  });

  it.each([2, 3])('are found in rows of parts of %i of them', async (count) => {
    const rows = longRows(90, 8);
    const partOf = (i: number, part: number) => {
      const words = rows[i]!.conversations[1]!.content.split(' ');
      return words.slice((part * words.length) / count, ((part + 1) * words.length) / count);
    };
    const mixtures = Array.from({ length: 90 / count }, (_, i) =>
      chat(
        letters(50, i),
        Array.from({ length: count }, (_, part) => partOf(count * i + part, part).join(' ')).join(' '),
      ),
    );
    const { others } = await find([shown('first', 1, rows, { judged: false }), shown('second', 2, mixtures)]);
    expect(others.get(1)!.length).toBe(mixtures.length);
  });

  it.each([600, 3_000])('are found in rows of 150 letters each of those of %i', async (length) => {
    const rows = Array.from({ length: 20 }, (_, i) => chat(letters(50, 2 * i), letters(length, 9_000 + 2 * i)));
    const pieces = rows.flatMap(({ conversations }, i) => {
      const words = conversations[1]!.content.split(' ');
      return Array.from({ length: Math.floor(words.length / 27) }, (_, part) =>
        chat(letters(50, 100 * i + part), words.slice(27 * part, 27 * part + 27).join(' ')),
      );
    });
    const { others } = await find([shown('first', 1, rows, { judged: false }), shown('second', 2, pieces)]);
    expect(others.get(1)!.length / pieces.length).toBeGreaterThan(0.7);
  });

  it('are not short ones with a phrase of a long one', async () => {
    const phrases = Array.from({ length: 40 }, (_, i) => letters(40, 5_000 + i));
    const rows = phrases.map((phrase, i) => chat(letters(50, i), `${letters(600, 6_000 + i)} ${phrase}`));
    const short = Array.from({ length: 400 }, (_, i) =>
      chat(letters(50, 7_000 + i), `${letters(60, 8_000 + i)} ${phrases[i % 40]}`),
    );
    const { others } = await find([shown('first', 1, rows, { judged: false }), shown('second', 2, short)]);
    expect(others.get(1)!.length / short.length).toBeLessThan(0.01);
  });

  it('with a short answer count with their question only, and numbers keep their meaning', async () => {
    const first = [
      chat('Is the sky blue today?', 'Yes.'),
      chat('What is 12+30?', '42'),
      chat('Is the number 17 a prime?', 'Yes.'),
      chat('Simplify 3-5.', '-2'),
    ];
    const second = [
      chat('Is the grass green today?', 'Yes.'),
      chat('What is 13+30?', '43'),
      chat('Is the number 19 a prime?', 'Yes.'),
      chat('Simplify 35.', '-2'),
      chat('What is 12+30?', '-42'),
      chat('Well, is the sky blue today?', 'Yes!'),
      chat('Is the sky blue today?', 'No.'),
      chat('Is the sky blue today? 7', 'Yes. 7'),
      chat('what is 12 + 30', '42'),
    ];
    expect((await held([shown('first', 1, first), shown('second', 2, second)]))[1]).toEqual([1, [5, 7, 8]]);
  });

  it('are not rows of the same template', async () => {
    const fact = (i: number) => {
      const [land, town] = [letters(8, i), letters(9, i + 5000)];
      return chat(
        `What is the capital of ${land}?`,
        `The capital of ${land} is ${town}. I hope this helps! Ask me anything else.`,
      );
    };
    const [first, second] = [0, 1].map((k) => Array.from({ length: 50 }, (_, i) => fact(100 * k + i)));
    expect((await held([shown('first', 1, first!), shown('second', 2, second!)]))[1]).toEqual([1, []]);
    expect((await held([shown('first', 1, first!.slice(0, 1)), shown('second', 2, second!)]))[1]).toEqual([1, []]);
    const same = first!.map((_, i) =>
      chat(
        first![i]!.conversations[0]!.content,
        `${first![i]!.conversations[1]!.content.split(' is ')[0]} is ${letters(9, i + 9000)}.`,
      ),
    );
    expect((await held([shown('first', 1, first!), shown('second', 2, same)]))[1]).toEqual([1, []]);
  });

  it('of sample datasets are found in a copy, and in no honest one', async () => {
    const rows = (name: 'good' | 'copy' | 'noise', seed: number) =>
      sampleDatasets({ seed })
        [name].trim()
        .split('\n')
        .map((line) => JSON.parse(line) as DatasetRow);
    const good = rows('good', 1);
    const [, copy, noise] = await held(
      [shown('a', 1, good), shown('b', 2, rows('copy', 1)), shown('c', 3, rows('noise', 1))],
      evaluationRows(),
    );
    expect(copy).toEqual([1, good.map((_, i) => i)]);
    expect(noise).toEqual([2, []]);
  });
});

describe('who was first', () => {
  const copy = editAnswers(THREE, (answer) => `Sure. ${answer}`);

  it('is decided by the transaction within a block, and by nothing where both are in one', async () => {
    const at = 7 * 65_536;
    expect((await held([shown('a', at + 2, THREE), shown('b', at + 1, copy)]))[0]).toEqual([0, [0, 1, 2]]);
    expect(await held([shown('a', at, THREE), shown('b', at, copy)])).toEqual([
      [0, []],
      [1, []],
    ]);
  });

  it('is he himself who edits a row of his own', async () => {
    const showings = [shown('a', 1, THREE, { judged: false }), shown('b', 2, THREE), shown('a', 3, copy)];
    expect(await held(showings)).toEqual([
      [1, [0, 1, 2]],
      [2, []],
    ]);
  });

  it('does not matter once the claim has ended, but to copies made before', async () => {
    const claim = { claimedUntil: 5, judged: false };
    expect((await held([shown('a', 1, THREE, claim), shown('b', 6, copy)]))[0]).toEqual([1, []]);
    expect((await held([shown('a', 1, THREE, claim), shown('b', 4, copy)]))[0]).toEqual([1, [0, 1, 2]]);
    expect(
      (await held([shown('a', 1, THREE, claim), shown('b', 4, copy, { judged: false }), shown('b', 9, THREE)]))[0],
    ).toEqual([2, [0, 1, 2]]);
  });

  it('is who showed the rows first since earlier claims on them have ended', async () => {
    const ended = { claimedUntil: 5, judged: false };
    const showings = [
      shown('a', 1, THREE, ended),
      shown('b', 2, THREE, ended),
      shown('c', 9, THREE, { judged: false }),
    ];
    const { others } = await find([...showings, shown('d', 10, copy)]);
    expect(others.get(3)?.map(({ source }) => source)).toEqual([0, 1, 2].map((row) => [{ showing: 2, row }]));
  });

  it.each([1, 1e9])(
    'is nobody with what he added to a row he copied, when he is judged, too (%i words at once)',
    async (wordsAtOnce) => {
      const added = letters(400, 123);
      const copied = [chat('Tell me more.', `${letters(600, 1001)} ${added}`)];
      const showings = [shown('a', 1, THREE), shown('b', 2, copied), shown('c', 3, [chat('What is it?', added)])];
      const judged = async (among: Showing[]) =>
        (await searchHere({ showings: among, evaluation: null, evaluationRows: 'allow', wordsAtOnce })).others;
      expect([...(await judged(showings)).values()].map(({ length }) => length)).toEqual([0, 1, 0]);
      expect((await judged(showings.slice(1))).get(1)).toHaveLength(1);
    },
  );

  it('is not he who copied', async () => {
    const own = Uint8Array.of(0b101);
    expect((await held([shown('a', 1, THREE, { own, judged: false }), shown('b', 2, copy)]))[0]).toEqual([1, [0, 2]]);
  });

  it('is found behind a flood of copies', async () => {
    const flood = Array.from({ length: 12 }, (_, i) =>
      shown(`copier ${i}`, 3 + i, [...longRows(1, 50 + i), ...copy], { judged: i === 0 }),
    );
    for (const showing of flood) showing.shownAt[0] = 0;
    const found = await held([...flood, shown('first', 2, THREE, { judged: false }), shown('last', 99, THREE)]);
    expect(found).toEqual([
      [0, [1, 2, 3]],
      [13, [0, 1, 2]],
    ]);
  });
});

describe('rows of the evaluation set', () => {
  const rows = evaluationRows();
  const eightTimes = Array.from({ length: 8 }, () => rows).flat();
  const all = eightTimes.map((_, i) => i);

  it('are found, whoever shows them, eight times over, with row numbers, or under other questions', async () => {
    const numbered = eightTimes.map(({ conversations }, i) => ({
      conversations: conversations.map((turn) => ({ ...turn, content: `${turn.content} ${i}` })),
    }));
    const asked = eightTimes.map(({ conversations }, i) => ({
      conversations: conversations.map((turn, k) => (k % 2 ? turn : { ...turn, content: letters(40, i) })),
    }));
    for (const copy of [eightTimes, numbered, asked]) {
      const { others } = await find([shown('a', 1, copy)], rows);
      expect(others.get(0)!.map(({ row }) => row)).toEqual(all);
      expect(others.get(0)!.every(({ source }) => source === 'evaluation')).toBe(true);
    }
  });

  it('are nobody`s where they are allowed', async () => {
    const showings = [shown('a', 1, [...rows, ...THREE]), shown('b', 2, [...rows, ...THREE])];
    expect(await held(showings, rows, 'allow')).toEqual([
      [0, []],
      [1, [60, 61, 62]],
    ]);
  });
});

/** Datasets that take from each other whatever they like, at any time, with claims that end. */
function someShowings(seed: number, count: number, rows: number): (Showing & { fingerprint: Uint8Array })[] {
  const random = new MersenneTwister(seed);
  const below = (n: number) => Math.floor(random.nextUniform() * n);
  const answers = Array.from({ length: 3 * rows }, (_, i) => letters(40 + below(400), 1_000_000 * seed + i));
  const answer = () => {
    const [a, b] = [answers[below(answers.length)]!, answers[below(answers.length)]!];
    const way = below(8);
    if (way === 0) return `${a.slice(0, a.length / 2)} ${b.slice(b.length / 2)}`;
    if (way === 1) return `${letters(300, below(1e6))} ${a}`;
    if (way === 2) return ['Yes.', 'No.', `${below(5)}`][below(3)]!;
    return way === 3 ? `Well, ${a}` : a;
  };
  return Array.from({ length: count }, () => {
    const made = Array.from({ length: 1 + below(rows) }, () =>
      chat(...Array.from({ length: 1 + below(2) }, () => [`What is ${letters(12, below(rows))}?`, answer()]).flat()),
    );
    const begin = below(10);
    return {
      owner: `${below(count - 1)}`,
      fingerprint: fingerprintRows(made),
      shownAt: Float64Array.from(made, () => (below(4) === 0 ? below(12) : begin)),
      claimedUntil: below(3) === 0 ? begin + below(8) : Number.POSITIVE_INFINITY,
      own: below(3) === 0 ? Uint8Array.from({ length: Math.ceil(made.length / 8) }, () => below(256)) : undefined,
      judged: below(2) === 0,
    };
  });
}

describe('the search', () => {
  it.each([
    { worlds: 60, count: 7, rows: 12 },
    { worlds: 2, count: 6, rows: 300 },
  ])(
    'finds just what a plain one finds: $worlds times $count datasets of $rows rows',
    async ({ worlds, count, rows }) => {
      let held = 0;
      for (let seed = 1; seed <= worlds; seed++) {
        const showings = someShowings(seed, count, rows);
        const { others } = await find(showings);
        expect(others, `seed ${seed}`).toEqual(plainSearch(showings));
        for (const list of others.values()) held += list.length;
      }
      expect(held).toBeGreaterThan(4 * worlds);
    },
  );

  it('finds rows of any length', async () => {
    const rows = [THREE[0]!, chat('Tell it all.', letters(60_000, 77)), THREE[1]!];
    const showings = [shown('a', 1, rows, { judged: false }), shown('b', 2, rows)] as (Showing & {
      fingerprint: Uint8Array;
    })[];
    const { others } = await find(showings);
    expect(others.get(1)!.map(({ row }) => row)).toEqual([0, 1, 2]);
    expect(others).toEqual(plainSearch(showings));
  });

  it('tells repeated rows', async () => {
    const { repeats } = await find([
      shown('a', 1, [...THREE, THREE[1]!, editAnswers([THREE[0]!], (answer) => answer.toUpperCase())[0]!]),
    ]);
    expect(repeats.get(0)).toEqual([
      { row: 3, of: 1 },
      { row: 4, of: 0 },
    ]);
  });

  it('reads fingerprints when their turn comes, and tells those it cannot read', async () => {
    const lazy = { fingerprint: async () => fingerprintRows(THREE), judged: false };
    const found = await find([
      shown('a', 1, THREE, lazy),
      shown('b', 2, THREE),
      shown('c', 3, THREE, { fingerprint: new Uint8Array(40) }),
    ]);
    expect(found.unreadable).toEqual([2]);
    expect([...found.others.keys()]).toEqual([1]);
    expect(found.others.get(1)).toHaveLength(3);
  });

  it('refuses times that are not of its rows', async () => {
    await expect(find([shown('a', 1, THREE, { shownAt: new Float64Array(2) })])).rejects.toMatchObject({
      code: 'bad-argument',
    });
  });

  it('takes nothing, and rows without words', async () => {
    expect(await held([])).toEqual([]);
    const empty = [chat('?', '!'), chat('\ud800', '\udc00'), chat(' ', ' '), { conversations: [] }];
    expect(await held([shown('a', 1, empty), shown('b', 2, [])])).toEqual([
      [0, []],
      [1, []],
    ]);
  });

  it.each([
    ['equal rows', () => Array.from({ length: 20_000 }, () => THREE[0]!)],
    [
      'rows with one phrase',
      () => Array.from({ length: 5_000 }, (_, i) => chat('Go on.', `${letters(40, i)} ${letters(200)}`)),
    ],
  ])(
    'takes time linear in %s',
    async (_, make) => {
      const rows = make();
      const showings = [shown('a', 1, rows, { judged: false }), shown('b', 2, rows), shown('c', 3, rows)];
      const before = process.cpuUsage();
      const { others } = await find(showings);
      expect(others.get(1)).toHaveLength(rows.length);
      expect(process.cpuUsage(before).user / 1e6).toBeLessThan(20);
    },
    120_000,
  );
});

const MANY = Array.from({ length: 20_000 }, () => THREE[0]!);
const OF_MANY = fingerprintRows(MANY);

describe('the thread of a search', () => {
  const rest = { evaluation: fingerprintRows(evaluationRows()), evaluationRows: 'leave-out' } as const;
  const showings = [
    shown('a', 1, [...THREE, ...longRows(4, 9)], { judged: false }),
    shown('b', 2, [...evaluationRows().slice(0, 2), ...editAnswers(THREE, (answer) => `Sure. ${answer}`), THREE[0]!]),
  ];
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'search-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const inFile = async (name: string, showing: Showing): Promise<Showing> => {
    const file = join(folder, name);
    await writeFile(file, sealFingerprint(showing.fingerprint as Uint8Array));
    return { ...showing, fingerprint: { file } };
  };

  it('finds the same, whether fingerprints are given, read here, or read there', async () => {
    const here = await searchHere({ showings, ...rest });
    expect(here.others.get(1)).toHaveLength(6);
    expect(here.repeats.get(1)).toEqual([]);
    const asked = showings.map((one) => ({ ...one, fingerprint: async () => one.fingerprint as Uint8Array }));
    const files = await Promise.all(showings.map((one, i) => inFile(`${i}`, one)));
    for (const given of [showings, asked, files])
      expect(await findOthersRows({ showings: given, ...rest })).toEqual(here);
  });

  it('tells files that are damaged or gone, and takes nothing from them', async () => {
    const [a, b] = await Promise.all(showings.map((one, i) => inFile(`damaged ${i}`, one)));
    const { file } = a!.fingerprint as { file: string };
    const bytes = await readFile(file);
    bytes[bytes.length - 9]! ^= 1;
    await writeFile(file, bytes);
    const gone = { ...a!, fingerprint: { file: join(folder, 'gone') } };
    const found = await findOthersRows({ showings: [a!, b!, gone], ...rest });
    expect(found.unreadable).toEqual([0, 2]);
    expect(found.others.get(1)).toHaveLength(2);
    await expect(
      findOthersRows({ showings: [{ ...a!, fingerprint: { file: folder } }, b!], ...rest }),
    ).rejects.toMatchObject({ code: 'disk', facts: { path: folder } });
  });

  it('throws what reading a fingerprint throws', async () => {
    const fingerprint = () => Promise.reject(new Error('the disk is gone'));
    await expect(
      findOthersRows({ showings: [{ ...showings[0]!, fingerprint }, showings[1]!], ...rest }),
    ).rejects.toThrow('the disk is gone');
  });

  it('ends at its signal, in the middle of whatever it does', async () => {
    const long = ['a', 'b', 'c'].map((owner, i) => shown(owner, i, MANY, { fingerprint: OF_MANY, judged: i > 0 }));
    const beganMs = performance.now();
    await findOthersRows({ showings: long, ...rest });
    const tookMs = performance.now() - beganMs;
    for (const after of [0, 0.2, 0.4]) {
      const controller = new AbortController();
      const ended = findOthersRows({ showings: long, ...rest, signal: controller.signal });
      ended.catch(() => {});
      await setTimeout(after * tookMs);
      const before = process.cpuUsage();
      controller.abort(new Error('stop'));
      await expect(ended).rejects.toThrow('stop');
      // A tenth of a second of the thread that compares, and of those that read the next file ahead.
      expect(process.cpuUsage(before).user / 1000).toBeLessThan(200);
    }
  }, 60_000);

  it('judges fewer at once of datasets that are made to exhaust its memory, and the others just the same', async () => {
    const originals = longRows(600, 20);
    const part = (i: number) => originals[i % originals.length]!.conversations[1]!.content.slice(0, 70);
    // Of six rows of others a bit each: not enough for any, but all of it is kept until the row has been judged.
    const patchwork = (seed: number) =>
      Array.from({ length: 2000 }, (_, row) => {
        const parts = [1, 2, 3, 5, 7, 11].map((step) => `${part(seed + step * row)} ${letters(40, seed * row + step)}`);
        return chat(`What is ${row}?`, parts.join(' '));
      });
    const many = Array.from({ length: 16 }, (_, i) => fingerprintRows(patchwork(31 * i)));
    const rows = new Array<DatasetRow>(2000).fill(THREE[0]!);
    let asked = 0;
    const first = shown('a', 1, originals, { judged: false });
    const exhausting = [
      {
        ...first,
        get shownAt() {
          asked++;
          return first.shownAt;
        },
      },
      ...many.map((fingerprint, i) => shown(`b${i}`, 2, rows, { fingerprint })),
      shown('c', 3, [...editAnswers(originals.slice(0, 5), (answer) => `Sure. ${answer}`), ...longRows(5, 99)]),
    ];
    const found = await findOthersRows({ showings: exhausting, ...rest, maxHeapMib: 40 });
    // The search was begun again.
    expect(asked).toBeGreaterThan(1);
    expect(asked).toBeLessThan(5);
    expect(found.others.get(17)!.map(({ row }) => row)).toEqual([0, 1, 2, 3, 4]);
    expect(found).toEqual(await searchHere({ showings: exhausting, ...rest }));
  }, 240_000);

  it('searches many large datasets in little time and memory', async () => {
    const many = { folder, owners: 12, judged: 6, rows: 2_000 };
    writeFingerprints(many);
    const [before, memory] = [process.cpuUsage(), process.memoryUsage.rss()];
    const { others } = await findOthersRows({ showings: showingsOf(many), ...rest });
    expect([...others.values()].map(({ length }) => length)).toEqual(Array(6).fill(copiedRows(many)));
    // About 1 s and 120 MiB.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(8);
    expect((process.memoryUsage.rss() - memory) / 2 ** 20).toBeLessThan(400);
  });
});
