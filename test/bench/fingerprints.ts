/**
 * How fast datasets are fingerprinted and compared, and how much memory that takes: npm run bench:fingerprints -- [owners] [judged].
 * Fingerprinted are 20,000 rows of 1 kB of words. Compared are fingerprints of that size (many-fingerprints.ts), 20,000 current
 * and 20,000 earlier rows of each owner, with an evaluation set of 200 rows. Default: 32 of 256 judged, then all of them.
 * Numbers: docs/integrity.md.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { findOthersRows } from '../../src/dataset/fingerprint/find-others-rows.ts';
import { fingerprintRows } from '../../src/dataset/fingerprint/fingerprint-rows.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';
import { MersenneTwister } from '../../src/shared/random.ts';
import { showingsOf, writeFingerprints } from './many-fingerprints.ts';

const ROWS = 20_000;
const [what = 'all', folder = '', ...numbers] = process.argv.slice(2);

if (what === 'fingerprint') fingerprint();
else if (what === 'write')
  writeFingerprints({ folder, rows: ROWS, owners: Number(numbers[0]), judged: Number(numbers[1]) });
else if (what === 'search') await search(folder, Number(numbers[0]), Number(numbers[1]));
else all();

/** Each step in a process of its own, whose memory is measured. */
function all(): void {
  const [owners, judged] = process.argv.slice(2).map(Number);
  const here = (...parameters: unknown[]) =>
    spawnSync(process.execPath, [...process.execArgv, ...[process.argv[1]!, ...parameters].map(String)], {
      stdio: 'inherit',
    });
  here('fingerprint');
  for (const some of judged ? [judged] : [32, 256]) {
    const temporary = mkdtempSync(join(tmpdir(), 'fingerprints-'));
    try {
      here('write', temporary, owners ?? 256, some);
      here('search', temporary, owners ?? 256, some);
    } finally {
      rmSync(temporary, { recursive: true });
    }
  }
}

function fingerprint(): void {
  const rows = rowsOfWords(ROWS);
  const before = process.cpuUsage();
  const bytes = fingerprintRows(rows);
  console.log(
    `fingerprint of ${ROWS} rows: ${seconds(before)} s of a processor, ${(bytes.length / 1e6).toFixed(2)} MB`,
  );
}

async function search(folder: string, owners: number, judged: number): Promise<void> {
  const showings = showingsOf({ folder, owners, judged, rows: ROWS });
  const evaluation = fingerprintRows(rowsOfWords(200));
  const atStart = megabytes('VmRSS');
  const [before, mainBefore, start] = [process.cpuUsage(), mainThreadSeconds(), performance.now()];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const found = await findOthersRows({ showings, evaluation, evaluationRows: 'leave-out' });
  delay.disable();
  const took = performance.now() - start;
  const held = [...found.others.values()].reduce((sum, list) => sum + list.length, 0);
  console.log(
    `${owners} owners, ${judged} judged: ${seconds(before)} s of a processor, of them ${(mainThreadSeconds() - mainBefore).toFixed(2)} on the main thread; ` +
      `${(took / 1000).toFixed(1)} s; peak ${megabytes('VmHWM')} MiB, ${atStart} before; ${held} rows held`,
  );
  const idle = monitorEventLoopDelay({ resolution: 1 });
  idle.enable();
  await setTimeout(Math.min(took, 20_000));
  idle.disable();
  const late = (histogram: typeof idle) => (histogram.percentile(99.9) / 1e6).toFixed(1);
  console.log(`event loop, 99.9th percentile: ${late(delay)} ms, idle ${late(idle)} ms`);
}

function rowsOfWords(count: number): DatasetRow[] {
  const random = new MersenneTwister(1);
  const below = (n: number) => Math.floor(random.nextUniform() * n);
  const letters = () => Array.from({ length: 2 + below(8) }, () => String.fromCharCode(97 + below(26))).join('');
  const words = Array.from({ length: 20_000 }, letters);
  const text = (length: number) => {
    let written = '';
    while (written.length < length) written += `${words[below(words.length)]} `;
    return written.slice(0, length);
  };
  return Array.from({ length: count }, () => ({
    conversations: [
      { role: 'user', content: text(100) },
      { role: 'assistant', content: text(820) },
    ],
  }));
}

function seconds(since: NodeJS.CpuUsage): string {
  const { user, system } = process.cpuUsage(since);
  return ((user + system) / 1e6).toFixed(1);
}

function mainThreadSeconds(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
}

function megabytes(name: 'VmRSS' | 'VmHWM'): number {
  const kilobytes = new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}
