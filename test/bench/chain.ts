/**
 * `npm run bench:chain`: the chain client against a local chain in a process of its own, as medians; round trips are
 * sequential waits (see test/chain/round-trips.ts).
 *
 *     npm run bench:chain [-- metagraph commitments epoch]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  ChainMetadataStore,
  Competition,
  connectSubtensor,
  type DatasetRow,
  type DatasetStore,
  type LoraTrainer,
  loadEvaluationSet,
  runEpoch,
  type Subtensor,
  ValidatorState,
  WeightSetter,
} from 'flock-off';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { countRoundTrips } from '../chain/round-trips.ts';
import { type ChainServerParameters, NETUID } from './chain-server.ts';

const RUNS = 31;
/** Of the validator, for the end of the subnet's epoch. */
const WAIT_BLOCKS = 20;
const PROFILES = ['legacy', 'current'] as const;

const BENCHES: Record<string, () => Promise<void>> = { metagraph, commitments, epoch };

const wanted = process.argv.slice(2);
console.log('| what | profile | median ms | CPU ms of the client | round trips | requests |');
console.log('|---|---|---|---|---|---|');
for (const [name, bench] of Object.entries(BENCHES)) if (wanted.length === 0 || wanted.includes(name)) await bench();

async function metagraph(): Promise<void> {
  for (const profile of PROFILES)
    await onChain({ profile, neurons: 256 }, (subtensor) =>
      measure('metagraph, 256 neurons', profile, () => subtensor.metagraph(NETUID)),
    );
}

async function commitments(): Promise<void> {
  for (const profile of PROFILES)
    await onChain({ profile, neurons: 257 }, (subtensor) =>
      measure('commitments, 256 of them', profile, () => subtensor.commitments(NETUID)),
    );
}

/** What a whole epoch of the validator asks of the chain, its wait for the end of the subnet's epoch included. */
async function epoch(): Promise<void> {
  for (const profile of PROFILES)
    for (const miners of [10, 255]) {
      await onChain({ profile, neurons: miners + 1 }, async (subtensor, produceBlocks) => {
        const folder = await mkdtemp(join(tmpdir(), 'flock-off-bench-'));
        const state = await ValidatorState.open({ path: join(folder, 'state') });
        try {
          const { block, nextEpochBlock } = await subtensor.metagraph(NETUID);
          const blockThreshold = nextEpochBlock - block - WAIT_BLOCKS;
          const validator = await validatorIn(folder, subtensor, state, blockThreshold);
          const { roundTrips, requests } = await countRoundTrips(() =>
            runEpoch({ ...validator, onEvent: ({ kind }) => kind === 'waiting' && produceBlocks() }),
          );
          print([`validator epoch, ${miners} miners`, profile, '-', '-', roundTrips, requests]);
        } finally {
          await state.close();
          await rm(folder, { recursive: true, force: true });
        }
      });
    }
}

/** A validator whose hub and trainer take no time: what is left is the chain. */
async function validatorIn(folder: string, subtensor: Subtensor, state: ValidatorState, blockThreshold: number) {
  const competition = Competition.parse({});
  const lines = (topic: string) =>
    Array.from({ length: competition.minRows }, (_, i) => `${JSON.stringify(rowOn(topic, i))}\n`).join('');
  const evaluationPath = join(folder, 'eval.jsonl');
  await writeFile(evaluationPath, lines('evaluation'));
  const datasets: Pick<DatasetStore, 'download'> = {
    download: async ({ repo, to }) => {
      const text = lines(repo);
      await mkdir(dirname(to), { recursive: true });
      await writeFile(to, text);
      return { ok: true, value: { path: to, sha256: repo, bytes: text.length } };
    },
  };
  const trainer = {
    baseSha256: '',
    train: async () => ({ ok: true, value: { adapter: {} } }),
    evaluate: async () => ({ ok: true, value: { lossNatsPerToken: 1 } }),
  };
  return {
    netuid: NETUID,
    competition,
    subtensor,
    metadata: new ChainMetadataStore({ subtensor, netuid: NETUID }),
    weightSetter: new WeightSetter({
      subtensor,
      netuid: NETUID,
      hotkey: await devHotkey('neuron 0'),
      pendingReveals: state.pendingReveals,
    }),
    datasets: datasets as DatasetStore,
    trainer: trainer as unknown as LoraTrainer,
    evaluation: await loadEvaluationSet({ path: evaluationPath }),
    state,
    cacheDir: join(folder, 'cache'),
    blockThreshold,
  };
}

function rowOn(topic: string, i: number): DatasetRow {
  return {
    conversations: [
      { role: 'user', content: `What is ${topic} ${i}?` },
      { role: 'assistant', content: `It is number ${i} of ${topic}.` },
    ],
  } as DatasetRow;
}

async function onChain(
  parameters: ChainServerParameters,
  use: (subtensor: Subtensor, produceBlocks: () => void) => Promise<void>,
): Promise<void> {
  const server = fork(fileURLToPath(new URL('chain-server.ts', import.meta.url)), [JSON.stringify(parameters)]);
  const [endpoint] = (await once(server, 'message')) as [string];
  const subtensor = await connectSubtensor({ endpoint });
  try {
    await use(subtensor, () => server.send('produce blocks'));
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
