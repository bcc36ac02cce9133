/**
 * `npx tsx test/bench/chain-follow.ts`: how much the resident memory of a client grows while it follows 10,000 blocks,
 * reading the newest one now and then. The chain is in a process of its own; garbage is collected before each look.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Subtensor } from 'flock-off';
import { NETUID } from './chain-server.ts';

const WARM_UP_BLOCKS = 1_000;
const BLOCKS = 10_000;
/** A metagraph is read every so many blocks. */
const READ_EVERY = 100;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const parameters = JSON.stringify({ profile: 'current', neurons: 64, blockTimeMs: 1 });
const server = fork(fileURLToPath(new URL('chain-server.ts', import.meta.url)), [parameters]);
const [endpoint] = (await once(server, 'message')) as [string];
const subtensor = await Subtensor.open({ endpoint });
server.send('produce blocks');

let seen = 0;
const follow = async (blocks: number) => {
  const first = await subtensor.currentBlock();
  for (let block = first; block < first + blocks; seen++) {
    const next = await subtensor.waitForBlock({ block: block + 1 });
    if (Math.floor(next / READ_EVERY) > Math.floor(block / READ_EVERY)) await subtensor.metagraph({ netuid: NETUID });
    block = next;
  }
};
const rssMib = () => {
  collect();
  return process.memoryUsage.rss() / 2 ** 20;
};

await follow(WARM_UP_BLOCKS);
const beforeMib = rssMib();
seen = 0;
const fromMs = performance.now();
await follow(BLOCKS);
const seconds = ((performance.now() - fromMs) / 1_000).toFixed(0);
const growth = (rssMib() - beforeMib).toFixed(1);
console.log(
  `${BLOCKS} blocks followed in ${seconds} s (${seen} heads waited for): resident memory ${beforeMib.toFixed(0)} MiB and ${growth} MiB more`,
);
await subtensor.close();
server.disconnect();
