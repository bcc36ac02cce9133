import type { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { FlockOffError, type FlockOffErrorCode } from '../errors/flock-off-error.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { judgeHealth } from './health.ts';
import { snapshotsOf, type ValidatorSnapshot } from './snapshot.ts';
import type { WatchEvent, WatchedValidator } from './validator-watch.ts';
import type { FolderUse } from './watch-disk.ts';

export interface ValidatorMetricsParameters {
  watch: WatchedValidator;
  /** Folders with what they take; none by default. */
  disk?: { readonly folders: readonly FolderUse[] };
  /** Requests to the Hub by status, such as `HubRequests`. Default: not told. */
  hub?: { readonly byStatus: ReadonlyMap<string, number> };
  /** Commit-reveals that wait, or that the chain opens. Default: not told. */
  pendingReveals?: { list(): Promise<readonly unknown[]> };
  clock?: Pick<Clock, 'nowMs'>;
}

/** From the second that the tiny model takes to the hours of a long dataset. */
const SECONDS = [1, 5, 15, 60, 180, 600, 1_800, 3_600, 7_200, 14_400, 43_200];

/** A number for each moment at which it is asked: nothing is kept that the snapshot knows. */
type Gauges = Record<
  string,
  [help: string, read: (snapshot: ValidatorSnapshot, nowMs: number) => number | null | undefined]
>;

const seconds = (ms: number) => ms / 1000;
const yes = (value: boolean) => (value ? 1 : 0);

const GAUGES: Gauges = {
  healthy: ['1 while the loop moves within its deadline.', (it, now) => yes(judgeHealth(it, now).healthy)],
  ready: ['1 while chain and device are there.', (it, now) => yes(judgeHealth(it, now).ready)],
  last_moved_timestamp_seconds: ['When anything last went on: a step, a file, a block.', (it) => seconds(it.movedMs)],
  device_ready: ['1 once the training device is open.', (it) => yes(it.device !== null)],
  last_weights_timestamp_seconds: ['When weights were last sent.', ({ lastWeights: w }) => w && seconds(w.atMs)],
  last_weights_block: ['The block that has them.', ({ lastWeights: w }) => w?.block],
  validator_trust: ['vtrust of this validator, 0 to 1.', ({ subnet }) => subnet?.neuron?.validatorTrust ?? null],
  validator_permit: [
    '1 while it holds a validator permit.',
    ({ subnet }) => (subnet?.neuron ? yes(subnet.neuron.validatorPermit) : null),
  ],
  validator_registered: ['1 while the hotkey has a uid.', ({ subnet }) => subnet && yes(subnet.neuron !== null)],
  validator_stake_weight: ['What the chain weighs it by.', ({ subnet }) => subnet?.neuron?.stakeWeight ?? null],
  validator_last_update_block: [
    'The block of its last weights, as the chain says.',
    ({ subnet }) => subnet?.neuron?.lastUpdateBlock ?? null,
  ],
  metagraph_age_seconds: [
    'Age of the metagraph that this rests on.',
    ({ subnet }, now) => subnet && seconds(now - subnet.readMs),
  ],
  metagraph_neurons: ['Registered neurons.', ({ subnet }) => subnet?.neurons],
  chain_block: ['The best block.', ({ chain }) => chain?.block],
  chain_age_seconds: [
    'Since that block was first seen.',
    ({ chain }, now) => chain && seconds(now - chain.blockSeenMs),
  ],
  chain_block_time_seconds: ['Between two blocks.', ({ chain }) => chain && seconds(chain.blockTimeMs)],
  chain_epoch_blocks_left: [
    "Blocks until the subnet's epoch ends.",
    ({ chain }) => (chain && chain.nextEpochBlock !== null ? Math.max(0, chain.nextEpochBlock - chain.block) : null),
  ],
};

/** Of each competition. */
const OF_COMPETITION: Gauges = {
  interrupted: ['1 while the epoch waits for a fault to pass.', (it) => yes(it.fault !== null)],
  last_epoch_timestamp_seconds: ['When the last epoch ended.', ({ lastEpoch: e }) => e && seconds(e.atMs)],
  last_epoch_duration_seconds: ['How long the last epoch took.', ({ lastEpoch: e }) => e && seconds(e.durationMs)],
  last_epoch_start_block: ['The block in which the last epoch began.', ({ lastEpoch: e }) => e?.startBlock],
  epoch_running: ['1 while an epoch is worked on.', ({ epoch }) => yes(epoch !== null)],
  epoch_start_block: ['The block in which it began.', ({ epoch }) => epoch?.startBlock],
  epoch_age_seconds: [
    'Since its draw, or since it was gone on with.',
    ({ epoch }, now) => epoch && seconds(now - epoch.sinceMs),
  ],
  queue_drawn: ['Miners drawn.', ({ epoch }) => epoch?.drawn],
  queue_scoring: ['Of these, who is trained on.', ({ epoch }) => epoch?.scoring?.length ?? null],
  queue_left: [
    'Of these, who is still to come.',
    ({ epoch }) => {
      const settled = new Set(epoch?.settled.map(({ uid }) => uid));
      return epoch?.scoring?.filter((uid) => !settled.has(uid)).length ?? null;
    },
  ],
  work_running: ['Miners that are worked on now.', ({ epoch }) => epoch?.work.length ?? 0],
  training_progress_ratio: ['How far the training is, 0 to 1.', (it) => ofTraining(it, ({ done, of }) => done / of)],
  training_loss: ['Loss of the last step, nats per token.', (it) => ofTraining(it, (work) => work.lossNatsPerToken)],
  training_gradient_norm: ['L2 norm of its gradient.', (it) => ofTraining(it, ({ gradNorm }) => gradNorm)],
  training_tokens_per_second: [
    'Tokens read a second.',
    (it) => ofTraining(it, ({ tokensPerSecond }) => tokensPerSecond),
  ],
  baseline_loss: ['Loss of the base model alone.', ({ lastEpoch }) => lastEpoch?.baselineLossNatsPerToken ?? null],
  mean_loss: [
    'Mean loss of the miners scored in the last epoch.',
    ({ lastEpoch }) => {
      const losses = lastEpoch?.miners.flatMap(({ lossNatsPerToken }) => lossNatsPerToken ?? []) ?? [];
      return losses.length === 0 ? null : losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    },
  ],
};

type Training = NonNullable<ValidatorSnapshot['epoch']>['work'][number];

/** Of the training that was reported last. */
function ofTraining({ epoch }: ValidatorSnapshot, read: (work: Training) => number | null): number | null {
  const work = epoch?.work.findLast(({ phase }) => phase === 'training');
  return work ? read(work) : null;
}

/**
 * A validator in numbers, as Prometheus text; docs/monitoring lists the series. `prom-client` is loaded when it is opened.
 * @example
 * const metrics = await ValidatorMetrics.open({ watch });
 * console.log(await metrics.text());
 */
export class ValidatorMetrics {
  /** Of {@link ValidatorMetrics.text}, for HTTP. */
  readonly contentType: string;
  readonly #registry: Registry;
  readonly #series: Series;
  readonly #parameters: ValidatorMetricsParameters;
  readonly #now: () => number;
  readonly #unsubscribe: () => void;
  /** When what is being done for a uid began. */
  readonly #begun = new Map<string, number>();

  private constructor(registry: Registry, series: Series, parameters: ValidatorMetricsParameters) {
    const { watch, clock = systemClock } = parameters;
    this.contentType = registry.contentType;
    this.#registry = registry;
    this.#series = series;
    this.#parameters = parameters;
    this.#now = () => clock.nowMs();
    const ids = snapshotsOf(watch.snapshot()).map(({ competition }) => competition);
    for (const competition of ids)
      for (const one of [series.epochs, series.weightsSent, series.withoutWeights]) one.inc({ competition }, 0);
    // Alerts see the first of them only where the series has been at 0.
    for (const competition of ids.length > 1 ? [...ids, OF_ALL] : ids)
      for (const code of DEVICE_CODES) series.interruptions.inc({ code, competition }, 0);
    this.#unsubscribe = watch.subscribe((event, competition) => this.#note(event, competition ?? OF_ALL));
  }

  static async open(parameters: ValidatorMetricsParameters): Promise<ValidatorMetrics> {
    const prometheus = await import('prom-client');
    const registry = new prometheus.Registry();
    prometheus.collectDefaultMetrics({ register: registry });
    return new ValidatorMetrics(registry, makeSeries(prometheus, registry), parameters);
  }

  /** All series as of now. */
  async text(): Promise<string> {
    const { watch, disk, hub, pendingReveals } = this.#parameters;
    const snapshot = watch.snapshot();
    const nowMs = this.#now();
    const { gauges, info, minerLoss, minerWeight, minerScore, miners, folderBytes, freeBytes, reveals } = this.#series;
    const { hubRequests } = this.#series;
    const show = (name: string, value: number | null | undefined, labels: Record<string, string> = {}) => {
      // What is not known has no value, which alerts can tell from 0.
      if (value === null || value === undefined || Number.isNaN(value)) gauges.get(name)!.remove(labels);
      else gauges.get(name)!.set(labels, value);
    };
    for (const [name, [, read]] of Object.entries(GAUGES)) show(name, read(snapshot, nowMs));
    const { version, netuid, competition, hotkey, device } = snapshot;
    info.reset();
    info.set({ version, netuid: String(netuid), competition, hotkey, device: device ?? '' }, 1);
    for (const gauge of [minerLoss, minerWeight, minerScore, miners, folderBytes, freeBytes]) gauge.reset();
    for (const one of snapshotsOf(snapshot)) {
      const { competition, lastEpoch } = one;
      for (const [name, [, read]] of Object.entries(OF_COMPETITION)) show(name, read(one, nowMs), { competition });
      for (const { uid, lossNatsPerToken, score, weight } of lastEpoch?.miners ?? []) {
        if (lossNatsPerToken !== null) minerLoss.set({ uid, competition }, lossNatsPerToken);
        if (score !== null) minerScore.set({ uid, competition }, score);
        minerWeight.set({ uid, competition }, weight);
      }
      for (const kind of OUTCOMES) if (lastEpoch) miners.set({ outcome: kind, competition }, lastEpoch[kind]);
    }
    for (const { name, bytes, freeBytes: free } of disk?.folders ?? []) {
      folderBytes.set({ folder: name }, bytes);
      if (free !== null) freeBytes.set({ folder: name }, free);
    }
    hubRequests.reset();
    for (const [status, count] of hub?.byStatus ?? []) hubRequests.inc({ status }, count);
    const pending = await pendingReveals?.list().catch(() => null);
    if (pending) reveals.set(pending.length);
    else reveals.remove();
    return this.#registry.metrics();
  }

  close(): void {
    this.#unsubscribe();
    this.#registry.clear();
  }

  #note(event: WatchEvent, competition: string): void {
    const series = this.#series;
    switch (event.kind) {
      case 'fetching':
        series.downloads.inc();
        this.#begin('download', competition, event.uid);
        break;
      case 'fetched':
        this.#end('download', competition, event.uid);
        if (event.downloaded) series.downloadedBytes.inc(event.bytes);
        break;
      case 'training':
        series.steps.inc({ competition });
        this.#begin('training', competition, event.uid);
        break;
      case 'evaluating':
        this.#end('training', competition, event.uid);
        this.#begin('evaluation', competition, event.uid);
        break;
      case 'settled': {
        const { uid, outcome } = event;
        for (const phase of PHASES) this.#end(phase, competition, uid);
        series.settled.inc({ outcome: outcome.kind, competition });
        if (outcome.kind === 'rejected') series.rejections.inc({ reason: outcome.verdict.reason, competition });
        if (outcome.kind === 'postponed') series.postponements.inc({ by: outcome.by, competition });
        break;
      }
      case 'finished':
        series.epochs.inc({ competition });
        series.epochSeconds.observe({ competition }, seconds(event.durationMs));
        if (event.report.receipt) series.weightsSent.inc({ competition });
        else series.withoutWeights.inc({ competition });
        break;
      case 'interrupted':
        for (const key of this.#begun.keys()) if (key.startsWith(`${competition} `)) this.#begun.delete(key);
        series.interruptions.inc({
          code: event.error instanceof FlockOffError ? event.error.code : 'unknown',
          competition,
        });
        break;
      case 'chain-fault':
        series.chainFaults.inc();
        break;
    }
  }

  #begin(phase: Phase, competition: string, uid: number): void {
    const key = `${competition} ${phase} ${uid}`;
    if (!this.#begun.has(key)) this.#begun.set(key, this.#now());
  }

  #end(phase: Phase, competition: string, uid: number): void {
    const key = `${competition} ${phase} ${uid}`;
    const begunMs = this.#begun.get(key);
    if (begunMs === undefined) return;
    this.#begun.delete(key);
    this.#series.phaseSeconds.observe({ phase, competition }, seconds(this.#now() - begunMs));
  }
}

