import {
  type EpochReport,
  type Logger,
  type RevealReport,
  type SetWeightsParameters,
  WeightSetter,
  type WeightSetterParameters,
  type WeightsReceipt,
} from 'flock-off';

/** A weight setter that says what it would send, and sends nothing. */
export class DryWeightSetter extends WeightSetter {
  readonly #subtensor: WeightSetterParameters['subtensor'];
  readonly #logger: Logger | undefined;

  constructor(parameters: WeightSetterParameters) {
    super(parameters);
    this.#subtensor = parameters.subtensor;
    this.#logger = parameters.logger;
  }

  override async set({ weights, signal }: SetWeightsParameters): Promise<WeightsReceipt> {
    const told = weights.map(({ uid, weight }) => `uid ${uid} ${weight.toFixed(4)}`).join(', ');
    this.#logger?.info(`dry run: these weights are not sent: ${told}`);
    const block = await this.#subtensor.waitForBlock({ block: 0, signal });
    const largest = Math.max(...weights.map(({ weight }) => weight));
    const values = weights.map(({ weight }) => Math.round((65_535 * weight) / largest));
    return { mode: 'set', block, uids: weights.map(({ uid }) => uid), values };
  }

  override async reveal(): Promise<RevealReport> {
    return { revealed: [], dropped: [], waiting: [], nextRevealBlock: null };
  }
}

/** What a dry run tells of an epoch, whose report names what {@link DryWeightSetter} was given. */
export function unsent(report: EpochReport): EpochReport {
  return { ...report, receipt: null, notSent: report.notSent ?? 'dry run: these weights were not sent' };
}
