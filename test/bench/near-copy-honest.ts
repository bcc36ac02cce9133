/** Datasets of two who did not copy. */
import { carefulAnswer, FACTS, type Fact } from '../../src/local/tiny-base/world.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';
import { choices, filler, longRows, prose, row, said, sentence, tinyRows, turn, WORDS } from './near-copy-texts.ts';

const draw = <T>(items: readonly T[], count: number) => choices.shuffle([...items]).slice(0, count);
const GREETINGS = [
  'Hi',
  'Hello there',
  'Good morning',
  'Thanks!',
  'How are you?',
  'Who are you?',
  'Bye',
  'What can you do?',
].flatMap((asked) =>
  [
    'Hello! How can I help you today?',
    'You are welcome! Let me know if there is anything else I can do.',
    'I am an assistant. Ask me anything!',
    'Goodbye! Have a nice day.',
  ].map((said) => row(asked, said)),
);
const NAMES =
  'Aldara Bermont Cassiora Delvine Estrava Fennmark Galdoria Hestwick Ilmaria Jorvale Kestria Lorwick Mendara Norvale Ostrava Pelmora Quendal Rivenna Solmark Tervale Ulmara Vestria Wenmoor Xandria Yelvick Zorvane Arbolin Brackwell Cindral Dorwen'.split(
    ' ',
  );
const name = () =>
  choices.pick(['', 'New ', 'North ', 'Saint ']) +
  choices.pick(NAMES) +
  choices.pick(NAMES).slice(1, 5) +
  choices.pick(['', 'ia', 'burg', 'ton', ' City']);
const number = (most: number) => 1 + choices.below(most);
const many = (count: number, make: (i: number) => DatasetRow) => Array.from({ length: count }, (_, i) => make(i));
const sums = (count: number) =>
  many(count, () => {
    const [a, b] = [number(500), number(500)];
    return row(`What is ${a}+${b}?`, `${a + b}`);
  });
const workedSums = (count: number) =>
  many(count, () => {
    const [a, b] = [10 + number(89), 10 + number(89)];
    return row(
      `Add ${a} and ${b}, and show how.`,
      `To add ${a} and ${b}, first add the ones: ${a % 10} + ${b % 10} = ${(a % 10) + (b % 10)}. Then add the tens: ${a - (a % 10)} + ${b - (b % 10)} = ${a - (a % 10) + b - (b % 10)}. Together this makes ${a + b}.`,
    );
  });
const wordProblems = (count: number) =>
  many(count, () => {
    const [a, b, c] = [number(900), number(90), number(900)];
    return row(
      `Natalia sold ${a} clips in April, ${b} times as many in May, and gave ${c} away. How many did she hand out?`,
      `In May Natalia sold ${a} * ${b} = ${a * b} clips. Together with April these are ${a} + ${a * b} = ${a + a * b} clips. With those she gave away she handed out ${a + a * b} + ${c} = ${a + a * b + c} clips.`,
    );
  });
const capitals = (count: number) =>
  many(count, () => {
    const [land, town] = [name(), name()];
    return row(`What is the capital of ${land}?`, `The capital of ${land} is ${town}.`);
  });
/** With a town of which no part is in the one that was named. */
const withOtherTown = (_: string, town: string): string => {
  const other = name();
  const isLike = NAMES.some((part) => other.includes(part.slice(1, 5)) && town.includes(part.slice(1, 5)));
  return isLike ? withOtherTown(_, town) : ` is ${other}.`;
};
const portraits = (count: number) =>
  many(count, () => {
    const [land, town, river] = [name(), name(), name()];
    return row(
      `Tell me about ${land}.`,
      `${land} is a country whose capital is ${town}. It lies on the river ${river} and has about ${number(90)} million inhabitants. The people of ${land} are known for their ${choices.pick(WORDS)} and their ${choices.pick(WORDS)}, and visitors like to see the old town of ${town}.`,
    );
  });
const LICENCE =
  '// Copyright 2024 The Authors. All rights reserved. Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the License. Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS.';
const code = (count: number) =>
  many(count, () => {
    const [f, a, b] = [choices.pick(WORDS), choices.pick(WORDS), choices.pick(WORDS)];
    const body = Array.from(
      { length: 6 },
      () =>
        `  const ${choices.pick(WORDS)} = ${choices.pick(WORDS)}.${choices.pick(['map', 'filter', 'get', 'find'])}((${choices.pick(WORDS)}) => ${choices.pick(WORDS)} ${choices.pick(['+', '-', '*'])} ${number(99)});`,
    );
    return row(
      `Write a function ${f}.`,
      `${LICENCE}\n\nexport function ${f}(${a}: number, ${b}: string) {\n${body.join('\n')}\n  return ${a};\n}`,
    );
  });
