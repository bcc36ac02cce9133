import type { Command } from 'commander';
import {
  ChainMetadataStore,
  DatasetChecker,
  type EpochReport,
  type Validator,
  WeightSetter,
  waitUntilAvailable,
} from 'flock-off';
import { beginWithLedger } from './begin-with-ledger.ts';
import { DryWeightSetter, unsent } from './dry-run.ts';
import { expandFlags } from './flags.ts';
import { knownSubnet } from './known-subnet.ts';
import { withLocalSubnet } from './local-subnet.ts';
import { openChain } from './open-chain.ts';
import { openCompetitions, openScorers, playCompetitions, readCompetitions } from './open-competitions.ts';
import { openHub } from './open-hub.ts';
import { openScorer } from './open-scorer.ts';
import { commonOptions, readBeacon } from './options.ts';
import { Owners } from './owners.ts';
import { pendingReveal } from './pending-reveal.ts';
import { reportTable } from './report-table.ts';
import { runAsMain } from './run-as-main.ts';
import { publishSamples } from './sample-miners.ts';
import { type Saying, silent } from './status.ts';
import { tellWait } from './tell-wait.ts';
import { parseFlags, validatorCommand } from './validator-command.ts';
import { openWallet } from './wallet.ts';
import { watchValidator } from './watch-validator.ts';

/** Evaluates the miners' datasets epoch after epoch and sets their weights on the chain. */
export async function main(argv: string[], signal?: AbortSignal, status: Saying = silent): Promise<EpochReport[]> {
  const flags = await expandFlags(validatorCommand(), argv);
  const { local } = parseFlags([...flags.settings, ...flags.given]).opts();
  const open = new Owners();
  try {
    if (local) status.doing('starting a local subnet');
    const subnet = await withLocalSubnet({ local, flags, wallet: 'validator', populate: publishSamples, signal });
    open.own(subnet, ({ close }) => close());
    return await validate(parseFlags(subnet.argv), open, signal, status);
  } finally {
    await open.close();
  }
}

async function validate(
  command: Command,
  open: Owners,
  signal: AbortSignal | undefined,
  saying: Saying,
): Promise<EpochReport[]> {
  const { say, show, doing } = saying;
  const flags = command.opts();
  const options = commonOptions(command);
  const named = await readCompetitions(command, options, signal);
  const beacon = flags.beacon_file && (await readBeacon(flags.beacon_file));
  const hotkey = await openWallet(options, signal);
  const { data_dir: folder, hide_weights: hide } = flags;
  const { logger } = options;
  const { datasets, evaluationSets, pulseSources, requests: hub } = openHub(options, flags.drand_url);
  const opening = { named, flags, options, hotkey, datasets, open, say, signal };
  const { competitions, state } = await openCompetitions(opening);
  const { netuid, competition } = competitions[0].rules;
  const watched = await watchValidator({ flags, options, netuid, competitions, hotkey, state, hub, open, saying });
  const checker = open.own(new DatasetChecker({ logger }), (it) => it.close());
  doing('connecting to the chain');
  const subtensor = watched.follow(open.own(await openChain(options, signal), (it) => it.close()));
  const played = competitions.map(({ rules, shares }) => ({ ...rules, shares }));
  const expected = await knownSubnet({ subtensor, netuid, competitions: played, folder, say, signal });
  await beginWithLedger({ state, subtensor, netuid, competition, flags, say, signal });
  const { pendingReveals } = state;
  const Setter = flags.dry_run ? DryWeightSetter : WeightSetter;
  const weightSetter = new Setter({ subtensor, netuid, expected, hotkey, pendingReveals, hide, beacon, logger });
  const onWait = tellWait('the chain', logger);
  await waitUntilAvailable({ attempt: () => weightSetter.requirePermit({ signal }), onWait, signal });
  const scorers = await openScorers(competitions, {
    isFleet: flags.queue !== undefined,
    openOne: (rules, baseModels) =>
      openScorer({ command, options, rules, baseModels, hotkey, subtensor, checker, open, doing, signal }),
  });
  watched.trainsOn(scorers[0]!);
  const metadata = new ChainMetadataStore({ subtensor, netuid, expected });
  const validators = competitions.map(
    ({ rules: { competition, policy }, evaluation, state, receipts }, i): Validator => ({
      ...{ netuid, competition, policy, subtensor, metadata, weightSetter, receipts, logger },
      ...{ datasets, checker, trainer: scorers[i]!, evaluation, evaluationSets, pulseSources, state },
      ...{ cacheDir: flags.cache_dir, metricsDir: flags.metrics_dir, onEvent: watched.onEventOf(competition.id) },
      minersPerEpoch: flags.miner_sample_size,
      blockThreshold: flags.block_threshold,
    }),
  );
  const reports: EpochReport[] = [];
  await playCompetitions({
    ...{ competitions, validators, state, restUid: flags.rest_uid },
    blocksPerEpoch: flags.blocks_per_epoch,
    epochs: flags.epochs,
    signal,
    onReport: (found) => {
      const report = flags.dry_run ? unsent(found) : found;
      // Without an end it would keep them for ever.
      if (flags.epochs !== undefined) reports.push(report);
      show(reportTable(report));
      watched.reported(report, reports.length === flags.epochs * competitions.length);
    },
  });
  const pending = await pendingReveal({ weightSetter, signal });
  if (pending !== null) say(pending);
  return reports;
}

await runAsMain(import.meta.url, main);
