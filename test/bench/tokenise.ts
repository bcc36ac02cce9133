/**
 * Tokenizes 20,000 rows of 256 tokens and puts two epochs of them into batches; then rows made to take long. Prints the
 * lines of docs/benchmarks.md. Memory is that of the whole process, the TypeScript loader's too. `--tokenizer` names the folder of a real tokenizer; the
 * tiny base model's has 1024 tokens.
 *
 *     npm run bench:tokenise [-- --tokenizer folder --rows 20000 --tokens 256]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { TINY_BASE } from '../../src/local/tiny-base.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';
import { MersenneTwister } from '../../src/shared/random.ts';
import { collate, planEpoch } from '../../src/trainer/tokens/batches.ts';
import { tokenizeRow } from '../../src/trainer/tokens/chat.ts';
import { loadTokenizer } from '../../src/trainer/tokens/tokenizer.ts';

const { values: options } = parseArgs({
  options: {
    tokenizer: { type: 'string', default: TINY_BASE },
    rows: { type: 'string', default: '20000' },
    tokens: { type: 'string', default: '256' },
  },
});
const rowCount = Number(options.rows);
const contextTokens = Number(options.tokens);
const tokenizer = await loadTokenizer({ folder: options.tokenizer });
const random = new MersenneTwister(0);
const below = (end: number) => random.nextUint32() % end;
const chat = (user: string, assistant: string): DatasetRow => ({
  conversations: [
    { role: 'user', content: user },
    { role: 'assistant', content: assistant },
  ],
});

/** 5000 words, the first the most frequent, as in a language. */
const words = Array.from({ length: 5000 }, () =>
  Array.from({ length: 1 + below(4) }, () => `${'bcdfghlmnprstvw'[below(15)]}${'aeiou'[below(5)]}`).join(''),
);
const sentence = (chars: number) => {
  let text = '';
  while (text.length < chars) text += `${words[Math.floor(words.length ** random.nextUniform()) - 1]} `;
  return `${text.trim()}.`;
};
const charsPerToken = 20_000 / tokenizer.encode(sentence(20_000)).length;
const rowChars = Math.ceil(contextTokens * charsPerToken * 1.05);

function residentMiB(which: 'VmRSS' | 'VmHWM'): number {
  const [, kib] = new RegExp(`${which}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))!;
  return Math.round(Number(kib) / 1024);
}

function measure(what: string, rows: DatasetRow[], context: number): void {
  const before = residentMiB('VmRSS');
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const tokenized = rows.map((row) => tokenizeRow(row, tokenizer, context));
  const tokens = tokenized.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
  let batches = 0;
  for (let epoch = 0; epoch < 2; epoch++) {
    for (const indices of planEpoch({
      rows: rows.length,
      batchSize: 2,
      gradientAccumulation: 4,
      seed: 7,
      epoch,
    })) {
      batches += collate(indices.map((index) => tokenized[index]!)).lengths.length > 0 ? 1 : 0;
    }
  }
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const cpuSeconds = (user + system) / 1e6;
  console.log(
    `| ${[what, tokens, batches, seconds.toFixed(1), cpuSeconds.toFixed(1), before, residentMiB('VmHWM')].join(' | ')} |`,
  );
}

console.log(`tokenizer of ${tokenizer.vocabSize} tokens, ${charsPerToken.toFixed(1)} characters a token\n`);
console.log('| rows | tokens | batches | s | CPU s | MiB before | peak MiB |');
console.log('|---|---|---|---|---|---|---|');
const ordinary = Array.from({ length: rowCount }, () => chat(sentence(rowChars / 2), sentence(rowChars / 2)));
measure(`${rowCount} rows of ${contextTokens} tokens`, ordinary, contextTokens);
ordinary.length = 0;

// 16 of the 256 rows of 1 MB that a dataset may have.
const HOSTILE: Record<string, () => string> = {
  words: () => sentence(1_000_000),
  'one letter': () => 'a'.repeat(1_000_000),
  'random letters without a space': () => Array.from({ length: 1_000_000 }, () => 'abcdefghij'[below(10)]).join(''),
  'ideographs without a break': () =>
    Array.from({ length: 333_000 }, () => String.fromCharCode(0x4e00 + below(5000))).join(''),
};
for (const [what, text] of Object.entries(HOSTILE)) {
  const rows = Array.from({ length: 16 }, () => chat('Hi', text()));
  measure(`16 rows of 1 MB: ${what}`, rows, 4096);
}