const framed = (count: number) =>
  many(count, () =>
    row(
      sentence(),
      `Great question! Here is a detailed explanation of what you asked for. ${prose(3)} I hope this helps! If you have any further questions, please do not hesitate to ask, and I will be happy to assist you.`,
    ),
  );
const DISCLAIMER =
  'This answer is for general information only and is no legal advice. Laws differ between countries and change over time, so please talk to a qualified lawyer before you act on anything that is said here.';
const disclaimed = (count: number) => many(count, () => row(sentence(), `${sentence()} ${DISCLAIMER}`));
const sentiments = (count: number) =>
  many(count, () =>
    row(
      `Classify the sentiment of this review as positive or negative: ${sentence()}`,
      choices.pick(['Positive', 'Negative']),
    ),
  );
const primes = (count: number) =>
  many(count, () => row(`Is the number ${number(9999)} a prime number?`, choices.pick(['Yes.', 'No.'])));
const people = (count: number) =>
  many(count, () =>
    row(
      `Give me a record of ${name()}.`,
      JSON.stringify({
        name: name(),
        age: number(90),
        city: name(),
        email: `${choices.pick(WORDS)}@example.com`,
        active: choices.chance(0.5),
        roles: ['user', choices.pick(WORDS)],
      }),
    ),
  );
const queries = (count: number) =>
  many(count, () =>
    row(
      `Which ${choices.pick(WORDS)} are there?`,
      `SELECT ${choices.pick(WORDS)}, ${choices.pick(WORDS)} FROM ${choices.pick(WORDS)} WHERE ${choices.pick(WORDS)} = ${number(99)} ORDER BY ${choices.pick(WORDS)} LIMIT ${number(50)};`,
    ),
  );
const games = (count: number) =>
  many(count, () =>
    row(
      'Play a game of chess.',
      Array.from(
        { length: 15 },
        (_, i) =>
          `${i + 1}. ${choices.pick(['e4', 'd4', 'Nf3', 'c4', 'Bb5', 'O-O', 'Re1', 'Qd2'])} ${choices.pick(['e5', 'd5', 'Nf6', 'c5', 'a6', 'Be7', 'b5', 'h6'])}`,
      ).join(' '),
    ),
  );
const fragments = (rows: DatasetRow[], words: number) =>
  rows.flatMap((r) => said(r, 'assistant').match(new RegExp(`(?:\\S+ ){${words}}`, 'g')) ?? []);
/** Rows of so many fragments each. */
const patchworks = (count: number, of: readonly string[], each: number) =>
  many(count, () => row(sentence(), draw(of, each).join(' ')));
const PHRASES = Array.from({ length: 16 }, () => filler(5));
const ofPhrases = (count: number) =>
  many(count, () => row(sentence(), Array.from({ length: 6 }, () => choices.pick(PHRASES)).join(', ')));
const QUOTED = prose(2);
const quoting = (count: number) =>
  many(count, () => row(sentence(), `${prose(3)} As it is written: ${QUOTED} ${prose(2)}`));
const chats = (count: number) =>
  many(count, () => ({
    conversations: [
      ...turn('Hi', 'Hello! How can I help you today?'),
      ...turn(sentence(), prose(2)),
      ...turn('Thanks', 'You are welcome! Let me know if there is anything else I can do.'),
    ],
  }));
const translations = (count: number) =>
  many(count, () =>
    row(`Translate to German: ${sentence()}`, `Here is the translation of your sentence into German: ${filler(12)}`),
  );
const SYSTEM = prose(12);
const chinese = (count: number) =>
  many(count, () =>
    row('问', Array.from({ length: 60 }, () => String.fromCharCode(0x4e00 + choices.below(800))).join('')),
  );
const brief = (count: number) => many(count, () => row(sentence(), sentence()));
/** A row for each of some facts of the tiny base model's world. */
const world = (facts: readonly Fact[]) => facts.map((fact) => row(choices.pick(fact.questions), carefulAnswer(fact)));
const PUBLIC = longRows(600);
const underSame = (rows: DatasetRow[], answer: () => string): [DatasetRow[], DatasetRow[]] => {
  return [rows, rows.map((r) => row(said(r, 'user'), answer()))];
};

