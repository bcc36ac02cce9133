import { describe, expect, test } from 'vitest';
import { FAULT_MODES } from './fault-modes.ts';
import { openLane, planOf, runEpisode } from './fault-run.ts';

const EPISODES = 200;
const LANES = 4;
const FIRST_SEED = 1;

describe('the fault run', () => {
  test(`in ${EPISODES} episodes, each killing connection, server, client or block at random requests, what was intended is on the chain, and each call took effect once`, {
    timeout: 400_000,
  }, async () => {
    const seeds = Array.from({ length: EPISODES }, (_, i) => FIRST_SEED + i);
    const totals = { lives: 0, requests: 0, kills: {} as Record<string, number> };
    const runLane = async (lane: number) => {
      const mine = seeds.filter((seed) => seed % LANES === lane);
      const opened = await openLane(mine.length + FAULT_MODES.length);
      let uid = 3;
      const undisturbed: number[] = [];
      for (const mode of FAULT_MODES) {
        const { requests, effect, calls } = await runEpisode(opened, uid++, mode, []);
        expect({ effect, calls }, `${mode.name}, undisturbed`).toEqual({ effect: mode.intended, calls: mode.calls });
        undisturbed.push(requests);
      }
      for (const seed of mine) {
        const at = Math.floor(seed / LANES) % FAULT_MODES.length;
        const mode = FAULT_MODES[at]!;
        const plan = planOf(seed, undisturbed[at]!);
        const name = `seed ${seed}: ${mode.name}, ${JSON.stringify(plan)}`;
        const outcome = await runEpisode(opened, uid++, mode, plan).catch((error: unknown) => {
          throw new Error(`${name}: ${error}`, { cause: error });
        });
        const { effect, calls } = outcome;
        expect({ effect, calls }, name).toEqual({ effect: mode.intended, calls: mode.calls });
        totals.lives += outcome.lives;
        totals.requests += outcome.requests;
        for (const { what } of plan) totals.kills[what] = (totals.kills[what] ?? 0) + 1;
      }
      await opened.close();
    };
    const started = performance.now();
    await Promise.all(Array.from({ length: LANES }, (_, lane) => runLane(lane)));
    const seconds = ((performance.now() - started) / 1_000).toFixed(0);
    console.log(`fault run: ${EPISODES} episodes in ${seconds} s, ${JSON.stringify(totals)}`);
  });
});
