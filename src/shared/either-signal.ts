export interface EitherSignal {
  readonly signal: AbortSignal;
  /** Follows the others no more: to be called when what it ends is done. */
  release(): void;
}

/**
 * A signal that aborts when one of these does, and leaves nothing on one that outlives it: of `AbortSignal.any` an entry stays
 * for each on Node 20.
 */
export function eitherSignal(...signals: readonly (AbortSignal | undefined)[]): EitherSignal {
  const either = new AbortController();
  const ends: (() => void)[] = [];
  const release = () => {
    for (const end of ends.splice(0)) end();
  };
  for (const one of signals)
    if (one)
      ends.push(
        whenAborted(one, () => {
          either.abort(one.reason);
          release();
        }),
      );
  if (either.signal.aborted) release();
  return { signal: either.signal, release };
}

/** @returns what listens no more. */
function whenAborted(signal: AbortSignal, onAbort: () => void): () => void {
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}
