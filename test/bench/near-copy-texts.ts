/** Texts and rows that the benchmark of near copies is made of: prose of the READMEs of the installed packages. */
import { readdirSync, readFileSync } from 'node:fs';
import { Choices } from '../../src/local/tiny-base/world.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';

export const choices = new Choices(7);

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
const AFTER = [...FOLLOWERS.keys()].filter((word) => word !== '');
/** A word that follows somewhere, of several: any word where few do, else whole parts of sentences were repeated. */
const wordAfter = (word: string) => {
  const followers = FOLLOWERS.get(word)!;
  return choices.pick(followers.length < 4 ? AFTER : followers);
};
/** Another one each time: those of the pool, then others made word by word. */
let used = 0;
export const sentence = (): string => {
  if (used < pool.length) return pool[used++]!;
  const words: string[] = [];
  for (let word = choices.pick(FOLLOWERS.get('')!); word !== '' && words.length < 25; word = wordAfter(word))
    words.push(word);
  return words.length < 8 ? sentence() : `${words.join(' ')}.`;
};
export const prose = (count: number) => Array.from({ length: count }, sentence).join(' ');
export const WORDS = [...new Set(pool.join(' ').match(/\b[a-z]{3,9}\b/g))];

export const turn = (user: string, assistant: string): DatasetRow['conversations'] => [
  { role: 'user', content: user },
  { role: 'assistant', content: assistant },
];
export const row = (user: string, assistant: string): DatasetRow => ({ conversations: turn(user, assistant) });
export const said = (r: DatasetRow, role: 'user' | 'assistant') =>
  r.conversations
    .filter((t) => t.role === role)
    .map((t) => t.content)
    .join(' ');
export const longRows = (count: number) =>
  Array.from({ length: count }, () => row(sentence(), prose(5 + choices.below(4))));
export const filler = (count: number) => Array.from({ length: count }, () => choices.pick(WORDS)).join(' ');
const ANSWERS = ['Yes.', 'No.', '7', '42', 'Paris', 'It depends.', 'Blue', 'Never'];
export const tinyRows = (count: number) => Array.from({ length: count }, () => row(sentence(), choices.pick(ANSWERS)));
