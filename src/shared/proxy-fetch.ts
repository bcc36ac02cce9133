import type { Dispatcher } from 'undici';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { type HttpProxy, hostAndPort, type ProxyFor, type ProxyOption, proxySettings } from './proxy.ts';
import { authorizationOf, openTunnel, ProxyError, refused, unreachableProxy } from './proxy-tunnel.ts';

/** How a client reaches its server. */
export interface HttpRoute {
  fetch: typeof fetch;
  /** "the proxy host:port" where a URL is fetched through one, else `null`. */
  through(url: string): string | null;
}

export interface HttpRouteParameters {
  /** The caller's own fetch is used unchanged, without a proxy of ours. */
  fetch?: typeof fetch;
  proxy?: ProxyOption;
  /** Default: this process's. */
  env?: NodeJS.ProcessEnv;
}

/**
 * The fetch of a client: the caller's, else Node's, else one that goes through proxies.
 * @throws FlockOffError `bad-argument` when the proxy for `endpoint` is not named as one.
 */
export function httpRoute({ fetch: own, proxy, env }: HttpRouteParameters, endpoint: string): HttpRoute {
  const proxyFor = own ? null : proxySettings(proxy, env);
  if (!proxyFor) return { fetch: own ?? fetch, through: () => null };
  const through = (url: string) => {
    const proxy = proxyFor(url);
    return proxy && `the proxy ${proxy.shown}`;
  };
  through(endpoint);
  return { fetch: proxyFetch(proxyFor), through };
}

/**
 * A fetch that asks for every request, redirects too, which proxy it goes through: https in a tunnel, http as proxies
 * take it, with the whole URL. A failure of the proxy rejects with ProxyError.
 */
function proxyFetch(proxyFor: ProxyFor): typeof fetch {
  let underWay = 0;
  /** Aborts tunnels that are still being opened when no request needs them. */
  let idle = new AbortController();
  let opening: ReturnType<typeof open> | undefined;
  return async (input, init) => {
    opening ??= open(proxyFor, () => idle.signal);
    const { fetch, dispatcher } = await opening;
    underWay += 1;
    try {
      return (await fetch(input as string, { ...(init as object), dispatcher })) as unknown as Response;
    } catch (error) {
      const { cause } = error as Error;
      throw cause instanceof ProxyError || cause instanceof FlockOffError ? cause : error;
    } finally {
      underWay -= 1;
      if (underWay === 0) {
        idle.abort();
        idle = new AbortController();
      }
    }
  };
}

/** undici is loaded here, when a proxy is set: Node's own fetch takes no dispatcher of another version. */
async function open(proxyFor: ProxyFor, idle: () => AbortSignal) {
  const { Agent, buildConnector, fetch } = await import('undici');
  const connect = buildConnector({});
  const agent = new Agent({
    connect: async (options, callback) => {
      try {
        const origin = `${options.protocol}//${options.host}`;
        const proxy = proxyFor(origin);
        const to = hostAndPort(new URL(origin));
        const httpSocket = proxy ? await openTunnel({ proxy, to, signal: idle() }) : undefined;
        connect({ ...options, httpSocket }, callback);
      } catch (error) {
        callback(error as Error, null);
      }
    },
  });
  const toProxies = new Agent({
    connect: (options, callback) => {
      const shown = hostAndPort(new URL(`${options.protocol}//${options.host}`));
      connect(options, (...[error, socket]) =>
        error ? callback(unreachableProxy({ shown }, error), null) : callback(null, socket!),
      );
    },
  });
  const dispatcher = agent.compose((dispatch) => (options, handler) => {
    const origin = String(options.origin);
    const proxy = origin.startsWith('http:') ? proxyFor(origin) : null;
    return proxy
      ? toProxies.dispatch(absolute(options, origin, proxy), noticing407(handler, proxy))
      : dispatch(options, handler);
  });
  return { fetch, dispatcher };
}

/** The request as a proxy takes it: with an absolute URL. */
function absolute(options: Dispatcher.DispatchOptions, origin: string, proxy: HttpProxy): Dispatcher.DispatchOptions {
  const own = { host: new URL(origin).host, ...authorizationOf(proxy) };
  const headers = { ...(options.headers as Record<string, string>), ...own };
  return { ...options, origin: proxy.origin, path: `${origin}${options.path}`, headers };
}

/** Only a proxy answers with 407, and fetch would make a nameless error of it. */
function noticing407(handler: Dispatcher.DispatchHandler, proxy: HttpProxy): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (...all) => handler.onRequestStart?.(...all),
    onRequestUpgrade: (...all) => handler.onRequestUpgrade?.(...all),
    onResponseStart: (controller, status, ...rest) =>
      status === 407
        ? controller.abort(refused(proxy, status))
        : handler.onResponseStart?.(controller, status, ...rest),
    onResponseData: (...all) => handler.onResponseData?.(...all),
    onResponseEnd: (...all) => handler.onResponseEnd?.(...all),
    onResponseError: (...all) => handler.onResponseError?.(...all),
  };
}
