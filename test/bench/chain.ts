/**
 * `npm run bench:chain`: the chain client against a local chain in a process of its own, as medians; round trips are
 * sequential waits (see test/chain/round-trips.ts).
 *
 *     npm run bench:chain [-- metagraph commitments]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Subtensor } from 'flock-off';
import { countRoundTrips } from '../chain/round-trips.ts';
import { type ChainServerParameters, NETUID } from './chain-server.ts';

const RUNS = 31;
const PROFILES = ['legacy', 'current'] as const;

const BENCHES: Record<string, () => Promise<void>> = { metagraph, commitments };

const wanted = process.argv.slice(2);
console.log('| what | profile | median ms | CPU ms of the client | round trips | requests |');
console.log('|---|---|---|---|---|---|');
for (const [name, bench] of Object.entries(BENCHES)) if (wanted.length === 0 || wanted.includes(name)) await bench();

async function metagraph(): Promise<void> {
  for (const profile of PROFILES)
    await onChain({ profile, neurons: 256 }, (subtensor) =>
      measure('metagraph, 256 neurons', profile, () => subtensor.metagraph({ netuid: NETUID })),
    );
}

async function commitments(): Promise<void> {
  for (const profile of PROFILES)
    await onChain({ profile, neurons: 257 }, (subtensor) =>
      measure('commitments, 256 of them', profile, () => subtensor.commitments({ netuid: NETUID })),
    );
}

async function onChain(parameters: ChainServerParameters, use: (subtensor: Subtensor) => Promise<void>): Promise<void> {
  const server = fork(fileURLToPath(new URL('chain-server.ts', import.meta.url)), [JSON.stringify(parameters)]);
  const [endpoint] = (await once(server, 'message')) as [string];
  const subtensor = await Subtensor.open({ endpoint });
  try {
    await use(subtensor);
  } finally {
    await subtensor.close();
    server.disconnect();
    await once(server, 'exit');
  }
}

async function measure(what: string, profile: string, run: () => Promise<unknown>): Promise<void> {
  const { roundTrips, requests } = await countRoundTrips(run);
  const timesMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  for (let i = 0; i < RUNS; i++) {
    const from = performance.now();
    await run();
    timesMs.push(performance.now() - from);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const median = timesMs.sort((a, b) => a - b)[(RUNS - 1) / 2]!;
  print([what, profile, median.toFixed(0), ((user + system) / 1000 / RUNS).toFixed(0), roundTrips, requests]);
}

function print(cells: (string | number)[]): void {
  console.log(`| ${cells.join(' | ')} |`);
}
