import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { row, startWorld, type World } from './publish-world.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSX = new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;
/** More than there are requests in a run, on either side. */
const MOST_REQUESTS = 40;
const names = Array.from({ length: 6 * MOST_REQUESTS }, (_, i) => `miner-${i}`);
let world: World;
beforeAll(async () => {
  world = await startWorld({ hotkeys: [...names, 'ann'], chain: { blockTimeMs: 30 } });
});
afterAll(() => world.close());

type When = 'before' | 'after';

/** A fetch that ends the process it belongs to at its k-th request: before it is sent, or when it was answered. */
function dyingFetch(at: number, when: When, die: () => void): typeof fetch {
  let count = 0;
  return async (input, init) => {
    if (++count !== at) return fetch(input, init);
    if (when === 'after') await fetch(input, init).then((response) => response.arrayBuffer());
    die();
    throw new Error('killed');
  };
}

/** Ends the process at the k-th request that the chain gets from now on: before it is done, or while it is. */
function dieAtChainRequest(at: number, when: When, die: () => void): () => void {
  let count = 0;
  const { faults } = world.chain;
  const listener = () => {
    if (++count !== at) return;
    if (when === 'before') faults.inject({ on: '', fault: { kind: 'drop' } });
    die();
  };
  faults.onRequest.add(listener);
  return () => {
    faults.onRequest.delete(listener);
    faults.clear();
  };
}

/** A run that dies at a request, and one after it. Returns whether the first came so far. */
async function dieAndResume(by: string, at: number, where: 'hub' | 'chain', when: When): Promise<boolean> {
  const process = new AbortController();
  const die = () => process.abort(new Error('killed'));
  const { signal } = process;
  const publishing = { repo: `ann/${by}`, by, rows: [row(`${by}?`), row('Dogs?')] };
  const stop = where === 'chain' ? dieAtChainRequest(at, when, die) : () => {};
  const fetch = where === 'hub' ? dyingFetch(at, when, die) : undefined;
  await world.publish({ ...publishing, signal, fetch }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  stop();
  const resumed = await world.publish(publishing);
  expect(resumed, `${where} request ${at}, killed ${when}`).toMatchObject({ ok: true });
  const { visibility } = world.hub.repository(publishing.repo)!;
  const state = { visibility, uploads: world.commits(publishing.repo), commitments: await world.landed(by) };
  expect(state, `${where} request ${at}, killed ${when}`).toEqual({
    visibility: 'public',
    uploads: 1,
    commitments: 1,
  });
  return signal.aborted;
}

test.each([
  ['hub', 'before', 12],
  ['hub', 'after', 12],
  ['chain', 'before', 12],
  ['chain', 'after', 12],
] as const)(
  'killed %s-side, %s each request in turn, and run again: one upload, one commitment, and public',
  async (where, when, leastRequests) => {
    const offset = (where === 'hub' ? 0 : 2) + (when === 'before' ? 0 : 1);
    let at = 1;
    while (await dieAndResume(names[offset * MOST_REQUESTS + at - 1]!, at, where, when)) at++;
    expect(at).toBeGreaterThan(leastRequests);
  },
  240_000,
);

/** A run that loses the answer to a request which took effect, and one after it. Returns whether it came so far. */
async function loseAndRepeat(by: string, at: number, where: 'proxy' | 'chain'): Promise<boolean> {
  const { hub, chain } = world;
  let count = 0;
  const listener = () => {
    if (++count === at) chain.faults.inject({ on: '', fault: { kind: 'lose-answer' } });
  };
  const before = hub.faults.requests.length;
  if (where === 'chain') chain.faults.onRequest.add(listener);
  else hub.faults.inject({ on: '', fault: { kind: 'lose-answer', status: 502 }, after: at - 1 });
  const publishing = { repo: `ann/${by}`, by, rows: [row(`${by}?`), row('Dogs?')], clock: NO_WAITING };
  await world.publish(publishing).catch((error: unknown) => {
    expect(error, `${where} request ${at}`).toMatchObject({ transient: true });
  });
  const isLost = where === 'chain' ? count >= at : hub.faults.requests.length - before >= at;
  chain.faults.onRequest.delete(listener);
  chain.faults.clear();
  hub.faults.clear();
  expect(await world.publish(publishing), `${where} request ${at}`).toMatchObject({ ok: true });
  const state = [hub.repository(publishing.repo)!.visibility, world.commits(publishing.repo), await world.landed(by)];
  expect(state, `${where} request ${at}`).toEqual(['public', 1, 1]);
  return isLost;
}
const NO_WAITING = { nowMs: Date.now, sleep: async () => {} };

test.each([
  ['proxy', 4],
  ['chain', 5],
] as const)(
  'the %s loses the answer to each request in turn, and it is run again: one upload, one commitment, and public',
  async (where, offset) => {
    let at = 1;
    while (await loseAndRepeat(names[offset * MOST_REQUESTS + at - 1]!, at, where)) at++;
    expect(at).toBeGreaterThan(12);
  },
  240_000,
);

test('a process killed (SIGKILL) at each step in turn is gone on with by the next, which does nothing twice', async () => {
  const path = join(world.folder, 'killed.jsonl');
  await writeFile(path, `${row('Killed?')}\n${row('Dogs?')}\n`);
  const run = async (standAt: string) => {
    const args = [
      '--import',
      TSX,
      `${ROOT}test/miner/publish-program.ts`,
      world.chain.url,
      world.hub.url,
      path,
      standAt,
    ];
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, TSX_TSCONFIG_PATH: `${ROOT}tsconfig.json` },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      if (standAt !== '' && out.split('\n').includes(standAt)) child.kill('SIGKILL');
    });
    const [, signal] = await once(child, 'close');
    return { steps: out.trim().split('\n'), signal };
  };
  for (const standAt of ['checked', 'looked', 'uploaded', 'committed', 'public'])
    expect(await run(standAt), standAt).toMatchObject({ signal: 'SIGKILL' });
  const { steps, signal } = await run('');
  expect(signal).toBeNull();
  expect(steps).toEqual(['checked', 'looked', 'committed', expect.stringMatching(/^ann\/chat:1:/)]);
  expect(world.hub.repository('ann/chat')!.visibility).toBe('public');
  expect([world.commits(), await world.landed()]).toEqual([1, 1]);
}, 240_000);
