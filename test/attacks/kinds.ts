import type { DatasetRow } from 'flock-off';
import type { World } from './world.ts';

/** What a copier does to rows so that nobody sees whose they are. The order of the rows stays where it is not the trick. */
export type Disguise = (rows: DatasetRow[], world: World) => DatasetRow[];

type Turn = DatasetRow['conversations'][number];
type Edit = (text: string, turn: number, row: number) => string;

const everyTurn = (edit: Edit): Disguise => onTurns(() => true, edit);
const answers = (edit: Edit): Disguise => onTurns(({ role }) => role === 'assistant', edit);
const questions = (edit: Edit): Disguise => onTurns(({ role }) => role === 'user', edit);

function onTurns(isEdited: (turn: Turn) => boolean, edit: Edit): Disguise {
  return (rows) =>
    rows.map((row, r) => ({
      ...row,
      conversations: row.conversations.map((turn, t) =>
        isEdited(turn) ? { ...turn, content: edit(turn.content, t, r) } : turn,
      ),
    }));
}

/** Pairs of turns of a row. */
export function pairsOf({ conversations }: DatasetRow): [Turn, Turn][] {
  return Array.from({ length: conversations.length / 2 }, (_, i) => [conversations[2 * i]!, conversations[2 * i + 1]!]);
}

/** 64 times sixteen pairs of turns of some rows, each three further on. */
function sixteens(rows: DatasetRow[]): [Turn, Turn][][] {
  const all = rows.flatMap(pairsOf);
  return Array.from({ length: 64 }, (_, i) => Array.from({ length: 16 }, (_, k) => all[(3 * i + k) % all.length]!));
}

/** An answer, and stories of the copier's own behind it, so many times as long. */
function beforeFiller(answer: Turn, times: number, world: World): Turn {
  let filler = '';
  while (filler.length < times * answer.content.length) filler += ` ${world.rows(1)[0]!.conversations[1]!.content}`;
  return { ...answer, content: answer.content + filler };
}

/** A pair in which the user says so many stories: nobody is trained to say them. */
function fillerPair(stories: number, world: World): [Turn, Turn] {
  const told = world.rows(stories).map(({ conversations }) => conversations[1]!.content);
  return [
    { role: 'user', content: told.join(' ') },
    { role: 'assistant', content: 'I see.' },
  ];
}

const rowOf = (pairs: [Turn, Turn][]): DatasetRow => ({ conversations: pairs.flat() });
const swap = (pairs: Record<string, string>) => (text: string) =>
  text.replace(new RegExp(Object.keys(pairs).join('|'), 'gu'), (found) => pairs[found]!);
/** Replaces every letter from a to z by the one as far into another alphabet of Unicode. */
const alphabet = (lower: number, upper: number) => (text: string) =>
  text
    .replace(/[a-z]/gu, (letter) => String.fromCodePoint(lower + letter.charCodeAt(0) - 97))
    .replace(/[A-Z]/gu, (letter) => String.fromCodePoint(upper + letter.charCodeAt(0) - 65));
const sentencesOf = (text: string) => text.match(/[^.]+\.\s*/gu) ?? [text];
const words = (text: string) => text.split(' ');
const FILLER =
  'Thank you for this interesting question, it is a pleasure to be of help with it today and I hope that it is useful to you and all of yours.';
const LOOKALIKES = { a: 'а', c: 'с', e: 'е', o: 'о', p: 'р', x: 'х', y: 'у', i: 'і', s: 'ѕ', j: 'ј' };
const SYNONYMS = {
  keeps: 'holds',
  sells: 'trades',
  old: 'aged',
  quiet: 'silent',
  red: 'crimson',
  near: 'close to',
  behind: 'in back of',
  since: 'because',
  left: 'remaining',
  finds: 'discovers',
  buys: 'purchases',
  mends: 'repairs',
  before: 'ahead of',
  soon: 'shortly',
  street: 'road',
  clever: 'smart',
};
const SYNONYM = swap(SYNONYMS);
/** One synonym: the first word that has one. */
const oneSynonym = (text: string) => {
  const at = words(text).findIndex((word) => word in SYNONYMS);
  return at < 0
    ? text.replace('The', 'A')
    : words(text)
        .map((word, i) => (i === at ? SYNONYM(word) : word))
        .join(' ');
};

