/** A change to the rules that no test can notice, and should not. */
interface EqualChange {
  path: string;
  /** What is changed. */
  source: string;
  /** What it is changed to. Default: anything. */
  replacement?: string;
  /** Why the result stays the same. */
  why: string;
}

/** Few: code that can be changed without a result is mostly code that can go. */
const EQUAL: EqualChange[] = [
  ...[
    ['normal-form', "prepared.includes('&')", 'true'],
    ['normal-form', "prepared.includes('<') || prepared.includes('[')", 'true'],
    ['fingerprint-rows', 'texts.filter((text) => /\\p{Nd}/u.test(text))', 'texts'],
    ['fingerprint-rows', 'numbers.length < MOST_NUMBERS', 'true'],
    ['fingerprint-rows', 'numbers.length < MOST_NUMBERS', 'numbers.length <= MOST_NUMBERS'],
    ['fingerprint-rows', 'pieces.length > 1', 'true'],
    ['fingerprint-rows', 'pieces.length > 1', 'pieces.length >= 1'],
  ].map(([name, source, replacement]) => ({
    ...{ path: `src/dataset/fingerprint/${name}.ts`, source: source!, replacement },
    why: 'looked for what is not there, or made what is dropped: the same, only slower',
  })),
  ...[
    ["{ path: [], message: 'is no row' }", '{}'],
    ['[]', '["Stryker was here"]'],
    ["'is no row'", '""'],
    ['TurnSchema.safeParse(turns[wrong]).error?.issues', 'TurnSchema.safeParse(turns[wrong]).error.issues'],
    ['DatasetSchema.safeParse(value).error?.issues', 'DatasetSchema.safeParse(value).error.issues'],
  ].map(([source, replacement]) => ({
    ...{ path: 'src/dataset/read-row.ts', source: source!, replacement },
    why: 'what a miner would be told if the schema ever had no issue with what is no row here',
  })),
  ...[
    ['code < 128', 'false'],
    ['code < 128', 'code <= 128'],
    ['{\n      units.add(ASCII[code] ?? GAP);\n      continue;\n    }', '{}'],
  ].map(([source, replacement]) => ({
    ...{ path: 'src/dataset/fingerprint/units.ts', source: source!, replacement },
    why: 'ASCII is read like all the rest, only slower',
  })),
  ...[
    ['!page', 'true'],
    ['page[point % PAGE_SIZE] ?? UNKNOWN', 'page[point % PAGE_SIZE] && UNKNOWN'],
    ['known !== UNKNOWN', 'false'],
  ].map(([source, replacement]) => ({
    ...{ path: 'src/dataset/fingerprint/units.ts', source: source!, replacement },
    why: 'what a character says is worked out again each time',
  })),
  {
    path: 'src/dataset/fingerprint/own-times.ts',
    ...{ source: 'place !== ABSENT', replacement: 'true' },
    why: 'an array keeps nothing at the place of what is absent',
  },
  ...[
    ['candidates', 'row < print.rowCount', 'row <= print.rowCount'],
    ['own-times', 'row < print.rowCount', 'row <= print.rowCount'],
    ['evaluation-rows', 'row < print.rowCount', 'row <= print.rowCount'],
    ['repeated-rows', 'row < print.rowCount', 'row <= print.rowCount'],
  ].map(([name, source, replacement]) => ({
    ...{ path: `src/dataset/fingerprint/${name}.ts`, source: source!, replacement },
    why: 'after the last row there is one without pairs',
  })),
  ...[
    ['likeness', 'firstWordOfRow(print, row + 1) - firstWordOfRow(print, row)', '+'],
    ['likeness', 'endPair - firstPair', '+'],
    ['likeness', 'firstGramOf(print, pair) - firstWordOf(print, pair)', '+'],
    ['short-answers', 'this.#endPair - this.#firstPair', '+'],
    ['short-answers', 'print.wordEnd[pair]! - first', '+'],
    ['whole-answers', 'pairs <= this.#levels.length', '<'],
    ['first-places', 'length > this.#slots.length', '>='],
    ['first-places', '++this.#count > this.#most', '>='],
    ['first-places', 'at < known.length', '<='],
  ].map(([name, source, operator]) => ({
    ...{ path: `src/dataset/fingerprint/${name}.ts`, source: source! },
    ...{
      replacement: source!.replace(/ (?:-|<=|<|>) /, ` ${operator} `),
      why: 'takes more room: the same, only slower',
    },
  })),
  ...[
    ['likeness', 'this.#wholeAnswers.mayBeHeld', 'true'],
    ['first-places', 'length > this.#slots.length', 'true'],
    ['first-places', 'known[at] !== 0', 'true'],
    ['pair-weights', 'this.#weights.size > 0', 'true'],
    ['pair-weights', 'this.#weights.size > 0', 'this.#weights.size >= 0'],
    ['pair-weights', 'known !== undefined', 'false'],
    ['short-answers', 'this.#left <= 0 || this.#pairs.length === 0', 'false'],
    ['short-answers', 'this.#left <= 0 || this.#pairs.length === 0', 'this.#left <= 0 && this.#pairs.length === 0'],
    ['short-answers', 'this.#left <= 0', 'false'],
    ['short-answers', 'this.#left <= 0', 'this.#left < 0'],
    ['short-answers', 'this.#pairs.length === 0', 'false'],
    ['short-answers', '!grams', 'true'],
    ['whole-answers', 'this.#words.length >= FEWEST_OF_WHOLE', 'true'],
    ['whole-answers', 'pairs <= this.#levels.length', 'false'],
  ].map(([name, source, replacement]) => ({
    ...{ path: `src/dataset/fingerprint/${name}.ts`, source: source!, replacement },
    why: 'does again what is known, or looks for what is not there: the same, only slower',
  })),
  {
    path: 'src/dataset/fingerprint/pair-weights.ts',
    ...{ source: 'pair * 256 + level', replacement: 'pair * 256 - level' },
    why: 'no two pairs and levels have the same number either way',
  },
  ...[
    ['[-1, 0]', '[]', 'what is not set is not 0 or more either'],
    ['found > lastSource', 'found >= lastSource', 'a row has each gram once'],
    ['j < i', 'j <= i', 'the last one is held already'],
  ].map(([source, replacement, why]) => ({
    ...{ path: 'src/dataset/fingerprint/likeness.ts', source: source!, replacement, why: why! },
  })),
  {
    path: 'src/dataset/fingerprint/whole-answers.ts',
    ...{ source: '[]', replacement: '["Stryker was here"]' },
    why: 'nothing is held at a place that is no number',
  },
  {
    path: 'src/dataset/fingerprint/judge-row.ts',
    ...{ source: 'symbols >= 256', replacement: 'symbols > 256' },
    why: 'both ways of the share come to a half there',
  },
  {
    path: 'src/dataset/fingerprint/grams.ts',
    ...{ source: 'i >= size', replacement: 'true' },
    why: 'what is not there changes no hash',
  },
  {
    path: 'src/dataset/fingerprint/normal-form.ts',
    ...{ source: '[]', replacement: '["Stryker was here"]' },
    why: 'what has no letters is no run',
  },
  ...['units.length === 1', 'units.length === 0'].map((source) => ({
    ...{ path: 'src/dataset/fingerprint/units.ts', source, replacement: 'false' },
    why: 'a character that says one thing or nothing is kept in the list of those that say several',
  })),
];

/** The entry of the list that a change is under, `undefined` for all that have to be noticed. */
export function equalTo(change: { path: string; source: string; replacement: string }): EqualChange | undefined {
  return EQUAL.find(
    ({ path, source, replacement }) =>
      change.path === path && change.source === source && (replacement ?? change.replacement) === change.replacement,
  );
}
