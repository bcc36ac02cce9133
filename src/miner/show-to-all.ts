import type { MetadataStore } from '../chain/commitments/metadata-store.ts';
import { FlockOffError } from '../errors/flock-off-error.ts';
import type { DatasetStore } from '../hub/dataset-store.ts';
import type { Competition } from '../schema/competition.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import type { Logger } from '../shared/logger.ts';
import { isTransientError, retry } from '../shared/retry.ts';
import type { PublishStep } from './publish-step.ts';

export interface ShowToAllParameters {
  datasets: DatasetStore;
  metadata: Pick<MetadataStore, 'currentBlock'>;
  repo: string;
  commit: string;
  /** Block that the pointer is in. */
  commitBlock: number;
  competition: Competition;
  /** How long it is tried. Default 1 hour. */
  publicTimeoutMs?: number;
  signal?: AbortSignal;
  clock?: Clock;
  logger: Logger;
  onStep?: (step: PublishStep) => void;
}

const PUBLIC_TIMEOUT_MS = 3_600_000;
const BASE_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;

/**
 * Makes a dataset public whose pointer is in a block, and sees to it that anybody can read it. Validators wait for that,
 * so what fails in passing is tried again for long.
 * @throws FlockOffError what it ended with, in a sentence that says how things stand: the pointer is in a block.
 */
export async function showToAll(parameters: ShowToAllParameters): Promise<void> {
  const { datasets, metadata, repo, commit, commitBlock, competition, signal, onStep, logger } = parameters;
  const { clock = systemClock, publicTimeoutMs = PUBLIC_TIMEOUT_MS } = parameters;
  const untilBlock = commitBlock + competition.readableWithinBlocks;
  const deadlineMs = clock.nowMs() + publicTimeoutMs;
  const attempt = async () => {
    await datasets.makePublic({ repo, signal });
    if (!(await datasets.isReadable({ repo, commit, signal }))) throw notShown(repo, commit);
  };
  await retry(attempt, {
    attempts: Number.POSITIVE_INFINITY,
    baseDelayMs: BASE_DELAY_MS,
    maxDelayMs: MAX_DELAY_MS,
    isTransient: (error) => isTransientError(error) && clock.nowMs() < deadlineMs,
    onRetry: (error, _, delayMs) => {
      logger.debug(`${repo} is not public yet`, { error: String(error), delayMs });
      onStep?.({ kind: 'hidden', repo, untilBlock, error: error as FlockOffError, delayMs });
    },
    signal,
    clock,
  }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error instanceof FlockOffError ? stillHidden(error, { repo, commitBlock, untilBlock }) : error;
  });
  const block = await metadata.currentBlock({ signal });
  onStep?.({ kind: 'public', repo, block, untilBlock, isLate: block > untilBlock });
}

function notShown(repo: string, commit: string): FlockOffError {
  return new FlockOffError({
    code: 'hub-unreachable',
    what: `the Hub has made ${repo} public, and does not serve its commit ${commit} to who asks without a token`,
    fix: 'look at the settings of the repository if it stays so',
    facts: { url: `/datasets/${repo}/resolve/${commit}` },
    transient: true,
  });
}

function stillHidden(
  error: FlockOffError,
  { repo, commitBlock, untilBlock }: { repo: string; commitBlock: number; untilBlock: number },
): FlockOffError {
  return new FlockOffError({
    ...error.toParameters(),
    what: `the pointer is in block ${commitBlock}, and ${repo} is not public: ${error.what}`,
    fix: `publish again, which goes on from here, or make ${repo} public on the Hub: after block ${untilBlock} the dataset counts only from the block in which it can first be read`,
    cause: error,
  });
}
