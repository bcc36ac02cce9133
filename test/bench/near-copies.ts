/**
 * How much of copied datasets is found, and of honest ones wrongly held: npm run bench:copies. Docs: docs/integrity.md.
 * Prose is of the READMEs of the installed packages, short rows of the tiny base model's world.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { findOthersRows } from '../../src/dataset/fingerprint/find-others-rows.ts';
import { fingerprintRows } from '../../src/dataset/fingerprint/fingerprint-rows.ts';
import type { Showing } from '../../src/dataset/fingerprint/showings.ts';
import { sampleDatasets } from '../../src/local/sample-datasets.ts';
import { Choices, evaluationRows } from '../../src/local/tiny-base/world.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';
import { METHODS } from './near-copy-methods.ts';

const choices = new Choices(7);

/** Sentences that occur once. */
function sentences(): string[] {
  const folders = readdirSync('node_modules').flatMap((name) =>
    name.startsWith('@') ? readdirSync(`node_modules/${name}`).map((inner) => `${name}/${inner}`) : [name],
  );
  const found = new Set<string>();
  for (const folder of folders) {
    let text: string;
    try {
      text = readFileSync(`node_modules/${folder}/README.md`, 'utf8');
    } catch {
      continue;
    }
    for (const paragraph of text.replace(/```[\s\S]*?```/g, '').split(/\n\s*\n/)) {
      if (/[|<>{}`#=]|https?:/.test(paragraph)) continue;
      for (const sentence of paragraph.replace(/\s+/g, ' ').split(/(?<=[.!?]) /))
        if (/^[A-Z][^*[\]_]{40,220}[.!?]$/.test(sentence)) found.add(sentence);
    }
  }
  return choices.shuffle([...found].sort());
}

const pool = sentences();
/** Word -> the words that follow it somewhere. */
const FOLLOWERS = new Map<string, string[]>();
for (const text of pool) {
  const words = ['', ...text.slice(0, -1).split(' '), ''];
  for (let i = 0; i + 1 < words.length; i++) {
    const followers = FOLLOWERS.get(words[i]!);
    if (followers) followers.push(words[i + 1]!);
    else FOLLOWERS.set(words[i]!, [words[i + 1]!]);
  }
}
/** Another one each time: those of the pool, then others whose every two words follow each other in one of them. */
let used = 0;
const sentence = (): string => {
  if (used < pool.length) return pool[used++]!;
  const words: string[] = [];
  for (
    let word = choices.pick(FOLLOWERS.get('')!);
    word !== '' && words.length < 25;
    word = choices.pick(FOLLOWERS.get(word)!)
  )
    words.push(word);
  return words.length < 8 ? sentence() : `${words.join(' ')}.`;
};
const prose = (count: number) => Array.from({ length: count }, sentence).join(' ');
const WORDS = [...new Set(pool.join(' ').match(/\b[a-z]{3,9}\b/g))];

const turn = (user: string, assistant: string): DatasetRow['conversations'] => [
  { role: 'user', content: user },
  { role: 'assistant', content: assistant },
];
const row = (user: string, assistant: string): DatasetRow => ({ conversations: turn(user, assistant) });
const parse = (lines: string) =>
  lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as DatasetRow);

const longRows = (count: number) => Array.from({ length: count }, () => row(sentence(), prose(5 + choices.below(4))));
const ANSWERS = ['Yes.', 'No.', '7', '42', 'Paris', 'It depends.', 'Blue', 'Never'];
const ROWS = 60;
const LONG = longRows(ROWS);
const SHORT = parse(sampleDatasets({ seed: 1 }).good);
const TINY = Array.from({ length: ROWS }, () => row(sentence(), choices.pick(ANSWERS)));

/** Applies to each text of a turn. */
type Edit = (text: string, i: number, role: 'user' | 'assistant') => string;
const edited = (edit: Edit) => (rows: DatasetRow[]) =>
  rows.map(({ conversations }, i) => ({
    conversations: conversations.map(({ role, content }) => ({ role, content: edit(content, i, role) })),
  }));
const everyWord = (n: number, change: (word: string) => string) =>
  edited((text) => {
    let count = choices.below(n);
    return text.replace(/\S+/g, (word) => (++count % n === 0 ? change(word) : word));
  });
const answers = (edit: (text: string, i: number) => string) =>
  edited((text, i, role) => (role === 'assistant' ? edit(text, i) : text));
const filler = (count: number) => Array.from({ length: count }, () => choices.pick(WORDS)).join(' ');
const split = (text: string) => text.split(/(?<=[.!?]) /);
const HOMOGLYPHS: Record<string, string> = {
  a: 'а',
  e: 'е',
  o: 'о',
  c: 'с',
  p: 'р',
  x: 'х',
  i: 'і',
  H: 'Н',
  T: 'Т',
  B: 'В',
};
const SMALL: Record<string, string> = { a: 'ᴀ', e: 'ᴇ', t: 'ᴛ', n: 'ɴ', r: 'ʀ' };
const LEET: Record<string, string> = { a: '4', e: '3', o: '0', i: '1', t: '7', s: '5' };
const map = (table: Record<string, string>) => edited((text) => text.replace(/[A-Za-z]/g, (c) => table[c] ?? c));
const wide: Edit = (text) => text.replace(/[!-~]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0));
const pairsOf = (rows: DatasetRow[]) =>
  rows.flatMap(({ conversations }) =>
    Array.from({ length: conversations.length / 2 }, (_, i) => conversations.slice(2 * i, 2 * i + 2)),
  );
const twoByTwo = (rows: DatasetRow[], join: (a: DatasetRow, b: DatasetRow) => DatasetRow) =>
  Array.from({ length: Math.floor(rows.length / 2) }, (_, i) => join(rows[2 * i]!, rows[2 * i + 1]!));
const said = (r: DatasetRow, role: 'user' | 'assistant') =>
  r.conversations
    .filter((t) => t.role === role)
    .map((t) => t.content)
    .join(' ');

const ATTACKS: Record<string, (rows: DatasetRow[]) => DatasetRow[]> = {
  'exact copy': (rows) => rows,
  'rows reordered': (rows) => choices.shuffle(rows),
  'white space': edited((text) => text.replaceAll(' ', '  ')),
  'upper case': edited((text) => text.toUpperCase()),
  'zero-width characters': edited((text) => text.replace(/(...)/g, '$1\u200b')),
  NFD: edited((text) => text.normalize('NFD')),
  'full width': edited(wide),
  'another system prompt': (rows) => rows.map((r) => ({ ...r, system: prose(2) })),
  'a homoglyph a row': edited((text) => text.replace('a', 'а')),
  'homoglyphs throughout': map(HOMOGLYPHS),
  'small capitals': map(SMALL),
  '"?" doubled': edited((text) => text.replaceAll('?', '??')),
  'last full stop removed': edited((text) => text.replace(/\.$/, '')),
  'a word before each turn of the user': edited((text, _, role) => (role === 'user' ? `Okay, ${text}` : text)),
  'a word after each turn of the user': edited((text, _, role) => (role === 'user' ? `${text} Please` : text)),
  'row number appended': edited((text, i) => `${text} ${i + 1}`),
  'row number in brackets before': edited((text, i) => `[${i + 1}] ${text}`),
  '#number appended': edited((text, i) => `${text} #${i + 1}`),
  'combining dot on a letter': edited((text) => text.replace('e', 'e\u0307')),
  'combining dots throughout': edited((text) => text.replace(/[a-z]/g, '$&\u0307')),
  'special token appended': edited((text) => `${text}<|im_end|>`),
  'one synonym a row': (rows) =>
    rows.map(({ conversations }) => {
      const chosen = choices.below(conversations.length);
      const swap = (content: string) => {
        const words = content.split(' ');
        words[choices.below(words.length)] = choices.pick(WORDS);
        return words.join(' ');
      };
      return { conversations: conversations.map((t, i) => (i === chosen ? { ...t, content: swap(t.content) } : t)) };
    }),
  'one synonym a turn': edited((text) => {
    const words = text.split(' ');
    words[choices.below(words.length)] = choices.pick(WORDS);
    return words.join(' ');
  }),
  '61 % of rows edited by a word': (rows) =>
    rows.map((r, i) => (i % 100 < 61 ? everyWord(30, () => 'other')([r])[0]! : r)),
  'every 20th word replaced': everyWord(20, () => choices.pick(WORDS)),
  'every 12th word replaced': everyWord(12, () => choices.pick(WORDS)),
  'every 9th word replaced': everyWord(9, () => choices.pick(WORDS)),
  'every 7th word replaced': everyWord(7, () => choices.pick(WORDS)),
  'every 6th word replaced': everyWord(6, () => choices.pick(WORDS)),
  'every 5th word replaced': everyWord(5, () => choices.pick(WORDS)),
  'every 10th word deleted': everyWord(10, () => ''),
  'every 7th word deleted': everyWord(7, () => ''),
  'every 5th word deleted': everyWord(5, () => ''),
  'a word inserted after every 8th': everyWord(8, (word) => `${word} ${choices.pick(WORDS)}`),
  'two letters swapped in every 8th word': everyWord(8, (word) => word.replace(/(.)(.)$/, '$2$1')),
  'sentences reordered': answers((text) => choices.shuffle(split(text)).join(' ')),
  'sentences reversed': answers((text) => split(text).reverse().join(' ')),
  'last sentence cut': answers((text) => split(text).slice(0, -1).join(' ')),
  'first half of each answer': answers((text) => text.slice(0, text.length / 2)),
  leetspeak: map(LEET),
  'spaces between letters': edited((text) => text.replace(/(\S)(?=\S)/g, '$1 ')),
  'quotes around': edited((text) => `"${text}"`),
  'bold every third word': everyWord(3, (word) => `**${word}**`),
  'sentences as bullets': answers((text) =>
    split(text)
      .map((s) => `- ${s}`)
      .join('\n'),
  ),
  'sentences numbered': answers((text) =>
    split(text)
      .map((s, i) => `${i + 1}. ${s}`)
      .join('\n'),
  ),
  'HTML tags': edited((text) => `<p>${text.replace(/\S+/g, (w, at: number) => (at % 3 ? w : `<b>${w}</b>`))}</p>`),
  'HTML entities': edited((text) => text.replace(/[aeiou]/g, (c) => `&#${c.charCodeAt(0)};`)),
  'typographic punctuation': edited((text) => text.replaceAll(',', '，').replaceAll('.', '。').replaceAll("'", '’')),
  'dashes for commas': edited((text) => text.replaceAll(',', ' -')),
  'emoji between words': everyWord(3, (word) => `${word} 🚀`),
  'answers under other questions': (rows) =>
    rows.map((r) => ({
      conversations: r.conversations.map((t) => (t.role === 'user' ? { ...t, content: sentence() } : t)),
    })),
  'filler before and after, as long': answers(
    (text) => `${filler(text.length / 12)} ${text} ${filler(text.length / 12)}`,
  ),
  'filler in the middle, as long': answers(
    (text) => `${text.slice(0, text.length / 2)} ${filler(text.length / 6)} ${text.slice(text.length / 2)}`,
  ),
  'filler between sentences, half as long': answers((text) => split(text).join(` ${filler(7)}. `)),
  'filler, three times as long': answers((text) => `${text} ${filler(text.length / 2)}`),
  'filler turns, twice as long': (rows) =>
    rows.map((r) => ({
      conversations: [...r.conversations, ...turn(filler(8), filler(said(r, 'assistant').length / 3))],
    })),
  'two rows merged into one chat': (rows) =>
    twoByTwo(rows, (a, b) => ({ conversations: [...a.conversations, ...b.conversations] })),
  'two rows merged into one answer': (rows) =>
    twoByTwo(rows, (a, b) =>
      row(`${said(a, 'user')} ${said(b, 'user')}`, `${said(a, 'assistant')} ${said(b, 'assistant')}`),
    ),
  'six rows merged into one answer': (rows) =>
    Array.from({ length: rows.length / 6 }, (_, i) => rows.slice(6 * i, 6 * i + 6)).map((six) =>
      row(six.map((r) => said(r, 'user')).join(' '), six.map((r) => said(r, 'assistant')).join(' ')),
    ),
  'halves of two rows': (rows) =>
    twoByTwo(rows, (a, b) =>
      row(
        said(a, 'user'),
        `${said(a, 'assistant').slice(0, said(a, 'assistant').length / 2)} ${said(b, 'assistant').slice(said(b, 'assistant').length / 2)}`,
      ),
    ),
  'turns split into rows': (rows) => pairsOf(rows).map((conversations) => ({ conversations })),
  'turns reversed': (rows) => rows.map((r) => ({ conversations: pairsOf([r]).reverse().flat() })),
  'answers split into turns': (rows) =>
    rows.map((r) => ({ conversations: split(said(r, 'assistant')).flatMap((s) => turn('Go on.', s)) })),
  'eight times, with row numbers': (rows) =>
    Array.from({ length: 8 }, () => rows)
      .flat()
      .map((r, i) => edited((text) => `${text} (${i})`)([r])[0]!),
  'eight times, each with other filler': (rows) =>
    Array.from({ length: 8 }, () => rows)
      .flat()
      .map((r) => answers((text) => `${filler(text.length / 24)}. ${text}`)([r])[0]!),
};

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
const FRAGMENTS = (rows: DatasetRow[]) => rows.flatMap((r) => said(r, 'assistant').match(/(?:\S+ ){8}/g) ?? []);
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
const PUBLIC = longRows(600);

/** Datasets of two who did not copy; rows that both have are no loss. */
const HONEST: Record<string, () => [first: DatasetRow[], second: DatasetRow[]]> = {
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
  'The capital of X is Y., the first has 2 rows': () => [capitals(2), capitals(400)],
  'portraits of countries by one template': () => [portraits(200), portraits(200)],
  'portraits, the first has 2 rows': () => [portraits(2), portraits(400)],
  'portraits, the second has 3 rows': () => [portraits(200), portraits(3)],
  'code under one licence': () => [code(150), code(150)],
  'code under one licence, the first has 1 row': () => [code(1), code(150)],
  'the same opening and closing': () => [framed(100), framed(100)],
  'the same opening and closing, the second has 3 rows': () => [framed(100), framed(3)],
  'a disclaimer twice as long as the answer': () => [disclaimed(150), disclaimed(150)],
  'the same disclaimer, the first has 1 row': () => [disclaimed(1), disclaimed(150)],
  'the disclaimer shown as a row by the first': () => [[row('Disclaimer?', DISCLAIMER)], disclaimed(150)],
  'one long system prompt': () => [
    longRows(50).map((r) => ({ ...r, system: SYSTEM })),
    longRows(50).map((r) => ({ ...r, system: SYSTEM })),
  ],
  'same questions, other answers': () => [LONG, LONG.map((r) => row(said(r, 'user'), prose(5)))],
  'same questions, other short answers': () => [TINY, TINY.map((r) => row(said(r, 'user'), 'Maybe'))],
  'sentiments of reviews': () => [sentiments(200), sentiments(200)],
  'sentiments, the first has 2 rows': () => [sentiments(2), sentiments(300)],
  'Is 7919 a prime number?': () => [primes(300), primes(300)],
  'JSON records': () => [people(200), people(200)],
  'JSON records, the first has 2 rows': () => [people(2), people(200)],
  'SQL queries': () => [queries(300), queries(300)],
  'chess games': () => [games(100), games(100)],
  'fragments of eight words of hundreds of rows': () => [
    PUBLIC,
    many(60, () => row(sentence(), draw(FRAGMENTS(PUBLIC), 12).join(' '))),
  ],
  'one passage quoted in all answers': () => [quoting(60), quoting(60)],
  'chats that begin and end alike': () => [chats(80), chats(80)],
  'translations with one opening': () => [translations(100), translations(100)],
  'Chinese text': () => [chinese(100), chinese(100)],
};

async function heldRows(first: DatasetRow[], second: DatasetRow[], asEvaluation = false): Promise<number[]> {
  const showing = (owner: string, rows: DatasetRow[], at: number, judged: boolean): Showing => ({
    owner,
    fingerprint: fingerprintRows(rows),
    shownAt: new Float64Array(rows.length).fill(at),
    claimedUntil: Number.POSITIVE_INFINITY,
    judged,
  });
  const { others } = await findOthersRows({
    showings: [...(asEvaluation ? [] : [showing('first', first, 1, false)]), showing('second', second, 2, true)],
    evaluation: asEvaluation ? fingerprintRows(first) : null,
    evaluationRows: 'leave-out',
  });
  const found = others.get(asEvaluation ? 0 : 1) ?? [];
  for (const { row, source, alike } of found.slice(0, process.argv[4] ? 5 : 0))
    console.log(
      row,
      alike.toFixed(2),
      JSON.stringify(second[row]),
      source === 'evaluation' || source.map((s) => JSON.stringify(first[s.row])),
    );
  return found.map(({ row }) => row);
}

const percent = (share: number) => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 1 : 0)} %`.padStart(8);

console.log('| attack | long answers | short answers | tiny answers | as evaluation set |\n|---|---|---|---|---|');
for (const [kind, attack] of Object.entries(ATTACKS)) {
  if (process.argv[2] === 'honest') break;
  const shares: number[] = [];
  for (const rows of [LONG, SHORT, TINY, evaluationRows()]) {
    const copy = attack(rows);
    shares.push((await heldRows(rows, copy, shares.length === 3)).length / copy.length);
  }
  console.log(`| ${kind} | ${shares.map(percent).join(' | ')} |`);
}

console.log('\n| honest | rows both have | wrongly held |\n|---|---|---|');
for (const [kind, datasets] of Object.entries(HONEST)) {
  const [first, second] = datasets();
  const known = new Set(first.map((r) => JSON.stringify(r.conversations)));
  const isShared = second.map((r) => known.has(JSON.stringify(r.conversations)));
  const wrong = (await heldRows(first, second)).filter((i) => !isShared[i]);
  const own = isShared.filter((shared) => !shared).length;
  console.log(`| ${kind} | ${percent(1 - own / second.length)} | ${percent(wrong.length / own)} |`);
  if (process.argv[3] && wrong.length > 0) console.log(JSON.stringify(second[wrong[0]!]));
}

const COMPARED = [
  'exact copy',
  'a homoglyph a row',
  'one synonym a turn',
  'every 20th word replaced',
  'every 12th word replaced',
  'every 9th word replaced',
  'every 7th word replaced',
  'every 5th word replaced',
  'every 10th word deleted',
  'sentences reordered',
  'spaces between letters',
  'first half of each answer',
  'filler in the middle, as long',
  'filler, three times as long',
  'halves of two rows',
  'answers split into turns',
];
console.log(
  `\n| attack on long answers | ${Object.keys(METHODS).join(' | ')} | here |\n|---|${'---|'.repeat(Object.keys(METHODS).length + 1)}`,
);
for (const kind of COMPARED) {
  const copy = ATTACKS[kind]!(LONG);
  const shares = Object.values(METHODS).map(
    (isCopy) =>
      copy.filter((r) => LONG.some((original) => isCopy(said(original, 'assistant'), said(r, 'assistant')))).length /
      copy.length,
  );
  shares.push((await heldRows(LONG, copy)).length / copy.length);
  console.log(`| ${kind} | ${shares.map(percent).join(' | ')} |`);
}
