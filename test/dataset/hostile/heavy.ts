/** Checks files of 256 MiB of every kind, reads good ones, and prints what each took: `tsx test/dataset/hostile/heavy.ts [name...]`. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatasetChecker } from '../../../src/dataset/checker/dataset-checker.ts';
import { Competition } from '../../../src/schema/competition.ts';
import { rowLine } from '../temp-folder.ts';
import { abortedMs } from './check-hostile-files.ts';
import { HEAVY_FILES } from './heavy-files.ts';
import { idleLoopMs, type Measured, measured } from './measured-check.ts';

const competition = Competition.parse({});
const names = process.argv.slice(2);
const isWanted = (name: string) => names.length === 0 || names.some((word) => name.includes(word));
const folder = await mkdtemp(join(tmpdir(), 'flock-off-heavy-'));
const path = join(folder, 'data.jsonl');

/** As often as it fits whole into so many bytes. */
async function write(piece: string | Uint8Array, mostBytes = competition.maxBytes): Promise<void> {
  const bytes = Buffer.from(piece);
  const file = createWriteStream(path);
  for (let left = mostBytes; left >= bytes.length; left -= bytes.length)
    if (!file.write(bytes)) await once(file, 'drain');
  file.end();
  await once(file, 'finish');
}

async function abortMs(): Promise<number> {
  const checker = new DatasetChecker();
  try {
    return await abortedMs(checker, path, competition, 900);
  } finally {
    checker.close();
  }
}

function print(name: string, { ms, cpuMs, peakMiB, loopMs, turnMs }: Measured<unknown>, more: string[]): void {
  const numbers = [ms / 1000, (cpuMs ?? Number.NaN) / 1000].map((seconds) => seconds.toFixed(1));
  const cells = [name, ...numbers, (peakMiB ?? Number.NaN).toFixed(0), loopMs.toFixed(0), turnMs.toFixed(0), ...more];
  console.log(`| ${cells.map((cell) => cell.replaceAll('|', '/')).join(' | ')} |`);
}

const HEAD = 'seconds | of a processor | MiB at most | event loop p99.9, ms | longest turn, ms |';
try {
  console.log(`Idle event loop, p99.9: ${(await idleLoopMs(5000)).toFixed(0)} ms\n`);
  console.log(`| 256 MiB of | ${HEAD} end of an abort, ms | outcome |\n|---|---|---|---|---|---|---|---|`);
  for (const [name, piece] of Object.entries(HEAVY_FILES)) {
    if (!isWanted(name)) continue;
    await write(piece());
    const check = await measured((checker) => checker.check({ path, competition }));
    const { ok, ...file } = check.value;
    const outcome = 'value' in file ? `${file.value.rows} rows` : `${file.verdict.reason}: ${file.verdict.message}`;
    print(name, check, [(await abortMs()).toFixed(0), outcome.slice(0, 90)]);
  }
  console.log(`\n| rows read | ${HEAD} idle before |\n|---|---|---|---|---|---|---|`);
  for (const chars of [1000, 6500]) {
    const name = `${Math.min(20_000, Math.floor(130e6 / chars))} of ${chars} letters`;
    if (!isWanted('rows read')) continue;
    const line = `${rowLine('x'.repeat(100), 'y'.repeat(chars - 100))}\n`;
    await write(line, 20_000 * line.length);
    const idleMs = await idleLoopMs(5000);
    print(name, await measured((checker) => checker.readRows({ path, competition })), [idleMs.toFixed(0)]);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
