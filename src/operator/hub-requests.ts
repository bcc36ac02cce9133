/** In place of a status, where no answer came. */
const NONE = 'none';
/** Counted from 0, so that alerts see the first of them. */
const ALWAYS = ['200', '429', NONE];

/**
 * Counts requests to the Hub by how they were answered: for `onAnswer` of stores, and for {@link ValidatorMetrics}.
 * @example
 * const hub = new HubRequests();
 * const datasets = new HubDatasetStore({ token, onAnswer: hub.onAnswer });
 * const metrics = await ValidatorMetrics.open({ watch, hub });
 */
export class HubRequests {
  readonly #byStatus = new Map<string, number>(ALWAYS.map((status) => [status, 0]));

  /** By the status of the answer, such as "429"; "none" where none came. Redirects count as what they led to. */
  get byStatus(): ReadonlyMap<string, number> {
    return this.#byStatus;
  }

  /** @param status of the answer; `null` where none came. */
  readonly onAnswer = (status: number | null): void => {
    const key = status === null ? NONE : String(status);
    this.#byStatus.set(key, (this.#byStatus.get(key) ?? 0) + 1);
  };
}
