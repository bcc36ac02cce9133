/**
 * `npx tsx test/bench/chain-reconnect.ts`: how long the chain client is without a node after its socket was dropped, on
 * loopback, as the median (and most) of some runs. The chain is in a process of its own.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Subtensor } from 'flock-off';
import { startWsProxy } from '../chain/node/ws-proxy.ts';

const RUNS = 31;
const PARAMETERS = JSON.stringify({ profile: 'current', neurons: 3, blockTimeMs: 20 });

const server = fork(fileURLToPath(new URL('chain-server.ts', import.meta.url)), [PARAMETERS]);
const [url] = (await once(server, 'message')) as [string];
server.send('produce blocks');
const proxy = await startWsProxy(url);

/** Until a read that comes after the drop is answered. */
const idle = await measure(async (subtensor) => {
  const from = performance.now();
  proxy.cutAll();
  await sleep(1); // The client hears of it.
  await subtensor.currentBlock();
  return performance.now() - from;
});
/** Until who waits for a block hears of one again. */
const following = await measure(async (subtensor) => {
  const waiting = subtensor.waitForBlock({ block: (await subtensor.currentBlock()) + 2 });
  await sleep(5);
  const from = performance.now();
  proxy.cutAll();
  await waiting;
  return performance.now() - from;
});
console.log(
  `reconnect after a dropped socket, median (most) of ${RUNS}: next read ${idle}, next block ${following}; a block every 20 ms`,
);
await proxy.close();
server.disconnect();

async function measure(run: (subtensor: Subtensor) => Promise<number>): Promise<string> {
  const subtensor = await Subtensor.open({ endpoint: proxy.url });
  const timesMs: number[] = [];
  for (let i = 0; i < RUNS; i++) timesMs.push(await run(subtensor));
  await subtensor.close();
  timesMs.sort((a, b) => a - b);
  return `${timesMs[(RUNS - 1) / 2]!.toFixed(0)} ms (${timesMs.at(-1)!.toFixed(0)})`;
}
