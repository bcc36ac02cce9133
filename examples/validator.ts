import { join } from 'node:path';
import type { Command } from 'commander';
import {
  ChainMetadataStore,
  connectSubtensor,
  createHubDatasetStore,
  type EpochReport,
  LoraTrainer,
  runValidator,
  ValidatorState,
  WeightSetter,
} from 'flock-off';
import { openEvaluationSet } from './evaluation-set.ts';
import { withLocalSubnet } from './local-subnet.ts';
import { commonOptions, readBeacon, readCompetition } from './options.ts';
import { owedReveal } from './owed-reveal.ts';
import { Owners } from './owners.ts';
import { runAsMain } from './run-as-main.ts';
import { publishSamples } from './sample-miners.ts';
import { storeReport } from './store-report.ts';
import { backendText, reportTable, showEvents } from './terminal.ts';
import { validatorCommand } from './validator-command.ts';
import { openWallet } from './wallet.ts';

/** Evaluates the miners' datasets epoch after epoch and sets their weights on the chain. */
export async function main(
  argv: string[],
  signal?: AbortSignal,
  print: (line: string) => void = console.log,
): Promise<EpochReport[]> {
  const { local } = validatorCommand().parse(argv, { from: 'user' }).opts();
  const open = new Owners();
  try {
    const subnet = await withLocalSubnet({ local, argv, wallet: 'validator', populate: publishSamples, signal });
    open.own(subnet, ({ close }) => close());
    return await validate(validatorCommand().parse(subnet.argv, { from: 'user' }), open, signal, print);
  } finally {
    await open.close();
  }
}

async function validate(
  command: Command,
  open: Owners,
  signal: AbortSignal | undefined,
  print: (line: string) => void,
): Promise<EpochReport[]> {
  const flags = command.opts();
  const options = commonOptions(command);

  const competition = await readCompetition(flags.competition_file);
  const beacon = flags.beacon_file && (await readBeacon(flags.beacon_file));
  const hotkey = await openWallet(options, signal);
  const evaluation = await openEvaluationSet({ folder: flags.eval_data_dir, baseModel: flags.base_model, signal });
  const state = open.own(await ValidatorState.open({ path: join(flags.data_dir, 'state') }), (it) => it.close());
  const { chainEndpoints: endpoints, network, netuid, hubEndpoint, hubToken, logger } = options;
  const datasets = createHubDatasetStore({ endpoint: hubEndpoint, token: hubToken, logger });
  const subtensor = open.own(await connectSubtensor({ endpoints, network, signal, logger }), (it) => it.close());
  const { pendingReveals } = state;
  const hide = flags.hide_weights;
  const weightSetter = new WeightSetter({ subtensor, netuid, hotkey, pendingReveals, hide, beacon, logger });
  await weightSetter.requirePermit({ signal });
  const base = { model: flags.base_model, cacheDir: flags.cache_dir, hubEndpoint, hubToken, logger };
  const trainer = open.own(
    await LoraTrainer.load({ ...base, recipe: competition.recipe, env: flags.training_env, signal }),
    (it) => it.dispose(),
  );
  const reports: EpochReport[] = [];
  print(`training on ${backendText(trainer)}`);
  await runValidator(
    {
      netuid,
      competition,
      subtensor,
      metadata: new ChainMetadataStore({ subtensor, netuid }),
      weightSetter,
      datasets,
      trainer,
      evaluation,
      state,
      cacheDir: flags.cache_dir,
      metricsDir: flags.metrics_dir,
      minersPerEpoch: flags.miner_sample_size,
      blockThreshold: flags.block_threshold,
      onEvent: showEvents(print),
      logger,
    },
    {
      blocksPerEpoch: flags.blocks_per_epoch,
      epochs: flags.epochs,
      signal,
      onReport: async (report) => {
        reports.push(report);
        print(reportTable(report));
        await storeReport(report, join(flags.data_dir, 'reports'), logger);
      },
    },
  );
  const owed = await owedReveal({ weightSetter, signal });
  if (owed !== null) print(owed);
  return reports;
}

await runAsMain(import.meta.url, main);
