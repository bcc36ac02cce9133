import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeEquipment, type Equipment } from '../arena.ts';
import { openArenas } from '../play.ts';
import { World } from '../world.ts';
import { allInjections } from './injections.ts';
import { Stage } from './stage.ts';

// A sample; `npm run attacks:faults` injects every fault at every step.
const SAMPLE = 8;
const SEED = 5;

let folder: string;
let equipment: Equipment;
let stage: Stage;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-faults-'));
  equipment = await openArenas(folder);
  stage = await Stage.open(equipment);
}, 120_000);
afterAll(async () => {
  await stage.close();
  closeEquipment(equipment);
  await rm(folder, { recursive: true, force: true });
});

test('a fault of ours costs no miner anything: the weights are the undisturbed ones, or those without him in the draw', {
  timeout: 300_000,
}, async () => {
  const all = allInjections(stage);
  expect(all.length).toBeGreaterThan(300);
  const cost: Record<string, string[]> = {};
  for (const injection of new World(SEED).shuffle(all).slice(0, SAMPLE))
    cost[injection.name] = await stage.inject(injection);
  expect(Object.entries(cost).filter(([, problems]) => problems.length > 0)).toEqual([]);
  expect(Object.keys(cost)).toHaveLength(SAMPLE);
});
