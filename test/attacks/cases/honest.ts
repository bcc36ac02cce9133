import type { DatasetRow } from 'flock-off';
import type { Arena, Name } from '../arena.ts';
import type { Case, Played } from '../judge.ts';
import { DISGUISES, pairsOf } from '../kinds.ts';
import { World } from '../world.ts';

const row = (question: string, answer: string): DatasetRow => ({
  conversations: [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ],
});

/** One after the other; of each, the rows that are his. */
async function oneAfterTheOther(
  arena: Arena,
  miners: [name: Name, file: DatasetRow[], own: DatasetRow[]][],
  about: Name[],
): Promise<Played> {
  for (const [name, file] of miners) await arena.publish(name, file);
  const own = Object.fromEntries(miners.map(([name, , rows]) => [name, rows]));
  return { report: await arena.epoch(), own, about };
}

/** Two datasets that share nothing but their manner. */
const bothOwn = (name: string, make: (i: number, miner: 0 | 1, world: World) => DatasetRow, rows = 64): Case => ({
  name,
  kind: 'honest',
  play(arena) {
    const world = new World(51);
    const [victim, bob] = ([0, 1] as const).map((miner) =>
      Array.from({ length: rows }, (_, i) => make(i, miner, world)),
    );
    return oneAfterTheOther(
      arena,
      [
        ['victim', victim!, victim!],
        ['bob', bob!, bob!],
      ],
      ['bob'],
    );
  },
});

/** Rows that the rules take for the same, said in the docs. */
const sameByTheRules = (name: string, make: (world: World, i: number) => [DatasetRow, DatasetRow]): Case => ({
  name: `taken for the same row: ${name}`,
  kind: 'attack',
  play(arena) {
    const world = new World(52);
    const pairs = Array.from({ length: 64 }, (_, i) => make(world, i));
    const [victim, bob] = [pairs.map(([one]) => one), pairs.map(([, two]) => two)];
    return oneAfterTheOther(
      arena,
      [
        ['victim', victim, victim],
        ['bob', bob, []],
      ],
      ['bob'],
    );
  },
});

const GREETINGS = Array.from({ length: 33 }, (_, i) => {
  const part = ['Good morning', 'Hello', 'Hi there', 'Good evening', 'Hey'][i % 5]!;
  const who = ['friend', 'teacher', 'assistant', 'neighbour', 'everybody', 'doctor', 'captain'][Math.floor(i / 5)]!;
  return row(`${part}, ${who}!`, `${part}! How can I help you today?`);
});
const CITIES =
  'Paris,London,Rome,Vienna,Cairo,Prague,Lisbon,Cologne,Warsaw,Seville,Dublin,Athens,Oslo,Riga,Turin,Basel'.split(',');
const DAYS = 'Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday,tomorrow'.split(',');
const HAN = [
  ...'山水火木金土日月人大小中上下左右天地春夏秋冬東西南北風雨雪花鳥魚馬牛羊犬門車舟書紙筆墨石田村市町道橋川海空星光音声色香味心手足目耳口',
];
/** Together 256 phrases: of a few only, two rows would share most by chance. */
const OPENINGS =
  'on the other hand,as far as I can tell,in the end,to be honest,first of all,last but not least,it goes without saying that,for what it is worth,at the end of the day,in a manner of speaking,by and large,more often than not,all things being equal,needless to say,from time to time,sooner or later'.split(
    ',',
  );
const ENDINGS =
  'it depends,I see it from here,it is up to you,nobody is sure,take your time,be careful,they agree,I agree,we go home,it is done,it works fine,it rains,I stay,it was late,we meet again,they come'.split(
    ',',
  );

