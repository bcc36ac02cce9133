/** Checks files of 256 MiB of every kind and prints what each took: `tsx test/attacks/heavy.ts [name...]`. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Competition } from '../../src/schema/competition.ts';
import { HEAVY_FILES } from './heavy-files.ts';
import { idleLoopMs, measuredCheck } from './measured-check.ts';

const competition = Competition.parse({});
const wanted = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'flock-off-heavy-'));
const path = join(folder, 'data.jsonl');

async function write(piece: string | Uint8Array): Promise<void> {
  const bytes = Buffer.from(piece);
  const file = createWriteStream(path);
  for (let left = competition.maxBytes; left > 0; left -= bytes.length)
    if (!file.write(left < bytes.length ? bytes.subarray(0, left) : bytes)) await once(file, 'drain');
  file.end();
  await once(file, 'finish');
}

try {
  console.log(`idle event loop, p99.9: ${(await idleLoopMs(5000)).toFixed(1)} ms\n`);
  console.log(
    '| 256 MiB of | seconds | of a processor | MiB at most | loop p99.9, ms | outcome |\n|---|---|---|---|---|---|',
  );
  for (const [name, piece] of Object.entries(HEAVY_FILES)) {
    if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue;
    await write(piece());
    const { outcome, ms, cpuMs, peakMiB, loopMs } = await measuredCheck(path, competition);
    const cells = [
      name,
      (ms / 1000).toFixed(1),
      ((cpuMs ?? 0) / 1000).toFixed(1),
      peakMiB?.toFixed(0) ?? '-',
      loopMs.toFixed(1),
      outcome.slice(0, 90).replaceAll('|', '/'),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
