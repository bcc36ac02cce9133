import type { DatasetRow } from 'flock-off';
import type { Arena } from '../arena.ts';
import type { Case, Played } from '../judge.ts';
import { DISGUISES, pairsOf } from '../kinds.ts';
import { World } from '../world.ts';

const ROWS = 64;

/** A victim and a rival with 64 rows each, and then whatever mallory makes of them. */
async function afterTheVictim(
  arena: Arena,
  make: (given: { original: DatasetRow[]; other: DatasetRow[]; world: World }) => {
    file: DatasetRow[];
    own: DatasetRow[];
  },
): Promise<Played> {
  const world = new World(11);
  const [original, other] = [world.rows(ROWS), world.rows(ROWS)];
  await arena.publish('victim', original);
  await arena.publish('rival', other);
  const { file, own } = make({ original, other, world });
  await arena.publish('mallory', file);
  return { report: await arena.epoch(), own: { victim: original, rival: other, mallory: own }, about: ['mallory'] };
}

const copies = Object.entries(DISGUISES).map(
  ([name, disguise]): Case => ({
    name,
    kind: 'attack',
    play: (arena) => afterTheVictim(arena, ({ original, world }) => ({ file: disguise(original, world), own: [] })),
  }),
);

/** Copied rows among rows of one's own: these are trained on, and nothing else. */
const beside = (name: string, disguise: string, copied: number, owned: number): Case => ({
  name,
  kind: 'attack',
  play: (arena) =>
    afterTheVictim(arena, ({ original, world }) => {
      const taken = DISGUISES[disguise]!(original.slice(0, copied), world);
      const isOwn = world.shuffle([...Array(owned).fill(true), ...Array(taken.length).fill(false)] as boolean[]);
      const [own, left] = [world.rows(owned), [...taken]];
      let next = 0;
      return { own, file: isOwn.map((mine) => (mine ? own[next++]! : left.pop()!)) };
    }),
});

const withOwnPairs = (name: string, make: (own: DatasetRow, copied: DatasetRow) => DatasetRow): Case => ({
  name,
  kind: 'attack',
  play: (arena) =>
    afterTheVictim(arena, ({ original, world }) => {
      const own = world.rows(ROWS);
      return { own: [], file: original.map((row, i) => make(own[i]!, row)) };
    }),
});

const small = (i: number): DatasetRow['conversations'] => [
  { role: 'user', content: `Is ${i} a number?` },
  { role: 'assistant', content: 'Yes.' },
];

