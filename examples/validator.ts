import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ChainMetadataStore,
  connectSubtensor,
  createHubDatasetStore,
  type EpochReport,
  LoraTrainer,
  loadEvaluationSet,
  openHotkey,
  runValidator,
  ValidatorState,
  WeightSetter,
} from 'flock-off';
import { withLocalSubnet } from './local-subnet.ts';
import { commonOptions, hubToken, readCompetition, subnetCommand, wholeNumber } from './options.ts';
import { runAsMain } from './run-as-main.ts';
import { publishSamples } from './sample-miners.ts';
import { reportTable, showEvents } from './terminal.ts';

/** Evaluates the miners' datasets epoch after epoch and sets their weights on the chain. */
export async function main(
  argv: string[],
  signal?: AbortSignal,
  print: (line: string) => void = console.log,
): Promise<EpochReport[]> {
  const local = await withLocalSubnet(argv, 'validator', publishSamples);
  const command = subnetCommand('validator', 'Score datasets and set weights on the chain.')
    .option('--blocks_per_epoch <blocks>', 'blocks between two evaluations', wholeNumber, 360)
    .option('--miner_sample_size <miners>', 'miners evaluated in an epoch', wholeNumber, 32)
    .option(
      '--block_threshold <blocks>',
      "send weights this many blocks before the subnet's epoch ends",
      wholeNumber,
      50,
    )
    .option('--cache_dir <folder>', 'downloaded datasets and models', join('.flock-off', 'cache'))
    .option('--data_dir <folder>', 'state and reports; back it up', join('.flock-off', 'validator'))
    .option('--eval_data_dir <folder>', 'folder with the evaluation set', 'eval_data')
    .option('--base_model <model>', 'hub id or folder', 'Qwen/Qwen2.5-1.5B-Instruct')
    .option('--epochs <count>', 'stop after this many', wholeNumber)
    .parse(local.argv, { from: 'user' });
  const flags = command.opts();
  const options = commonOptions(command);
  const { logger } = options;

  const competition = await readCompetition(flags.competition_file);
  const hotkey = await openHotkey({ path: options.walletPath, name: options.walletName, hotkey: options.walletHotkey });
  const evaluation = await loadEvaluationSet({ path: join(flags.eval_data_dir, 'data.jsonl') });
  const state = await ValidatorState.open({ path: join(flags.data_dir, 'state') });
  const datasets = createHubDatasetStore({ endpoint: options.hubEndpoint, token: hubToken(), logger });
  const subtensor = await connectSubtensor({
    endpoint: options.chainEndpoint,
    network: options.network,
    signal,
    logger,
  });
  const trainer = await LoraTrainer.load({ model: flags.base_model, cacheDir: flags.cache_dir, signal });
  const reports: EpochReport[] = [];
  try {
    await runValidator(
      {
        netuid: options.netuid,
        competition,
        subtensor,
        metadata: new ChainMetadataStore({ subtensor, netuid: options.netuid }),
        weightSetter: new WeightSetter({
          subtensor,
          netuid: options.netuid,
          hotkey,
          pendingReveals: state.pendingReveals,
          logger,
        }),
        datasets,
        trainer,
        evaluation,
        state,
        cacheDir: flags.cache_dir,
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
          const folder = join(flags.data_dir, 'reports');
          await mkdir(folder, { recursive: true });
          await writeFile(join(folder, `block-${report.startBlock}.json`), JSON.stringify(report, null, 2));
        },
      },
    );
    return reports;
  } finally {
    trainer.dispose();
    await subtensor.close();
    await state.close();
    await local.close();
  }
}

await runAsMain(import.meta.url, main);
