/** A validator of one epoch as a process of its own, whose trainer is a fleet: `spec results`. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ChainMetadataStore,
  type Competition,
  DatasetChecker,
  HubDatasetStore,
  loadEvaluationSet,
  runEpoch,
  Subtensor,
  ValidatorState,
  WalletHotkey,
  WeightSetter,
} from 'flock-off';
import { NETUID, withOneSeed } from '../../validator/miners.ts';
import { foundIn } from '../miners-of-epoch.ts';
import { openFleet } from '../world.ts';

export interface Spec {
  /** Of the queue. */
  url: string;
  workers: string[];
  chain: string;
  hub: string;
  /** With the wallet and the evaluation set. */
  folder: string;
  stateFolder: string;
  competition: Competition;
}

const [specFile = '', resultsFile = ''] = process.argv.slice(2);
const spec = JSON.parse(readFileSync(specFile, 'utf8')) as Spec;
const { folder, competition } = spec;
const say = (line: string) => console.log(line);
const logger = { debug() {}, info() {}, warn: say, error: say };
const subtensor = await Subtensor.open({ endpoint: spec.chain });
const state = await ValidatorState.open({ path: spec.stateFolder });
const fleet = await openFleet(spec.url, spec.workers, {
  // A busy machine lets workers be silent for long.
  ...{ competition, recheckOneIn: 2, isVolatile: true, aliveMs: 15_000, logger, signal: undefined },
});
const report = await runEpoch({
  validator: {
    ...{ netuid: NETUID, competition, trainer: fleet, state, logger, blockThreshold: 50 },
    subtensor: withOneSeed(subtensor),
    metadata: new ChainMetadataStore({ subtensor, netuid: NETUID }),
    weightSetter: new WeightSetter({
      ...{ subtensor, netuid: NETUID, pendingReveals: state.pendingReveals },
      hotkey: await WalletHotkey.open({ path: folder, name: 'validator' }),
    }),
    datasets: new HubDatasetStore({ endpoint: spec.hub, attempts: 2 }),
    checker: new DatasetChecker(),
    evaluation: await loadEvaluationSet({ path: join(folder, 'evaluation.jsonl') }),
    cacheDir: join(spec.stateFolder, 'cache'),
    onEvent: ({ kind }) => say(kind),
  },
});
writeFileSync(`${resultsFile}.tmp`, JSON.stringify(foundIn(report)));
renameSync(`${resultsFile}.tmp`, resultsFile);
await fleet.close();
process.exit(0);