/** The label of what is none of one competition. */
const OF_ALL = '';
const OUTCOMES = ['scored', 'rejected', 'postponed'] as const;
const PHASES = ['download', 'training', 'evaluation'] as const;
type Phase = (typeof PHASES)[number];

interface Series {
  gauges: Map<string, Gauge>;
  info: Gauge;
  minerLoss: Gauge;
  minerWeight: Gauge;
  minerScore: Gauge;
  miners: Gauge;
  folderBytes: Gauge;
  freeBytes: Gauge;
  reveals: Gauge;
  epochs: Counter;
  interruptions: Counter;
  chainFaults: Counter;
  weightsSent: Counter;
  withoutWeights: Counter;
  hubRequests: Counter;
  downloads: Counter;
  downloadedBytes: Counter;
  steps: Counter;
  settled: Counter;
  rejections: Counter;
  postponements: Counter;
  epochSeconds: Histogram;
  phaseSeconds: Histogram;
}

/** Faults by which training itself is lost. */
const DEVICE_CODES: FlockOffErrorCode[] = ['trainer-failed', 'out-of-memory', 'backend-unavailable', 'bad-model'];

/** Each with what it counts; most of those with labels have no value before their first event. */
function makeSeries(prometheus: typeof import('prom-client'), registry: Registry): Series {
  const common = (name: string, help: string, labelNames: string[]) => ({
    ...{ name: `flock_off_${name}`, help, labelNames, registers: [registry] },
  });
  const gauge = (name: string, help: string, ...labels: string[]) => new prometheus.Gauge(common(name, help, labels));
  const counter = (name: string, help: string, ...labels: string[]) =>
    new prometheus.Counter(common(name, help, labels));
  const histogram = (name: string, help: string, ...labels: string[]) =>
    new prometheus.Histogram({ ...common(name, help, labels), buckets: SECONDS });
  return {
    interruptions: counter('interruptions_total', 'Faults that an epoch waited for, by code.', 'code', 'competition'),
    gauges: new Map([
      ...Object.entries(GAUGES).map(([name, [help]]) => [name, gauge(name, help)] as const),
      ...Object.entries(OF_COMPETITION).map(([name, [help]]) => [name, gauge(name, help, 'competition')] as const),
    ]),
    info: gauge('info', 'What runs.', 'version', 'netuid', 'competition', 'hotkey', 'device'),
    minerLoss: gauge('miner_loss', 'Loss in the last epoch, nats per token.', 'uid', 'competition'),
    minerWeight: gauge('miner_weight', 'Weight after the last epoch, all together 1.', 'uid', 'competition'),
    minerScore: gauge('miner_score', 'Score in the last epoch.', 'uid', 'competition'),
    miners: gauge('miners', 'Miners of the last epoch.', 'outcome', 'competition'),
    folderBytes: gauge('folder_bytes', 'What a folder takes.', 'folder'),
    freeBytes: gauge('disk_free_bytes', 'Free on the disk of a folder.', 'folder'),
    reveals: gauge('pending_reveals', 'Hidden weights that do not count yet.'),
    epochs: counter('epochs_total', 'Epochs finished.', 'competition'),
    chainFaults: counter('chain_faults_total', 'Looks at the chain that failed.'),
    weightsSent: counter('weights_sent_total', 'Epochs that ended with weights.', 'competition'),
    withoutWeights: counter('epochs_without_weights_total', 'Epochs that ended without.', 'competition'),
    hubRequests: counter(
      'hub_requests_total',
      'Requests for datasets and evaluation sets, by the status of the answer.',
      'status',
    ),
    downloads: counter('hub_fetches_total', 'Datasets asked for.'),
    downloadedBytes: counter('hub_downloaded_bytes_total', 'Bytes of datasets that came.'),
    steps: counter('training_steps_total', 'Optimizer steps.', 'competition'),
    settled: counter('settled_total', 'Miners settled, by outcome.', 'outcome', 'competition'),
    rejections: counter('rejections_total', 'Miners refused, by verdict.', 'reason', 'competition'),
    postponements: counter('postponements_total', 'Miners postponed, by what they wait for.', 'by', 'competition'),
    epochSeconds: histogram('epoch_duration_seconds', 'Length of epochs.', 'competition'),
    phaseSeconds: histogram('phase_duration_seconds', 'What was done for one miner.', 'phase', 'competition'),
  };
}
