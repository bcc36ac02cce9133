/** Workers of the benchmark, in a process of their own: `url hub-url folder count train-ms`. */
import { readFile } from 'node:fs/promises';
import { WorkerKey } from 'flock-off/fleet';
import { stubTrainer } from '../fleet/stub-trainer.ts';
import { startWorker, type World } from '../fleet/world.ts';

const [url = '', hubUrl = '', folder = '', count = '1', trainMs = '0'] = process.argv.slice(2);
let trainings = 0;
const keys = Array.from({ length: Number(count) }, () => WorkerKey.generate());
const checker = {
  readRows: async ({ path }: { path: string }) =>
    (await readFile(path, 'utf8')).split('\n').flatMap((line) => (line ? JSON.parse(line) : [])),
};
process.on('message', () => process.send?.(trainings));
process.send?.(keys.map(({ publicKey }) => publicKey));
const world = { folder, hub: { url: hubUrl }, checker } as unknown as World;
const stub = { trainMs: Number(trainMs), onTrain: () => trainings++ };
let ready = 0;
await Promise.all(
  keys.map((key) =>
    startWorker(world, url, {
      ...{ key, lookMs: 5_000, lockMs: 120_000, openTrainer: async () => stubTrainer(stub) },
      onEvent: ({ kind }) => {
        if (kind === 'ready' && ++ready === keys.length) process.send?.('ready');
      },
    }),
  ),
);
