import { messageOf } from '../errors/flock-off-error.ts';
import { type Logger, traceOf } from './logger.ts';
import { stopwatch } from './timed.ts';

/**
 * A `fetch` that traces each request, with its status and the time until its headers came. Of a URL only origin and
 * path are logged: signed links carry secrets in their query.
 */
export function tracedFetch(base: typeof fetch, logger: Logger): typeof fetch {
  const trace = traceOf(logger);
  if (!trace) return base;
  return async (input, init) => {
    const request = input instanceof Request ? input : null;
    const method = init?.method ?? request?.method ?? 'GET';
    const { origin, pathname } = new URL(request?.url ?? String(input));
    const took = stopwatch();
    try {
      const response = await base(input, init);
      trace(`${method} ${origin}${pathname}: ${response.status} in ${took()}`);
      return response;
    } catch (error) {
      trace(`${method} ${origin}${pathname}: failed after ${took()}: ${messageOf(error)}`);
      throw error;
    }
  };
}
