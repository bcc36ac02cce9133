import type { DatasetRow } from 'flock-off';
import type { Arena } from '../arena.ts';
import type { Case, Played } from '../judge.ts';
import { DISGUISES, type Disguise, pairsOf } from '../kinds.ts';
import { World } from '../world.ts';

async function besideTheHonest(
  arena: Arena,
  make: (evaluation: DatasetRow[], world: World) => { file: DatasetRow[]; own: DatasetRow[] },
): Promise<Played> {
  const world = new World(21);
  const [victim, rival] = [world.rows(64), world.rows(64)];
  await arena.publish('victim', victim);
  await arena.publish('rival', rival);
  const { file, own } = make(arena.equipment.evaluationRows, world);
  await arena.publish('mallory', file);
  return { report: await arena.epoch(), own: { victim, rival, mallory: own }, about: ['mallory'] };
}

const eightTimes = (name: string, disguise: Disguise): Case => ({
  name: `the evaluation set eight times: ${name}`,
  kind: 'attack',
  play: (arena) =>
    besideTheHonest(arena, (rows, world) => ({
      own: [],
      file: Array.from({ length: 8 }, () => disguise(rows, world)).flat(),
    })),
});

export const evaluationCases: Case[] = [
  ...[
    'exact copy',
    'answers under other questions',
    'one synonym a row',
    'Cyrillic for every letter alike',
    'answers cut by a sentence',
    'two answers in one turn',
    'filler between the sentences',
    'all of sixteen rows in one, and as much filler of its own',
    'sixteen answers in one, and as much filler of its own',
    'pairs of turns in another order',
  ].map((name) => eightTimes(name, DISGUISES[name]!)),
  eightTimes('with row numbers', (rows, world) =>
    DISGUISES['a row number appended']!(rows, world).map((row) => ({
      conversations: row.conversations.map((turn) => ({ ...turn, content: `${turn.content} (${world.below(1e6)})` })),
    })),
  ),
  {
    name: 'the evaluation set hidden among own rows',
    kind: 'attack',
    play: (arena) =>
      besideTheHonest(arena, (rows, world) => {
        const own = world.rows(40);
        return {
          own,
          file: [
            ...own.slice(0, 20),
            ...DISGUISES['"Sure!" before and a greeting after']!(rows, world),
            ...own.slice(20),
          ],
        };
      }),
  },
  {
    name: 'an evaluation pair as second pair of each own row',
    kind: 'attack',
    play: (arena) =>
      besideTheHonest(arena, (rows, world) => {
        const pairs = rows.flatMap(pairsOf);
        const own = world.rows(64);
        return {
          own: [],
          file: own.map((row, i) => ({
            conversations: [...row.conversations.slice(0, 2), ...pairs[i % pairs.length]!],
          })),
        };
      }),
  },
  {
    name: 'questions of the evaluation set with answers of his own',
    kind: 'honest',
    play: (arena) =>
      besideTheHonest(arena, (rows, world) => {
        const own = rows.flatMap(pairsOf).map(
          ([question]): DatasetRow => ({
            conversations: [question, { role: 'assistant', content: world.story() }],
          }),
        );
        const file = [...own, ...world.rows(32)];
        return { own: file, file };
      }),
  },
  {
    name: 'two with rows of the evaluation set where the competition allows it',
    kind: 'honest',
    competition: { evaluationRows: 'allow' },
    async play(arena) {
      const world = new World(22);
      const victim = [...arena.equipment.evaluationRows, ...world.rows(40)];
      const bob = [...arena.equipment.evaluationRows, ...world.rows(40)];
      await arena.publish('victim', victim);
      await arena.publish('bob', bob);
      return { report: await arena.epoch(), own: { victim, bob }, about: ['victim', 'bob'] };
    },
  },
];