export const honestCases: Case[] = [
  {
    name: 'two samples of one public set, 43 % overlap',
    kind: 'honest',
    play(arena) {
      const world = new World(53);
      const open = world.rows(150);
      const [victim, bob] = [world.shuffle(open).slice(0, 65), world.shuffle(open).slice(0, 65)];
      const left = bob.filter((one) => !victim.includes(one));
      return oneAfterTheOther(
        arena,
        [
          ['victim', victim, victim],
          ['bob', bob, left],
        ],
        ['bob', 'victim'],
      );
    },
  },
  {
    name: '33 greetings shared among 400 rows, all that the earlier one has',
    kind: 'honest',
    play(arena) {
      const own = new World(54).rows(367);
      return oneAfterTheOther(
        arena,
        [
          ['victim', GREETINGS, GREETINGS],
          ['bob', [...GREETINGS, ...own], own],
        ],
        ['bob'],
      );
    },
  },
  {
    name: '2 greetings shared, of 5 rows each',
    kind: 'honest',
    play(arena) {
      const world = new World(55);
      const [one, two] = [world.rows(3), world.rows(3)];
      const shared = GREETINGS.slice(0, 2);
      return oneAfterTheOther(
        arena,
        [
          ['victim', [...shared, ...one], [...shared, ...one]],
          ['bob', [...shared, ...two], two],
        ],
        ['bob', 'victim'],
      );
    },
  },
  {
    name: 'a public set dumped earlier and replaced: rows that nobody showed are trained on',
    kind: 'honest',
    async play(arena) {
      const world = new World(56);
      const [open, next, rest] = [world.rows(64), world.rows(64), world.rows(64)];
      await arena.publish('mallory', open);
      await arena.epoch();
      await arena.publish('mallory', next);
      const bob = world.shuffle([...open.slice(0, 32), ...rest]);
      await arena.publish('bob', bob);
      const previous = await arena.averages();
      const left = bob.filter((one) => rest.includes(one));
      return { report: await arena.epoch(), previous, own: { mallory: next, bob: left }, about: ['bob'] };
    },
  },
  {
    name: 'a public set dumped and replaced, taken up after the claim on it has ended',
    kind: 'honest',
    competition: { claimBlocks: 50 },
    async play(arena) {
      const world = new World(57);
      const [open, next] = [world.rows(64), world.rows(64)];
      await arena.publish('mallory', open);
      await arena.epoch();
      await arena.publish('mallory', next);
      await arena.epoch();
      await arena.chain.produceBlocks(60);
      await arena.publish('bob', open);
      const previous = await arena.averages();
      return { report: await arena.epoch(), previous, own: { mallory: next, bob: open }, about: ['bob'] };
    },
  },
  {
    name: 'rows of a repository that was made private, after the claim on them has ended',
    kind: 'honest',
    competition: { claimBlocks: 50 },
    async play(arena) {
      const world = new World(58);
      const open = world.rows(64);
      const version = await arena.publish('mallory', open);
      await arena.epoch();
      arena.hub.repository(version.repo)!.visibility = 'private';
      await arena.epoch();
      await arena.chain.produceBlocks(60);
      await arena.publish('bob', open);
      const previous = await arena.averages();
      // Who made it private is refused by now.
      return { report: await arena.epoch(), previous, own: { mallory: [], bob: open }, about: ['bob'] };
    },
  },
  {
    name: 'extends the dataset that was copied from him',
    kind: 'honest',
    async play(arena) {
      const world = new World(59);
      const [first, more, rival] = [world.rows(64), world.rows(16), world.rows(64)];
      await arena.publish('victim', first);
      await arena.publish('rival', rival);
      await arena.epoch();
      await arena.publish('mallory', DISGUISES['one synonym a row']!(first, world));
      await arena.publish('victim', [...first, ...more]);
      const previous = await arena.averages();
      return {
        report: await arena.epoch(),
        previous,
        own: { victim: [...first, ...more], rival, mallory: [] },
        about: ['victim'],
      };
    },
  },
  {
    name: 'the same questions, answered by himself',
    kind: 'honest',
    play(arena) {
      const world = new World(60);
      const victim = world.rows(64);
      const bob = victim.map(
        (one): DatasetRow => ({
          conversations: pairsOf(one).flatMap(([question]) => [
            question,
            { role: 'assistant' as const, content: world.story() },
          ]),
        }),
      );
      return oneAfterTheOther(
        arena,
        [
          ['victim', victim, victim],
          ['bob', bob, bob],
        ],
        ['bob'],
      );
    },
  },
  {
    name: 'one shared greeting pair at the start of each row',
    kind: 'honest',
    play(arena) {
      const world = new World(61);
      const greet = (rows: DatasetRow[]) =>
        rows.map(({ conversations }) => ({ conversations: [...GREETINGS[0]!.conversations, ...conversations] }));
      const [victim, bob] = [greet(world.rows(64)), greet(world.rows(64))];
      return oneAfterTheOther(
        arena,
        [
          ['victim', victim, victim],
          ['bob', bob, bob],
        ],
        ['bob'],
      );
    },
  },
  bothOwn('one opening and one ending in every answer', (_, __, world) => {
    const [question, answer] = pairsOf(world.rows(1)[0]!)[0]!;
    return row(
      question.content,
      `Certainly! Here is what I know about it. ${answer.content} I hope this helps, let me know if you need more.`,
    );
  }),
  bothOwn('sums that differ in digits and operators', (i, miner) => {
    const [a, b] = [10 + 2 * i + miner, 3 + (i % 7)];
    const [sign, result] = i % 2 ? ['-', a - b] : ['+', a + b];
    return row(`What is ${a} ${sign} ${b}?`, `The answer to ${a} ${sign} ${b} is ${result}.`);
  }),
  bothOwn('3-5 against 35', (i, miner) =>
    miner === 0
      ? row(`Which score is ${i + 3}-${i + 5}?`, `The game ended ${i + 3}-${i + 5} in the last minute.`)
      : row(`Which score is ${i + 3}${i + 5}?`, `The game ended ${i + 3}${i + 5} in the last minute.`),
  ),
  bothOwn('word problems of one template with other numbers', (i, miner) => {
    const [a, b] = [12 + 2 * i + miner, 5 + ((3 * i + miner) % 11)];
    return row(
      `A farmer has ${a} apples and buys ${b} more at the market. How many apples does the farmer have now?`,
      `The farmer starts with ${a} apples. After buying ${b} more there are ${a} + ${b} = ${a + b} apples. The answer is ${a + b}.`,
    );
  }),
  bothOwn('labels: Yes, No and a digit', (i, miner, world) =>
    row(`Is this story a happy one? ${world.story()}`, ['Yes', 'No', `${(i + miner) % 10}`][i % 3]!),
  ),
  bothOwn('calls of one function with other arguments', (i, miner) => {
    const at = 2 * i + miner;
    const [city, day] = [CITIES[at % 16]!, DAYS[Math.floor(at / 16) % 8]!];
    return row(
      `How is the weather in ${city} on ${day}?`,
      `{"name":"get_weather","arguments":{"city":"${city}","day":"${day}"}}`,
    );
  }),
  bothOwn('questions about one long passage', (_, miner, world) => {
    const passage =
      'The bridge over the river was built of grey stone by two brothers in a single summer, and the town has paid for it ever since.';
    return row(`${passage} ${miner === 0 ? 'What' : 'And what'} else do they tell?`, world.story());
  }),
  bothOwn('code under one licence header', (i, miner, world) => {
    const name = `${world.pick(['load', 'store', 'parse', 'merge', 'count'])}_${world.below(1e6)}`;
    return row(
      `Write a function ${name}.`,
      `# Copyright the authors, MIT licence\nimport sys\n\ndef ${name}(${world.pick(['a', 'rows', 'text'])}):\n    x${i} = ${world.below(1e6)} ${world.pick(['+', '*', '-'])} ${world.below(1e4)}\n    ${world.pick(['while', 'if'])} x${i} > ${miner}${world.below(999)}: ${world.pick(['print', 'return', 'raise'])}(x${i}, ${world.below(1e5)})`,
    );
  }),
  bothOwn('Chinese', (_, __, world) => {
    const text = (count: number) => Array.from({ length: count }, () => world.pick(HAN)).join('');
    return row(`${text(8)}？`, `${text(14)}，${text(14)}。`);
  }),
  bothOwn('a patchwork of hundreds of common phrases', (_, __, world) =>
    row(
      `${world.pick(['Tell', 'Show', 'Give'])} me ${world.below(1e6)} please.`,
      Array.from({ length: 6 }, () => `${world.pick(OPENINGS)} ${world.pick(ENDINGS)}`).join(', '),
    ),
  ),
  {
    name: 'a short dataset of three rows',
    kind: 'honest',
    play(arena) {
      const world = new World(62);
      const [victim, bob] = [world.rows(64), world.rows(3)];
      return oneAfterTheOther(
        arena,
        [
          ['victim', victim, victim],
          ['bob', bob, bob],
        ],
        ['bob'],
      );
    },
  },
  sameByTheRules('code that differs in indentation only', (world, i) => {
    const lines = [
      `def f${i}(x):`,
      `if x > ${world.below(1e6)}:`,
      `print(${world.below(1e6)}, "${world.story().slice(0, 40)}")`,
    ];
    return [row(`Write f${i}.`, lines.join('\n  ')), row(`Write f${i}.`, lines.join('\n        '))];
  }),
  sameByTheRules('Persian with and without a joiner', (world, i) => {
    const word = () =>
      world.pick([
        'می\u200cخواهم',
        'نمی\u200cدانم',
        'کتاب\u200cها',
        'خانه\u200cای',
        'رفته\u200cام',
        'دوست\u200cداشتنی',
        'بچه\u200cها',
        'گفته\u200cاند',
      ]);
    const text = Array.from({ length: 12 }, word).join(' ');
    return [row(`متن ${i}`, text), row(`متن ${i}`, text.replaceAll('\u200c', ''))];
  }),
  sameByTheRules('polish and Polish', (world) => {
    const [question, answer] = pairsOf(world.rows(1)[0]!)[0]!;
    return [
      row(question.content, `${answer.content} They polish it.`),
      row(question.content, `${answer.content} They Polish it.`),
    ];
  }),
];
