/** What a copier may do to the rows of another. */
import type { DatasetRow } from '../../src/schema/dataset-row.ts';
import { choices, filler, prose, row, said, sentence, turn, WORDS } from './near-copy-texts.ts';

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
/** Of each three rows, a third of the answer of each. */
const thirds = (rows: DatasetRow[]) =>
  Array.from({ length: Math.floor(rows.length / 3) }, (_, i) => {
    const three = rows.slice(3 * i, 3 * i + 3).map((r) => said(r, 'assistant').split(' '));
    const parts = three.map((words, k) => words.slice((k * words.length) / 3, ((k + 1) * words.length) / 3));
    return row(said(rows[3 * i]!, 'user'), parts.flat().join(' '));
  });
const PHRASE = filler(200);
export const ATTACKS: Record<string, (rows: DatasetRow[]) => DatasetRow[]> = {
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
  'hyphens between letters': edited((text) => text.replace(/([a-z])(?=[a-z])/gi, '$1-')),
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
  'thirds of three rows': (rows) => thirds(rows),
  'thirds of three rows, every 20th word replaced': (rows) => everyWord(20, () => choices.pick(WORDS))(thirds(rows)),
  'half of each answer beside one long phrase in all': (rows) =>
    answers((text) => `${text.slice(0, text.length / 2)} ${PHRASE.slice(0, text.length / 2)}`)(rows),
};