/** Copies of every row, each in another dress: nothing of them is the copier's own. */
export const DISGUISES: Record<string, Disguise> = {
  // Of the first table.
  'exact copy': (rows) => rows,
  'rows reordered': (rows, world) => world.shuffle(rows),
  're-spaced': everyTurn((text) => ` ${text.replaceAll(' ', '  \n')}\t`),
  'upper case': everyTurn((text) => text.toUpperCase()),
  'zero-width characters': everyTurn((text) => [...text].join('\u200b')),
  'decomposed (NFD), with accents': everyTurn((text) => text.replace(/[aeiou]/gu, '$&\u0301').normalize('NFD')),
  'full width': everyTurn(alphabet(0xff41, 0xff21)),
  'other system prompt': (rows) =>
    rows.map((row) => ({ ...row, system: 'You tell stories of towns and their people.' })),
  'multi-turn rows split': (rows) => rows.flatMap((row) => pairsOf(row).map((pair) => rowOf([pair]))),
  'a homoglyph a row': answers((text) => text.replace(/[oae]/u, swap(LOOKALIKES))),
  '"?" doubled': questions((text) => text.replace('?', '??')),
  'last full stop removed': answers((text) => text.replace(/\.$/u, '')),
  'a word before each user turn': questions((text) => `Hello! ${text}`),
  'a word after each user turn': questions((text) => `${text} Please.`),
  'a row number appended': answers((text, _, row) => `${text} ${row + 1}`),
  'a combining dot': answers((text) => text.replace(/e/u, 'e\u0323')),
  'a special token appended': answers((text) => `${text}<|im_end|>`),
  'one synonym a row': answers(oneSynonym),
  '61 % edited by a word': answers((text, _, row) => (row % 100 < 61 ? `${text} Indeed.` : text)),
  'two rows merged into one': (rows) =>
    rows.flatMap((row, i) =>
      i % 2 === 0 ? rowOf([row, ...(rows[i + 1] ? [rows[i + 1]!] : [])].flatMap(pairsOf)) : [],
    ),
  'answers cut by a sentence': answers((text) => sentencesOf(text)[0]!.trim()),
  // More kinds.
  'Cyrillic for every letter alike': everyTurn(swap(LOOKALIKES)),
  'mathematical bold': everyTurn(alphabet(0x1d41a, 0x1d400)),
  'letters in circles': everyTurn(alphabet(0x24d0, 0x24b6)),
  'soft hyphens and joiners': everyTurn((text) => text.replace(/(\w)(\w)/gu, '$1\u00ad$2\u2060')),
  'variation selectors and tags': everyTurn((text) => text.replaceAll(' ', '\ufe0e \u{e0061}')),
  'right to left and back': everyTurn((text) => `\u202e\u202c\u2067${text}\u2069`),
  'a stack of marks on each word': everyTurn((text) => text.replaceAll(' ', '\u0335\u0336\u0323 ')),
  'Markdown bold and quotes': everyTurn(
    (text) =>
      `> ${words(text)
        .map((word) => `**${word}**`)
        .join(' ')}`,
  ),
  'HTML between sentences': everyTurn((text) => `<p>${sentencesOf(text).join('</p><br/>\n<p>')}</p>`),
  'HTML entities for spaces': everyTurn((text) => text.replaceAll(' ', '&nbsp;')),
  'smart quotes and long dashes': everyTurn((text) => `“${text.replaceAll(',', ' —')}”`),
  'hyphens between letters': everyTurn((text) => text.replace(/(\w)(?=\w)/gu, '$1-')),
  'an emoji a sentence': everyTurn((text) => text.replaceAll('.', '. 🙂').replaceAll('?', '? 🤔')),
  'a word doubled in each sentence': answers((text) =>
    sentencesOf(text)
      .map((one) => one.replace(/ (\w+)/u, ' $1 $1'))
      .join(''),
  ),
  'a typing error in each sentence': answers((text) =>
    sentencesOf(text)
      .map((one) => one.replace(/ (\w)(\w)(\w+)/u, ' $2$1$3'))
      .join(''),
  ),
  'sentences in another order': answers((text) =>
    sentencesOf(text)
      .map((one) => one.trim())
      .reverse()
      .join(' '),
  ),
  'leetspeak, a word a row': answers((text) =>
    text.replace(/ (\w*[eo]\w*)/u, (word) => word.replaceAll('e', '3').replaceAll('o', '0')),
  ),
  'filler of twice its length after each answer': answers((text) => `${text} ${FILLER} ${FILLER} ${FILLER}`),
  'filler of twice its length before each answer': answers((text) => `${FILLER} ${FILLER} ${FILLER} ${text}`),
  'filler of its own, thirty times its length, after each answer': (rows, world) =>
    rows.map((row) => rowOf(pairsOf(row).map(([question, answer]) => [question, beforeFiller(answer, 30, world)]))),
  'all of sixteen rows in one, and as much filler of its own': (rows, world) =>
    sixteens(rows).map((some) => rowOf([...some, fillerPair(some.length, world)])),
  'sixteen answers in one, and as much filler of its own': (rows, world) => {
    const all = rows.flatMap(pairsOf);
    return sixteens(rows).map((some, i) => {
      const [question, answer] = all[i % all.length]!;
      const content = some.map(([, { content }]) => content).join(' ');
      return rowOf([[question, beforeFiller({ ...answer, content }, 1, world)]]);
    });
  },
  'one of its answers in all rows, another in each, and filler of its own': (rows, world) => {
    const all = rows.flatMap(pairsOf);
    const [[, phrase]] = all as [[Turn, Turn]];
    return all.slice(1).map(([question, answer]) => {
      const both = { ...answer, content: `${phrase.content} ${answer.content}` };
      return rowOf([[question, beforeFiller(both, 4, world)]]);
    });
  },
  'filler between the sentences': answers((text) => sentencesOf(text).join(` ${FILLER} `)),
  '"Sure!" before and a greeting after': answers((text) => `Sure! ${text} Let me know if you need more.`),
  'answers quoted in a longer one': answers(
    (text) => `My grandmother always told it like this: "${text}" And so it was.`,
  ),
  'answers under other questions': (rows, world) =>
    rows.map((row) =>
      rowOf(
        pairsOf(row).map(([, answer]) => [
          {
            role: 'user',
            content: `Tell me a story about ${world.pick(['trade', 'travel', 'luck', 'winter', 'work'])} number ${world.below(1e6)}.`,
          },
          answer,
        ]),
      ),
    ),
  'answers moved on by a row': (rows) => {
    const all = rows.flatMap(pairsOf);
    return all.map(([question], i) => rowOf([[question, all[(i + 1) % all.length]![1]]]));
  },
  'pairs of turns in another order': (rows) => rows.map((row) => rowOf(pairsOf(row).reverse())),
  'ten rows in one': (rows) => {
    const all = rows.flatMap(pairsOf);
    return Array.from({ length: Math.ceil(all.length / 2) }, (_, i) => rowOf(all.slice(2 * i, 2 * i + 10)));
  },
  'two answers in one turn': (rows) => {
    const all = rows.flatMap(pairsOf);
    return all.map(([question, answer], i) =>
      rowOf([[question, { ...answer, content: `${answer.content} ${all[(i + 7) % all.length]![1].content}` }]]),
    );
  },
  'half of one answer and half of another': (rows) => {
    const all = rows.flatMap(pairsOf);
    return all.map(([question, answer], i) => {
      const other = sentencesOf(all[(i + 5) % all.length]![1].content);
      return rowOf([[question, { ...answer, content: `${sentencesOf(answer.content)[0]}${other.at(-1)}` }]]);
    });
  },
  'every kind at once, a row each': (rows) => {
    const some = Object.entries(DISGUISES).filter(([name]) =>
      /homoglyph|number|synonym|dot|Sure|error|bold|doubled/.test(name),
    );
    return rows.map((row, i) => some[i % some.length]![1]([row], undefined as never)[0]!);
  },
};