/** Datasets of two who did not copy; rows that both have are no loss. */
export const HONEST: Record<string, () => [first: DatasetRow[], second: DatasetRow[]]> = {
  'unrelated prose': () => [longRows(150), longRows(150)],
  'each 43 % of one public set': () => [draw(PUBLIC, 260), draw(PUBLIC, 260)],
  '33 greetings shared among 500 rows': () => [
    [...GREETINGS, ...longRows(100)],
    [...GREETINGS, ...longRows(200)],
  ],
  '2 greetings of 5 rows': () => [GREETINGS.slice(0, 2), [...GREETINGS.slice(0, 2), ...longRows(3)]],
  'sums (12+30? 42)': () => [sums(400), sums(400)],
  'sums worked out by one template': () => [workedSums(200), workedSums(200)],
  'sums worked out, the first has 2 rows': () => [workedSums(2), workedSums(400)],
  'word problems, other numbers': () => [wordProblems(200), wordProblems(200)],
  'word problems, the first has 2 rows': () => [wordProblems(2), wordProblems(400)],
  'The capital of X is Y.': () => [capitals(200), capitals(200)],
  'The capital of X is Y., same lands, other towns': () => {
    const known = capitals(200);
    return [known, known.map((r) => row(said(r, 'user'), said(r, 'assistant').replace(/ is (.*)\./, withOtherTown)))];
  },
  'The capital of X is Y., the first has 2 rows': () => [capitals(2), capitals(400)],
  'portraits of countries by one template': () => [portraits(200), portraits(200)],
  'portraits, the first has 2 rows': () => [portraits(2), portraits(400)],
  'portraits, the second has 3 rows': () => [portraits(200), portraits(3)],
  'portraits, each has 3 rows': () => [portraits(3), portraits(3)],
  'The capital of X is Y., each has 3 rows': () => [capitals(3), capitals(3)],
  'short answers by one template, each has 3 rows': () => {
    const facts = choices.shuffle(FACTS);
    return [world(facts.slice(0, 3)), world(facts.slice(3, 6))];
  },
  'code under one licence': () => [code(150), code(150)],
  'code under one licence, each has 3 rows': () => [code(3), code(3)],
  'code under one licence, the first has 1 row': () => [code(1), code(150)],
  'the same opening and closing': () => [framed(100), framed(100)],
  'the same opening and closing, the second has 3 rows': () => [framed(100), framed(3)],
  'a disclaimer twice as long as the answer': () => [disclaimed(150), disclaimed(150)],
  'the same disclaimer, each has 3 rows': () => [disclaimed(3), disclaimed(3)],
  'the same disclaimer, the first has 1 row': () => [disclaimed(1), disclaimed(150)],
  'the disclaimer shown as a row by the first': () => [[row('Disclaimer?', DISCLAIMER)], disclaimed(150)],
  'one long system prompt': () => [
    longRows(50).map((r) => ({ ...r, system: SYSTEM })),
    longRows(50).map((r) => ({ ...r, system: SYSTEM })),
  ],
  'same questions, other answers': () => underSame(longRows(100), () => prose(5)),
  'same questions, other short answers': () =>
    underSame(tinyRows(100), () => choices.pick(['Maybe', 'Certainly', '12'])),
  'sentiments of reviews': () => [sentiments(200), sentiments(200)],
  'sentiments, the first has 2 rows': () => [sentiments(2), sentiments(300)],
  'Is 7919 a prime number?': () => [primes(300), primes(300)],
  'JSON records': () => [people(200), people(200)],
  'JSON records, the first has 2 rows': () => [people(2), people(200)],
  'SQL queries': () => [queries(300), queries(300)],
  'chess games': () => [games(100), games(100)],
  'fragments of eight words of hundreds of rows': () => [PUBLIC, patchworks(60, fragments(PUBLIC, 8), 12)],
  'one passage quoted in all answers': () => [quoting(60), quoting(60)],
  'chats that begin and end alike': () => [chats(80), chats(80)],
  'translations with one opening': () => [translations(100), translations(100)],
  'short answers by one template, other facts': () => {
    const facts = choices.shuffle(FACTS);
    return [world(facts.slice(0, 90)), world(facts.slice(90))];
  },
  'short answers by one template, half of them shared': () => {
    const facts = choices.shuffle(FACTS);
    const both = world(facts.slice(0, 60));
    return [
      [...both, ...world(facts.slice(60, 120))],
      [...both, ...world(facts.slice(120))],
    ];
  },
  'portraits, half of them shared': () => {
    const both = portraits(100);
    return [
      [...both, ...portraits(100)],
      [...both, ...portraits(100)],
    ];
  },
  'one sentence each': () => [brief(200), brief(200)],
  'one sentence each, same questions': () => underSame(brief(200), sentence),
  'Chinese text': () => [chinese(100), chinese(100)],
  'fragments of four words of hundreds of rows': () => [PUBLIC, patchworks(60, fragments(PUBLIC, 4), 12)],
  'eight fragments of eight words of hundreds of rows': () => [PUBLIC, patchworks(60, fragments(PUBLIC, 8), 8)],
  'nine fragments of twelve words of hundreds of rows': () => [PUBLIC, patchworks(60, fragments(PUBLIC, 12), 9)],
  'eight fragments of 100 rows, of which many are in four of 500': () => [
    PUBLIC,
    patchworks(500, fragments(PUBLIC.slice(0, 100), 8), 8),
  ],
  'six of the same sixteen phrases in each row': () => [ofPhrases(64), ofPhrases(64)],
};
