import { eitherSignal } from './either-signal.ts';

/** Lowest transfer rate: a slower body counts as stalled, or a byte now and then would block a caller for ever. */
const LEAST_BYTES_PER_SECOND = 1024;

export interface StallWatch {
  /** Aborts when too little arrived in time, or one of the others did. */
  readonly signal: AbortSignal;
  /** Waits so long from now on. */
  restart(timeoutMs: number): void;
  /** Counts what arrived. */
  arrived(bytes: number): void;
  stop(): void;
}

/**
 * Watches one request: nothing, or less than 1 KiB a second, within `timeoutMs` aborts it.
 * @param fault the error to abort with.
 * @param others signals that are followed until it stops.
 */
export function stallWatch(
  timeoutMs: number,
  fault: (why: string) => Error,
  ...others: (AbortSignal | undefined)[]
): StallWatch {
  const controller = new AbortController();
  const either = eitherSignal(controller.signal, ...others);
  let bytes = 0;
  let withinMs = timeoutMs;
  let timer: NodeJS.Timeout;
  function restart(ms: number): void {
    clearTimeout(timer);
    bytes = 0;
    withinMs = ms;
    timer = setTimeout(
      () => controller.abort(fault(bytes === 0 ? `no data for ${ms} ms` : `only ${bytes} bytes in ${ms} ms`)),
      ms,
    ).unref();
  }
  restart(timeoutMs);
  return {
    signal: either.signal,
    restart,
    arrived: (more) => {
      bytes += more;
      if (bytes >= (LEAST_BYTES_PER_SECOND * withinMs) / 1000) restart(withinMs);
    },
    stop: () => {
      clearTimeout(timer);
      either.release();
    },
  };
}

export interface WatchBodyParameters {
  watch: StallWatch;
  /** Longest wait for the next of the body, see {@link stallWatch}. */
  stallTimeoutMs: number;
  /** Decoded bytes after which the body is cut. */
  maxBytes: number;
  fault: (why: string) => Error;
}

/** The same response, whose body fails with `fault` when it stalls or does not end. */
export function watchBody(
  response: Response,
  { watch, stallTimeoutMs, maxBytes, fault }: WatchBodyParameters,
): Response {
  if (!response.body) {
    watch.stop();
    return response;
  }
  watch.restart(stallTimeoutMs);
  let bytes = 0;
  const watched = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        bytes += chunk.length;
        if (bytes > maxBytes) {
          watch.stop();
          throw fault(`its answer goes on after ${maxBytes} bytes`);
        }
        watch.arrived(chunk.length);
        controller.enqueue(chunk);
      },
      flush: () => watch.stop(),
    }),
  );
  const { status, statusText, headers, url } = response;
  return Object.defineProperty(new Response(watched, { status, statusText, headers }), 'url', { value: url });
}
