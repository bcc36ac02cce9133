import { join } from 'node:path';
import type { OptionValues } from 'commander';
import {
  blocksText,
  COMPETITIONS_FOLDER,
  DiskWatch,
  dashboardPages,
  type EpochReport,
  type HubRequests,
  keepFiles,
  METRICS_FILES,
  REPORT_FILES,
  type Scorer,
  StatusFile,
  type Subtensor,
  type Trainer,
  type ValidatorEvent,
  ValidatorMetrics,
  type ValidatorState,
  ValidatorWatch,
  validatorPages,
  WebServer,
  watchChain,
} from 'flock-off';
import { unsent } from './dry-run.ts';
import type { OpenCompetition } from './open-competitions.ts';
import type { CommonOptions } from './options.ts';
import type { Owners } from './owners.ts';
import { maskSecrets } from './secrets.ts';
import type { Saying } from './status.ts';
import { backendText, showEvents } from './terminal.ts';

export interface WatchValidatorParameters {
  /** Of the command line. */
  flags: OptionValues;
  options: Pick<CommonOptions, 'logger' | 'logFolder' | 'logEpoch'>;
  netuid: number;
  competitions: (Pick<OpenCompetition, 'folder' | 'shares'> & {
    rules: Pick<OpenCompetition['rules'], 'competition'>;
  })[];
  hotkey: { address: string };
  state: Pick<ValidatorState, 'pendingReveals'>;
  hub: HubRequests;
  open: Owners;
  saying: Saying;
}

const DAY_MS = 86_400_000;

/**
 * What an operator sees of the validator, from here to the end of `open`: lines on the screen, `status.json` for
 * `flock-off status`, numbers and health on `--metrics_port`, a page on
 * `--dashboard_port`, and folders that do not grow for ever.
 */
export async function watchValidator(parameters: WatchValidatorParameters) {
  const { netuid, hotkey, state, hub, open, saying, options, competitions } = parameters;
  const flags = parameters.flags as WatchFlags;
  const { say, doing } = saying;
  const { logger, logFolder, logEpoch } = options;
  const ids = competitions.map(({ rules }) => rules.competition.id);
  const reports = competitions.map((one) => join(one.folder, 'reports'));
  const watch = new ValidatorWatch({ netuid, competition: ids, hotkey: hotkey.address, mask: maskSecrets });
  const stopped = new AbortController();
  const running: Promise<unknown>[] = [];
  const { data_dir: data, metrics_dir: metricsDir, cache_dir: cache } = flags;
  const folders = {
    ...{ state: join(data, 'state'), fingerprints: join(data, 'state-fingerprints'), reports: reports[0]! },
    ...(competitions[0]!.shares !== null && { competitions: join(data, COMPETITIONS_FOLDER) }),
    ...{ cache, ...(metricsDir && { metrics: metricsDir }), ...(logFolder && { logs: logFolder }) },
  };
  open.own(watch, async () => {
    watch.ended();
    stopped.abort();
    await Promise.all(running);
  });
  if (flags.metrics_port !== undefined) {
    const disk = new DiskWatch({ folders });
    running.push(disk.run({ signal: stopped.signal }));
    const metrics = await ValidatorMetrics.open({ watch, disk, hub, pendingReveals: state.pendingReveals });
    const { metrics_port: port, metrics_host: host, metrics_names: names } = flags;
    const pages = validatorPages({ watch, metrics });
    const server = open.own(await WebServer.open({ port, host, names, pages }), (it) => it.close());
    say(`metrics and health are served at ${server.url}`);
  }
  if (flags.dashboard_port !== undefined) {
    const ofEach = ids.map((competition, i) => ({ competition, reports: reports[i]! }));
    const pages = dashboardPages({ reports: ofEach, metrics: metricsDir, watch });
    const server = open.own(await WebServer.open({ port: flags.dashboard_port, pages }), (it) => it.close());
    say(`the dashboard is at ${server.url}`);
  }
  running.push(new StatusFile({ path: join(data, 'status.json'), watch, logger }).run({ signal: stopped.signal }));
  open.own(watch.subscribe(showEvents({ say, doing, watch, blockThreshold: flags.block_threshold })), (end) => end());
  // What others than the dry run have left is not its to remove.
  const prune = async () => {
    if (!flags.dry_run) await removeOld(flags, reports, (line) => logger.debug(line));
  };
  let pruning = prune();
  return {
    onEventOf: (id: string) => {
      const tell = watch.onEventOf(id);
      return (event: ValidatorEvent) => {
        if (event.kind === 'drawn') logEpoch(event.block);
        const isDry = flags.dry_run && event.kind === 'finished';
        tell(isDry ? { ...event, report: unsent(event.report) } : event);
      };
    },
    /** Until the chain is closed. */
    follow(subtensor: Subtensor): Subtensor {
      const end = new AbortController();
      const following = watchChain({ watch, subtensor, netuid, signal: end.signal });
      open.own(following, async () => {
        end.abort();
        await following;
      });
      return subtensor;
    },
    trainsOn(trainer: Trainer | Scorer): void {
      doing(null);
      say(`training on ${backendText(trainer)}`);
      watch.deviceOpened(backendText(trainer));
    },
    reported({ startBlock, competition: id }: EpochReport, isLast: boolean): void {
      const { blocksPerEpoch } = competitions.find(({ rules }) => rules.competition.id === id)!.rules.competition;
      const nextBlock = startBlock + (flags.blocks_per_epoch ?? blocksPerEpoch);
      const { chain } = watch.snapshot();
      const left =
        chain && nextBlock > chain.block ? `, in ${blocksText(nextBlock - chain.block, chain.blockTimeMs)}` : '';
      doing(isLast ? null : `waiting for block ${nextBlock}${left}, where the next epoch begins`);
      pruning = pruning.then(prune);
    },
  };
}

/** Those of validator.ts that it goes by. */
interface WatchFlags {
  dry_run: boolean;
  data_dir: string;
  cache_dir: string;
  metrics_dir?: string;
  metrics_port?: number;
  dashboard_port?: number;
  metrics_host: string;
  metrics_names?: string[];
  block_threshold: number;
  keep_days: number;
  keep_gb: number;
  blocks_per_epoch?: number;
}

async function removeOld(flags: WatchFlags, reports: string[], say: (line: string) => void): Promise<void> {
  const { metrics_dir, keep_days, keep_gb } = flags;
  const limits = { maxAgeMs: keep_days * DAY_MS, maxBytes: keep_gb * 1e9, nowMs: Date.now() };
  const old = reports.map((folder) => ({ folder, names: REPORT_FILES }));
  if (metrics_dir) old.push({ folder: metrics_dir, names: METRICS_FILES });
  for (const { folder, names } of old) {
    const { removed, bytes } = await keepFiles({ folder, names, ...limits });
    if (removed > 0) say(`${removed} old files of ${bytes} bytes were removed from ${folder}`);
  }
}
