import { join } from 'node:path';
import type { Command } from 'commander';
import {
  ChainMetadataStore,
  DatasetChecker,
  type EpochReport,
  HubDatasetStore,
  hubCacheFolder,
  LoraTrainer,
  runValidator,
  Subtensor,
  WeightSetter,
  waitUntilAvailable,
} from 'flock-off';
import { beginWithLedger } from './begin-with-ledger.ts';
import { openEvaluationSet } from './evaluation-set.ts';
import { knownSubnet } from './known-subnet.ts';
import { withLocalSubnet } from './local-subnet.ts';
import { openState } from './open-state.ts';
import { commonOptions, readBeacon, requireNetuid } from './options.ts';
import { Owners } from './owners.ts';
import { pendingReveal } from './pending-reveal.ts';
import { readRules } from './rules.ts';
import { runAsMain } from './run-as-main.ts';
import { publishSamples } from './sample-miners.ts';
import { type Saying, silent } from './status.ts';
import { storeReport } from './store-report.ts';
import { tellWait } from './tell-wait.ts';
import { backendText, reportTable, showEvents } from './terminal.ts';
import { validatorCommand } from './validator-command.ts';
import { openWallet } from './wallet.ts';

/** Evaluates the miners' datasets epoch after epoch and sets their weights on the chain. */
export async function main(argv: string[], signal?: AbortSignal, status: Saying = silent): Promise<EpochReport[]> {
  const { local } = validatorCommand().parse(argv, { from: 'user' }).opts();
  const open = new Owners();
  try {
    if (local) status.doing('starting a local subnet');
    const subnet = await withLocalSubnet({ local, argv, wallet: 'validator', populate: publishSamples, signal });
    open.own(subnet, ({ close }) => close());
    return await validate(validatorCommand().parse(subnet.argv, { from: 'user' }), open, signal, status);
  } finally {
    await open.close();
  }
}

async function validate(
  command: Command,
  open: Owners,
  signal: AbortSignal | undefined,
  { say, show, doing }: Saying,
): Promise<EpochReport[]> {
  const flags = command.opts();
  const options = commonOptions(command);
  const netuid = requireNetuid(command);

  const { competition, policy } = await readRules(flags);
  const beacon = flags.beacon_file && (await readBeacon(flags.beacon_file));
  const hotkey = await openWallet(options, signal);
  const evaluation = await openEvaluationSet({ folder: flags.eval_data_dir, baseModel: flags.base_model, signal });
  const { data_dir: folder, repair_state: repair } = flags;
  const state = open.own(await openState({ folder, repair, say }), (it) => it.close());
  const { chainEndpoints: endpoints, network, maxClockDifferenceMs, hubEndpoint, hubToken, logger } = options;
  const datasets = new HubDatasetStore({ endpoint: hubEndpoint, token: hubToken, logger });
  const checker = open.own(new DatasetChecker({ logger }), (it) => it.close());
  const chainWait = { onWait: tellWait('the chain', logger), signal };
  const node = { endpoints, network, maxClockDifferenceMs, wait: true, ...chainWait };
  doing('connecting to the chain');
  const subtensor = open.own(await Subtensor.open({ ...node, logger }), (it) => it.close());
  const expected = await knownSubnet({ subtensor, netuid, folder, say, signal });
  await beginWithLedger({ state, subtensor, netuid, competition, flags, say, signal });
  const { pendingReveals } = state;
  const hide = flags.hide_weights;
  const weightSetter = new WeightSetter({ subtensor, netuid, expected, hotkey, pendingReveals, hide, beacon, logger });
  await waitUntilAvailable({ attempt: () => weightSetter.requirePermit({ signal }), ...chainWait });
  doing(`loading the base model ${flags.base_model}`);
  const hubCacheDir = hubCacheFolder(process.env);
  const base = { model: flags.base_model, hubCacheDir, cacheDir: flags.cache_dir, hubEndpoint, hubToken, logger };
  const load = () => LoraTrainer.open({ ...base, recipe: competition.recipe, env: flags.training_env, signal });
  const trainer = await waitUntilAvailable({ attempt: load, onWait: tellWait('the hub', logger), signal });
  open.own(trainer, (it) => it.dispose());
  const reports: EpochReport[] = [];
  doing(null);
  say(`training on ${backendText(trainer)}`);
  await runValidator({
    validator: {
      ...{ netuid, competition, policy },
      subtensor,
      metadata: new ChainMetadataStore({ subtensor, netuid, expected }),
      weightSetter,
      datasets,
      checker,
      trainer,
      evaluation,
      state,
      cacheDir: flags.cache_dir,
      metricsDir: flags.metrics_dir,
      minersPerEpoch: flags.miner_sample_size,
      blockThreshold: flags.block_threshold,
      onEvent: showEvents(say, doing),
      logger,
    },
    blocksPerEpoch: flags.blocks_per_epoch,
    epochs: flags.epochs,
    signal,
    onReport: async (report) => {
      reports.push(report);
      show(reportTable(report));
      const nextBlock = report.startBlock + (flags.blocks_per_epoch ?? competition.blocksPerEpoch);
      doing(reports.length === flags.epochs ? null : `waiting for block ${nextBlock}, where the next epoch begins`);
      await storeReport(report, join(flags.data_dir, 'reports'), logger);
    },
  });
  const pending = await pendingReveal({ weightSetter, signal });
  if (pending !== null) say(pending);
  return reports;
}

await runAsMain(import.meta.url, main);