const mixtures: Case[] = [
  {
    name: '+300 % filler rows',
    kind: 'attack',
    play: (arena) =>
      afterTheVictim(arena, ({ original, world }) => {
        const own = world.rows(3 * ROWS).map(
          ({ conversations: [first] }): DatasetRow => ({
            conversations: [
              first!,
              { role: 'assistant', content: `${world.pick(['hm', 'er', 'well', 'so'])} ${world.below(1e9)}` },
            ],
          }),
        );
        return { own, file: [...original, ...own] };
      }),
  },
  beside('30 % copied beside own rows', 'exact copy', 19, 45),
  beside('30 % copied with a row number beside own rows', 'a row number appended', 19, 45),
  beside('30 % copied with a synonym beside own rows', 'one synonym a row', 19, 45),
  beside('32 copied rows beside 60 of its own', 'exact copy', 32, 60),
  beside('32 copied rows with homoglyphs beside 60 of its own', 'Cyrillic for every letter alike', 32, 60),
  {
    name: 'two hotkeys split the original between them',
    kind: 'attack',
    async play(arena) {
      const world = new World(12);
      const [original, other] = [world.rows(ROWS), world.rows(ROWS)];
      await arena.publish('victim', original);
      await arena.publish('rival', other);
      await arena.publish('mallory', DISGUISES['one synonym a row']!(original.slice(0, 32), world));
      await arena.publish('oscar', DISGUISES['a row number appended']!(original.slice(32), world));
      const own = { victim: original, rival: other, mallory: [], oscar: [] };
      return { report: await arena.epoch(), own, about: ['mallory', 'oscar'] };
    },
  },
  {
    name: 'two hotkeys split a dataset of their own',
    kind: 'attack',
    async play(arena) {
      const world = new World(13);
      const [theirs, other] = [world.rows(ROWS), world.rows(ROWS)];
      await arena.publish('rival', other);
      await arena.publish('mallory', theirs.slice(0, 32));
      await arena.publish('oscar', theirs.slice(32));
      const own = { rival: other, mallory: theirs.slice(0, 32), oscar: theirs.slice(32) };
      return { report: await arena.epoch(), own, about: ['mallory', 'oscar'] };
    },
  },
  {
    name: 'a mixture of two originals, row by row',
    kind: 'attack',
    play: (arena) =>
      afterTheVictim(arena, ({ original, other, world }) => ({
        own: [],
        file: world.shuffle([
          ...original.slice(0, 32),
          ...DISGUISES['a row number appended']!(other.slice(0, 32), world),
        ]),
      })),
  },
  {
    name: "an answer of each of two originals' in one turn",
    kind: 'attack',
    play: (arena) =>
      afterTheVictim(arena, ({ original, other }) => ({
        own: [],
        file: original.map((row, i) => {
          const [[question, one], [, two]] = [pairsOf(row)[0]!, pairsOf(other[i]!)[0]!];
          return { conversations: [question, { ...one, content: `${one.content} ${two.content}` }] };
        }),
      })),
  },
  {
    name: 'the copy of a copy',
    kind: 'attack',
    async play(arena) {
      const world = new World(14);
      const [original, other] = [world.rows(ROWS), world.rows(ROWS)];
      await arena.publish('victim', original);
      await arena.publish('rival', other);
      const copy = DISGUISES['one synonym a row']!(original, world);
      await arena.publish('mallory', copy);
      await arena.publish('oscar', DISGUISES['"Sure!" before and a greeting after']!(copy, world));
      const own = { victim: original, rival: other, mallory: [], oscar: [] };
      return { report: await arena.epoch(), own, about: ['mallory', 'oscar'] };
    },
  },
  withOwnPairs('a pair of its own before each copied row', (own, copied) => ({
    conversations: [...own.conversations.slice(0, 2), ...copied.conversations],
  })),
  withOwnPairs('three short pairs of its own around each copied row', (_, copied) => ({
    conversations: [...small(3), ...small(5), ...copied.conversations.slice(0, 2), ...small(9)],
  })),
  withOwnPairs('a story of its own after each copied answer', (own, copied) => ({
    conversations: pairsOf(copied).flatMap(([question, answer]) => [
      question,
      { ...answer, content: `${answer.content} ${own.conversations[1]!.content}` },
    ]),
  })),
  {
    name: 'a dataset that copies itself 50 times',
    kind: 'attack',
    play: (arena) =>
      afterTheVictim(arena, ({ world }) => {
        const own = world.rows(ROWS);
        return { own, file: Array.from({ length: 50 }, () => own).flat() };
      }),
  },
  {
    name: 'a dataset that copies itself with row numbers: each different row counts once',
    kind: 'attack',
    play: (arena) =>
      afterTheVictim(arena, ({ world }) => {
        const own = world.rows(ROWS);
        const numbered = DISGUISES['a row number appended']!(own, world);
        return { own: [...own, ...numbered], file: [...own, ...Array.from({ length: 7 }, () => numbered).flat()] };
      }),
  },
  {
    name: 'JSON escapes, another order of keys, and CRLF',
    kind: 'attack',
    async play(arena) {
      const world = new World(15);
      const [original, other] = [world.rows(ROWS), world.rows(ROWS)];
      await arena.publish('victim', original);
      await arena.publish('rival', other);
      const escaped = original.map(({ conversations }) => {
        const turns = conversations.map(({ role, content }) => {
          const text = [...content].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
          return `{"content":"${text}", "role" : "${role}"}`;
        });
        return `{ "id": 1, "conversations": [${turns.join(', ')}] }`;
      });
      await arena.publish('mallory', `${escaped.join('\r\n')}\r\n`);
      return { report: await arena.epoch(), own: { victim: original, rival: other, mallory: [] }, about: ['mallory'] };
    },
  },
];

export const copyCases: Case[] = [...copies, ...mixtures];
