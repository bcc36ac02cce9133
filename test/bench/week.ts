/**
 * What a validator takes over a week of epochs: `npm run bench:week [-- EPOCHS MINERS]`, 140 and 255 by default. A real
 * validator in a process of its own with log, metrics, page and pruning, on a chain and a hub of this machine whose blocks come
 * faster; only its trainer answers at once. Fails where memory grows by more than 50 MB after the first 40 epochs (the least of 20
 * epochs, since V8 collects when it likes, and what is in use after a collection), or a folder that is pruned by more than its limit.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { diskUse } from 'flock-off';
import { childrenOf } from '../shared/children-of.ts';
import { KEEP_BYTES } from './week/limits.ts';
import type { EpochTold } from './week/validator.ts';
import { WeekWorld } from './week/world.ts';

const [epochs = 140, miners = 255] = process.argv.slice(2).map(Number);
const WARM_UP = Math.min(40, Math.floor(epochs / 3));
const WINDOW = Math.max(1, Math.floor(WARM_UP / 2));
const MOST_GROWTH_BYTES = 50e6;
/** Datasets published anew in each epoch. */
const NEW_EACH_EPOCH = 8;
const PORTS = { metrics: 19_317, page: 19_318 };
/** What is written next is on top of what is kept. */
const LOG_FILE_BYTES = 20_000_000;

interface Sample extends EpochTold {
  atMs: number;
  rss: number;
  childrenRss: number;
  bytes: Record<string, number>;
}

const folder = await mkdtemp(join(tmpdir(), 'flock-off-week-'));
const world = await WeekWorld.open({ folder, miners, blockTimeMs: 200, blocksPerEpoch: 12 });
await world.publish(miners);
console.log(`${miners} datasets are published`);
const ports = ['--metrics_port', PORTS.metrics, '--dashboard_port', PORTS.page].map(String);
const flags = [...world.flags(), ...ports, '--epochs', String(epochs)];
// Its tsconfig knows no paths, so that the package's name means the package as it is built.
const env = { ...process.env, TSX_TSCONFIG_PATH: fileURLToPath(new URL('week/tsconfig.json', import.meta.url)) };
const validator = fork(fileURLToPath(new URL('week/validator.ts', import.meta.url)), flags, {
  ...{ env, execArgv: [...process.execArgv, '--expose-gc'] },
});
const ended = once(validator, 'exit');
const begunMs = performance.now();
const samples: Sample[] = [];
const scrapeMs: number[] = [];
/** What is in use, in bytes, after the first epochs and at the end. */
const live: number[] = [];
let publishing = Promise.resolve();
validator.on('message', (told: EpochTold) => {
  publishing = publishing.then(async () => {
    if (told.collected) live.push(told.memory.heapUsed + told.memory.external);
    else await look(told);
    const isMeasured = !told.collected && [WARM_UP, epochs].includes(samples.length);
    validator.send(isMeasured ? 'collect' : 'seen');
    if (!told.collected) await world.publish(NEW_EACH_EPOCH);
  });
});
const asking = setInterval(() => void ask(), 2_000);
const [code] = (await ended) as [number | null];
clearInterval(asking);
await publishing.catch((error) => console.error(error));
await world.close();
const problems = code === 0 ? judge() : [`the validator ended with ${code}`];
for (const problem of problems) console.log(problem);
await rm(folder, { recursive: true, force: true });
process.exit(problems.length === 0 ? 0 : 1);

async function look(told: EpochTold): Promise<void> {
  const parts = {
    ...{ state: 'data/state', fingerprints: 'data/state-fingerprints', reports: 'data/reports' },
    ...{ metrics: 'metrics', logs: 'logs', cache: 'cache' },
  };
  const folders = Object.fromEntries(Object.entries(parts).map(([name, path]) => [name, join(folder, path)]));
  const bytes = Object.fromEntries((await diskUse(folders)).map((use) => [use.name, use.bytes]));
  const children = childrenOf(validator.pid!);
  const [rss, ...others] = await Promise.all([validator.pid!, ...children].map(rssOf));
  const sample = { ...told, atMs: performance.now() - begunMs, rss: rss!, bytes, childrenRss: sum(others) };
  samples.push(sample);
  if (samples.length % 10 === 1 || samples.length === epochs) tell(sample);
}

function tell({ startBlock, scored, sent, memory, rss, childrenRss, bytes, atMs }: Sample): void {
  const folders = Object.entries(bytes).map(([name, of]) => `${name} ${mb(of)}`);
  console.log(
    `epoch ${samples.length} of block ${startBlock}, ${(atMs / 1000).toFixed(0)} s: ${scored} scored, weights ${sent ? 'sent' : 'not sent'}; RSS ${mb(rss)} (heap ${mb(memory.heapUsed)}, external ${mb(memory.external)}), children ${mb(childrenRss)}; ${folders.join(', ')} MB`,
  );
}

/** As Prometheus and somebody at the page do. */
async function ask(): Promise<void> {
  try {
    const atMs = performance.now();
    await (await fetch(`http://127.0.0.1:${PORTS.metrics}/metrics`)).text();
    scrapeMs.push(performance.now() - atMs);
    await (await fetch(`http://127.0.0.1:${PORTS.page}/`)).text();
  } catch {
    // Not open yet, or closed.
  }
}

function judge(): string[] {
  const after = samples.slice(WARM_UP);
  const of = (window: Sample[]) => window.map(({ rss }) => rss);
  const windows = [after.slice(0, WINDOW), after.slice(-WINDOW)].map(of);
  const [first, last] = windows.map((window) => Math.min(...window)) as [number, number];
  const medians = windows.map((window) => mb(middle(window))).join(' and ');
  const [liveFirst = 0, liveLast = Number.POSITIVE_INFINITY] = live;
  console.log(
    `RSS of the ${WINDOW} epochs after the first ${WARM_UP}, and of the last ${WINDOW}: least ${mb(first)} and ${mb(last)} MB, medians ${medians} MB; at most ${mb(Math.max(...of(after)))} MB. In use after a collection: ${mb(liveFirst)} and ${mb(liveLast)} MB. ${scrapeMs.length} scrapes, median ${middle(scrapeMs).toFixed(0)} ms`,
  );
  const limits = { reports: KEEP_BYTES, metrics: KEEP_BYTES, logs: KEEP_BYTES + LOG_FILE_BYTES };
  return [
    ...(last - first > MOST_GROWTH_BYTES ? [`memory grew by ${mb(last - first)} MB`] : []),
    ...(liveLast - liveFirst > MOST_GROWTH_BYTES ? [`what is in use grew by ${mb(liveLast - liveFirst)} MB`] : []),
    ...Object.entries(limits).flatMap(([name, limit]) => {
      const took = Math.max(...samples.map(({ bytes }) => bytes[name] ?? 0));
      return took > 1.2 * limit ? [`${name} took ${mb(took)} MB, and may take ${mb(limit)}`] : [];
    }),
    ...(samples.length < epochs ? [`${samples.length} epochs of ${epochs} were seen`] : []),
  ];
}

async function rssOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
}

function middle(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
