import { FlockOffError } from '../../errors/flock-off-error.ts';
import { eitherSignal } from '../../shared/either-signal.ts';
import type { Validator, ValidatorEvent } from '../validator.ts';

interface Bounded {
  validator: Validator;
  signal?: AbortSignal;
}

/**
 * Does `work`, which waits for its evaluation set until it is time for the weights and no longer: those of other competitions
 * do not depend on it. What trains is never given up.
 * @throws FlockOffError `timeout` (transient).
 */
export async function whileSetOpens<T>(
  { validator, signal }: Bounded,
  work: (bounded: Bounded) => Promise<T>,
): Promise<T> {
  const { subtensor, netuid, blockThreshold } = validator;
  const [late, ended] = [new AbortController(), new AbortController()];
  const until = eitherSignal(ended.signal, signal);
  let isWaiting = false;
  const onEvent = (event: ValidatorEvent) => {
    validator.onEvent?.(event);
    if (event.kind === 'scoring') ended.abort();
    if (event.kind !== 'opening' || isWaiting) return;
    isWaiting = true;
    waitForWeights().then(
      // It may have opened in the same block.
      () => ended.signal.aborted || late.abort(),
      // A fault of the chain: the set is looked for through the same one.
      () => {
        isWaiting = false;
      },
    );
  };
  try {
    return await work({ validator: { ...validator, onEvent }, signal: eitherSignal(late.signal, signal) });
  } catch (error) {
    throw late.signal.aborted ? notOpen(error) : error;
  } finally {
    ended.abort();
  }

  async function waitForWeights(): Promise<void> {
    const { block, nextEpochBlock } = await subtensor.epoch({ netuid, signal: until });
    const untilBlock = nextEpochBlock - blockThreshold;
    // Of a subnet without epochs it is always time.
    if (block < untilBlock && Number.isFinite(untilBlock))
      await subtensor.waitForBlock({ block: untilBlock, signal: until });
  }
}

function notOpen(cause: unknown): FlockOffError {
  return new FlockOffError({
    code: 'timeout',
    what: 'the evaluation set was not open when it was time for the weights',
    fix: 'nothing is lost: it is looked for again until the weights after those',
    transient: true,
    cause,
  });
}
