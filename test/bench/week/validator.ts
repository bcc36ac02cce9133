/**
 * The validator of `npm run bench:week`, in a process of its own, on the built package: the flags of `flock-off validator` and
 * the parts of examples/validator.ts, but a trainer whose losses follow from the rows in no time.
 */
import { once } from 'node:events';
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  ChainMetadataStore,
  Competition,
  DatasetChecker,
  loadEvaluationSet,
  ReceiptFolder,
  readCompetitionFile,
  runValidator,
  type Trainer,
  TrainerPool,
  type TrainParameters,
  WeightSetter,
} from 'flock-off';
import { TINY_EVAL_DATA } from 'flock-off/local';
import { closeLogs, recordSaid } from '../../../examples/log.ts';
import { openChain } from '../../../examples/open-chain.ts';
import { openHub } from '../../../examples/open-hub.ts';
import { openState } from '../../../examples/open-state.ts';
import { commonOptions } from '../../../examples/options.ts';
import { Owners } from '../../../examples/owners.ts';
import { Status } from '../../../examples/status.ts';
import { parseFlags } from '../../../examples/validator-command.ts';
import { openWallet } from '../../../examples/wallet.ts';
import { watchValidator } from '../../../examples/watch-validator.ts';
import { stubTrainer } from '../../fleet/stub-trainer.ts';
import { KEEP_BYTES } from './limits.ts';

/** What the parent is told after each epoch, before it lets the next one begin; memory in bytes, of this process. */
export interface EpochTold {
  startBlock: number;
  scored: number;
  sent: boolean;
  memory: NodeJS.MemoryUsage;
  /** After a garbage collection that was asked for. */
  collected?: boolean;
}

const STEPS = 20;

const argv = process.argv.slice(2);
const command = parseFlags(argv).setOptionValue('keep_gb', KEEP_BYTES / 1e9);
const flags = command.opts();
const options = commonOptions(command);
const { logger } = options;
const { netuid, data_dir: folder } = flags;
const competition = Competition.parse(await readCompetitionFile({ path: flags.competition_file }));
const status = new Status({ print: () => {}, onSay: recordSaid });
const { datasets, evaluationSets, requests: hub } = openHub(options);
const open = new Owners();
const hotkey = await openWallet(options);
const state = open.own(await openState({ folder, repair: false, say: status.say }), (it) => it.close());
const competitions = [{ rules: { competition }, folder, shares: null }];
const watched = await watchValidator({
  flags,
  options,
  netuid,
  competitions,
  hotkey,
  state,
  hub,
  open,
  saying: status,
});
const checker = open.own(new DatasetChecker({ logger }), (it) => it.close());
const subtensor = watched.follow(open.own(await openChain(options), (it) => it.close()));
const trainer = new TrainerPool({ trainers: [quickTrainer()], checker, logger });
watched.trainsOn(trainer);
await runValidator({
  validator: {
    ...{ netuid, competition, subtensor, checker, trainer, state, logger },
    metadata: new ChainMetadataStore({ subtensor, netuid }),
    weightSetter: new WeightSetter({ subtensor, netuid, hotkey, pendingReveals: state.pendingReveals, logger }),
    ...{ datasets, evaluationSets },
    evaluation: await loadEvaluationSet({ path: join(TINY_EVAL_DATA, 'data.jsonl') }),
    receipts: new ReceiptFolder({ folder: join(folder, 'reports'), hotkey }),
    cacheDir: flags.cache_dir,
    metricsDir: flags.metrics_dir,
    minersPerEpoch: flags.miner_sample_size,
    blockThreshold: flags.block_threshold,
    onEvent: watched.onEventOf(competition.id),
  },
  epochs: flags.epochs,
  onReport: async (report) => {
    watched.reported(report, false);
    const { startBlock, receipt, entries } = report;
    const scored = entries.filter(({ outcome }) => outcome.kind === 'scored').length;
    const told: EpochTold = { startBlock, scored, sent: receipt !== null, memory: process.memoryUsage() };
    process.send?.(told);
    const [answer] = await once(process, 'message');
    if (answer !== 'collect') return;
    gc?.();
    process.send?.({ ...told, memory: process.memoryUsage(), collected: true });
    await once(process, 'message');
  },
});
await open.close();
status.close();
await closeLogs();
process.disconnect?.();

/** Tells of each step, and leaves metrics, as a real one does. */
function quickTrainer(): Trainer {
  const stub = stubTrainer();
  const untrained = stubTrainer({ wrongBy: 1 });
  return {
    ...stub,
    evaluate: (parameters) => (parameters.adapter ? stub : untrained).evaluate(parameters),
    async train(parameters: TrainParameters) {
      const { metricsPath, onProgress } = parameters;
      const lines = Array.from({ length: STEPS }, (_, i) => ({
        ...{ step: i + 1, steps: STEPS, epoch: 0, lossNatsPerToken: 3 / (i + 2), learningRate: 2e-4 },
        ...{ gradNorm: 1, tokensPerSecond: 900, tokens: 1024, durationMs: 1_000, etaMs: 0 },
      }));
      for (const progress of lines) onProgress?.(progress);
      if (metricsPath) {
        await mkdir(dirname(metricsPath), { recursive: true });
        await appendFile(metricsPath, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      }
      return stub.train({ ...parameters, signal: undefined, onProgress: undefined });
    },
  };
}
