import { type Clock, systemClock } from '../shared/clock.ts';
import { judgeHealth } from './health.ts';
import type { WatchedValidator } from './validator-watch.ts';
import type { WebPage } from './web-server.ts';

export interface ValidatorPagesParameters {
  watch: WatchedValidator;
  /** Such as {@link ValidatorMetrics}. */
  metrics: { readonly contentType: string; text(): Promise<string> };
  clock?: Pick<Clock, 'nowMs'>;
}

/**
 * What a {@link WebServer} serves of a validator: `/metrics` for Prometheus, `/healthz` and `/readyz` for supervisors (200, or 503
 * with a line for each problem), and `/status`, its snapshot as JSON.
 * @example
 * const server = await WebServer.open({ port: 9100, pages: validatorPages({ watch, metrics }) });
 */
export function validatorPages({ watch, metrics, clock = systemClock }: ValidatorPagesParameters) {
  const probe = (of: 'healthy' | 'ready') => (): WebPage => {
    const health = judgeHealth(watch.snapshot(), clock.nowMs());
    const lines = health.problems.map((problem) => `${problem}\n`).join('');
    return { status: health[of] ? 200 : 503, type: 'text/plain; charset=utf-8', body: health[of] ? 'ok\n' : lines };
  };
  return {
    '/metrics': async (): Promise<WebPage> => ({ type: metrics.contentType, body: await metrics.text() }),
    '/healthz': probe('healthy'),
    '/readyz': probe('ready'),
    '/status': (): WebPage => ({ type: 'application/json', body: JSON.stringify(watch.snapshot()) }),
  };
}
