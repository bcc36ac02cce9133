import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Competition,
  type Dataset,
  DatasetChecker,
  type DatasetRow,
  HubDatasetStore,
  type Logger,
  LoraTrainer,
  loadEvaluationSet,
  type ScoreTask,
} from 'flock-off';
import {
  Fleet,
  type FleetParameters,
  type RunFleetWorkerParameters,
  runFleetWorker,
  WorkerKey,
  type WorkerSigner,
} from 'flock-off/fleet';
import { LocalHub, TINY_BASE } from 'flock-off/local';
import { devHotkey } from '../chain/dev-hotkey.ts';

// A hub with datasets, and what scores them: in this process, or as a fleet whose workers are in it, too.

export const NETUID = 96;
export const GENESIS_HASH = `0x${'a'.repeat(64)}`;
const TOKEN = 'hf_token';
export const competition = Competition.parse({
  recipe: { contextTokens: 48, epochs: 1, batchSize: 2, gradientAccumulation: 1, learningRate: 5e-3, warmupSteps: 1 },
});

export interface World {
  folder: string;
  hub: LocalHub;
  evaluation: Dataset;
  checker: DatasetChecker;
  trainer: LoraTrainer;
  /** One for each dataset, of growing size. */
  tasks: ScoreTask[];
  close(): Promise<void>;
}

export async function openWorld({ datasets = 3 }: { datasets?: number } = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-fleet-'));
  const hub = await LocalHub.open({ users: [{ name: 'u', token: TOKEN }] });
  const checker = new DatasetChecker();
  const trainer = await openTrainer();
  await writeRows(join(folder, 'eval.jsonl'), rowsOn('evaluation', 3));
  const evaluation = await loadEvaluationSet({ path: join(folder, 'eval.jsonl') });
  const store = new HubDatasetStore({ endpoint: hub.url, token: TOKEN });
  const tasks: ScoreTask[] = [];
  for (let uid = 0; uid < datasets; uid++) {
    const rows = 6 + 2 * uid;
    const path = join(folder, `${uid}.jsonl`);
    await writeRows(path, rowsOn(`topic ${uid}`, rows));
    const { commit, sha256 } = await store.upload({ repo: `u/d${uid}`, path });
    // Not all of them are its own.
    const keep = Uint32Array.from({ length: rows - 1 }, (_, row) => row + 1);
    tasks.push({
      key: uid.toString(16).padStart(64, 'a'),
      ...{ uid, competition, evaluation, seed: 7 },
      dataset: { repo: `u/d${uid}`, commit, path, sha256, rows, keep },
      checkpointPath: join(folder, `${uid}.safetensors`),
    });
  }
  return {
    ...{ folder, hub, evaluation, checker, trainer, tasks },
    async close() {
      trainer.dispose();
      checker.close();
      await hub.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const openTrainer = () => LoraTrainer.open({ inline: true, model: TINY_BASE });

function rowsOn(topic: string, count: number): DatasetRow[] {
  return Array.from({ length: count }, (_, i) => ({
    conversations: [
      { role: 'user', content: `Tell me of ${topic} ${i}.` },
      { role: 'assistant', content: `The ${topic} number ${i} is here.` },
    ],
  }));
}

async function writeRows(path: string, rows: DatasetRow[]): Promise<void> {
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

/** Keeps what is logged. */
export function logs(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  return { lines, logger: { debug() {}, info: write, warn: write, error: write } };
}

export interface StartedWorker {
  key: WorkerSigner;
  /** What it said, and how it ended: `null` where it was stopped. */
  said: string[];
  ended: Promise<Error | null>;
  stop(): Promise<void>;
}

/** A worker in this process. */
export async function startWorker(
  world: Pick<World, 'folder' | 'hub' | 'checker'>,
  url: string,
  { key = WorkerKey.generate(), ...changed }: Partial<RunFleetWorkerParameters> = {},
): Promise<StartedWorker> {
  const stop = new AbortController();
  const said: string[] = [];
  const { address } = await devHotkey('validator');
  const cacheDir = join(world.folder, `cache-${key.publicKey.slice(0, 8)}`);
  const ended = runFleetWorker({
    ...{ url, validator: address, key, cacheDir, checker: world.checker, lookMs: 200, lockMs: 4_000 },
    openTrainer,
    datasets: new HubDatasetStore({ endpoint: world.hub.url, attempts: 1 }),
    signal: stop.signal,
    onEvent: (event) => said.push(Object.values(event).join(' ')),
    ...changed,
  }).then(
    () => null,
    (error: Error) => (stop.signal.aborted ? null : error),
  );
  return {
    ...{ key, said, ended },
    async stop() {
      stop.abort();
      await ended;
    },
  };
}

export async function openFleet(
  url: string,
  workers: string[],
  changed: Partial<FleetParameters> = {},
): Promise<Fleet> {
  return Fleet.open({
    ...{ url, workers, competition, genesisHash: GENESIS_HASH, netuid: NETUID, base: { model: TINY_BASE } },
    ...{ lookMs: 200, aliveMs: 3_000, gatherMs: 0 },
    hotkey: await devHotkey('validator'),
    signal: AbortSignal.timeout(60_000),
    ...changed,
  });
}
