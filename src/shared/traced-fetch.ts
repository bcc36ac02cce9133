import { isCode, messageOf } from '../errors/flock-off-error.ts';
import { type Logger, traceOf } from './logger.ts';
import { stopwatch } from './timed.ts';

/** Told of each answer by its status, of `null` where none came. A request that its caller has ended is not told of. */
export type OnAnswer = (status: number | null) => void;

/**
 * A `fetch` that traces each request, with its status and the time until its headers came. Of a URL only origin and
 * path are logged: signed links carry secrets in their query. What `onAnswer` throws changes no request.
 */
export function tracedFetch(base: typeof fetch, logger: Logger, onAnswer?: OnAnswer): typeof fetch {
  const trace = traceOf(logger);
  if (!trace && !onAnswer) return base;
  const failed = (error: unknown) => logger.debug(`onAnswer failed: ${messageOf(error)}`);
  const tell = (status: number | null) => {
    try {
      const told: unknown = onAnswer?.(status);
      if (told instanceof Promise) told.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
  return async (input, init) => {
    const request = input instanceof Request ? input : null;
    const method = init?.method ?? request?.method ?? 'GET';
    const { origin, pathname } = new URL(request?.url ?? String(input));
    const took = stopwatch();
    let response: Response;
    try {
      response = await base(input, init);
    } catch (error) {
      if (!isEnded(init?.signal ?? request?.signal)) tell(null);
      trace?.(`${method} ${origin}${pathname}: failed after ${took()}: ${messageOf(error)}`);
      throw error;
    }
    tell(response.status);
    trace?.(`${method} ${origin}${pathname}: ${response.status} in ${took()}`);
    return response;
  };
}

/** Whether the caller has ended a request: a timeout of ours aborts with what the Hub has failed at. */
function isEnded(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && !isCode(signal.reason, 'hub-unreachable');
}
