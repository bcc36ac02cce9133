import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Profile } from '../../../src/local/chain/local-chain.ts';
import { FAULT_MODES, type FaultMode } from './fault-modes.ts';
import { openLane, outcomeOf, planOf, runEpisode } from './fault-run.ts';

/** CI plays the first of them. */
const EPISODES = process.env.CI ? 64 : 200;
const LANES: Profile[] = [...Array(5).fill('legacy'), ...Array(3).fill('current')];
/** Uids below are only given weight to. */
const FIRST_UID = 3;
const intendedOf = ({ intended, calls }: FaultMode) => ({ effect: intended, calls });

test(`${EPISODES} episodes, each killing connection, server, client or block at random requests: what was intended is on the chain, and each call took effect once`, {
  timeout: 400_000,
}, async () => {
  const totals = { lives: 0, requests: 0, killed: {} as Record<string, number> };
  const runLane = async (profile: Profile, first: number) => {
    const seeds = Array.from({ length: EPISODES / LANES.length }, (_, i) => first + i * LANES.length);
    const modes = FAULT_MODES.filter(({ profiles }) => profiles.includes(profile));
    const lane = await openLane(profile, modes.length + seeds.length);
    let uid = FIRST_UID;
    const requestsUndisturbed: number[] = [];
    for (const mode of modes) {
      const { requests, effect, calls } = await runEpisode(lane, uid++, mode, []);
      expect({ effect, calls }, `${profile}, ${mode.name}, undisturbed`).toEqual(intendedOf(mode));
      // When blocks come is up to the clock: now and then a program asks a little less.
      requestsUndisturbed.push(Math.floor(requests * 0.75));
    }
    for (const [i, seed] of seeds.entries()) {
      const mode = modes[i % modes.length]!;
      const plan = planOf(seed, requestsUndisturbed[i % modes.length]!);
      const name = `seed ${seed}, ${profile}, ${mode.name}: ${JSON.stringify(plan)}`;
      const outcome = await runEpisode(lane, uid++, mode, plan).catch((error: unknown) => {
        throw new Error(`${name}: ${error}`, { cause: error });
      });
      const { effect, calls, lives, requests, killed } = outcome;
      expect({ effect, calls }, name).toEqual(intendedOf(mode));
      totals.lives += lives;
      totals.requests += requests;
      for (const what of killed) totals.killed[what] = (totals.killed[what] ?? 0) + 1;
    }
    await lane.close();
  };
  const startedMs = performance.now();
  await Promise.all(LANES.map((profile, lane) => runLane(profile, 1 + lane)));
  const kills = Object.values(totals.killed).reduce((sum, times) => sum + times, 0);
  expect(kills).toBeGreaterThan(EPISODES);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  console.log(`fault run: ${EPISODES} episodes in ${seconds} s, ${JSON.stringify(totals)}`);
});

/** Requests of a process until it is connected; before that there is nothing to lose. */
const CONNECTING = 12;

test.each<{ profile: Profile; name: string; killAt: number }>([
  { profile: 'legacy', name: 'commit', killAt: CONNECTING + 2 },
  { profile: 'current', name: 'commit', killAt: CONNECTING + 9 },
  { profile: 'legacy', name: 'set weights', killAt: CONNECTING + 12 },
  { profile: 'legacy', name: 'commit and reveal weights', killAt: CONNECTING + 12 },
  { profile: 'current', name: 'commit and reveal weights', killAt: CONNECTING + 24 },
  { profile: 'current', name: 'time-lock weights', killAt: CONNECTING + 12 },
  { profile: 'current', name: 'time-lock weights', killAt: CONNECTING + 15 },
])(
  'a process that gets kill -9 at request $killAt of $name on a $profile chain finishes in its next life, once',
  {
    timeout: 120_000,
  },
  async ({ profile, name, killAt }) => {
    const mode = FAULT_MODES.find((one) => one.name === name)!;
    const lane = await openLane(profile, 1);
    const folder = await mkdtemp(join(tmpdir(), 'flock-off-fault-run-'));
    const program = fileURLToPath(new URL('fault-run-program.ts', import.meta.url));
    // While a process starts, which may take longer than a reveal may wait, no blocks come.
    let isConnected = false;
    const ticker = setInterval(() => void (isConnected && lane.chain.produceBlocks(1)), 50);
    let requests = 0;
    const live = async () => {
      const beacon = JSON.stringify(lane.chain.beacon, (_, part) => (part instanceof Uint8Array ? [...part] : part));
      const args = ['--import', 'tsx', program, lane.chain.url, name, `neuron ${FIRST_UID}`, folder, beacon];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
      const onRequest = () => {
        isConnected = true;
        if (++requests === killAt) child.kill('SIGKILL');
      };
      lane.chain.faults.onRequest.add(onRequest);
      const exit = await once(child, 'exit');
      isConnected = false;
      lane.chain.faults.onRequest.delete(onRequest);
      return exit;
    };
    try {
      expect(await live()).toEqual([null, 'SIGKILL']);
      expect(await live()).toEqual([0, null]);
      expect(await outcomeOf(lane, FIRST_UID, mode, 0)).toEqual(intendedOf(mode));
    } finally {
      clearInterval(ticker);
      await lane.close();
      await rm(folder, { recursive: true });
    }
  },
);
