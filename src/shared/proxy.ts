import { FlockOffError } from '../errors/flock-off-error.ts';
import { noProxy, portOf } from './no-proxy.ts';

/**
 * `http://host:port` or `https://host:port` of a proxy, with `user:password@` in front of the host if it asks for them;
 * `false` for none. Left out: what the environment says.
 */
export type ProxyOption = string | false;

export interface HttpProxy {
  /** With user name and password: never to be shown. */
  url: string;
  /** Without user name and password. */
  origin: string;
  /** `host:port`. */
  shown: string;
  /** Value of the header Proxy-Authorization, `null` where the URL has no user name. */
  authorization: string | null;
}

/** The proxy that a URL (http, https, ws, wss) is reached through, `null` when it is reached directly. */
export type ProxyFor = (url: string) => HttpProxy | null;

/** Variables by scheme, in order of precedence; as with curl, WebSockets use the proxies of HTTP. */
const VARIABLES: Record<string, string[]> = {
  'http:': ['http_proxy', 'all_proxy'],
  'https:': ['https_proxy', 'all_proxy'],
  'ws:': ['ws_proxy', 'http_proxy', 'all_proxy'],
  'wss:': ['wss_proxy', 'https_proxy', 'all_proxy'],
};

/**
 * Where requests go: through the given proxy, or as HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say (lower-case names
 * win, an empty one unsets). This is the one place that reads them. `null` when nothing is ever proxied.
 * @throws FlockOffError `bad-argument` for an option that names no proxy; the returned function likewise, for the variable
 *   that a URL needs.
 */
export function proxySettings(option?: ProxyOption, env: NodeJS.ProcessEnv = process.env): ProxyFor | null {
  if (option === false) return null;
  if (option !== undefined) {
    const proxy = parseProxy(option, 'the option "proxy"');
    return () => proxy;
  }
  const names = [...new Set(Object.values(VARIABLES).flat())];
  const set = new Map(
    names.map((name) => [name, settingOf(name, env)]).filter(([, value]) => value !== '') as [string, string][],
  );
  if (set.size === 0) return null;
  const isExempt = noProxy(settingOf('no_proxy', env));
  return (url) => {
    if (!URL.canParse(url)) return null;
    const parsed = new URL(url);
    const name = VARIABLES[parsed.protocol]?.find((name) => set.has(name));
    return name === undefined || isExempt(parsed) ? null : parseProxy(set.get(name)!, name.toUpperCase());
  };
}

function settingOf(name: string, env: NodeJS.ProcessEnv): string {
  return (env[name] ?? env[name.toUpperCase()] ?? '').trim();
}

/** Never quotes what it was given: whatever it is, it may hold a password. */
function parseProxy(value: string, source: string): HttpProxy {
  const scheme = /^(socks\w*):/i.exec(value)?.[1];
  if (scheme) throw noProxyUrl(`${source} names a ${scheme.toLowerCase()} proxy, and only HTTP proxies can be used`);
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol) || /@/.test(url.pathname + url.search + url.hash))
    throw noProxyUrl(`${source} is not the address of a proxy`);
  const shown = hostAndPort(url);
  if (!url.username && !url.password) return { url: url.href, origin: url.origin, shown, authorization: null };
  try {
    const userInfo = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    const authorization = `Basic ${Buffer.from(userInfo).toString('base64')}`;
    return { url: url.href, origin: url.origin, shown, authorization };
  } catch {
    throw noProxyUrl(`the user name or password in ${source} is not percent-encoded as in a URL`);
  }
}

function noProxyUrl(what: string): FlockOffError {
  const fix = 'write http://host:port or http://user:password@host:port, with %40 for @ and the like in the password';
  return new FlockOffError({ code: 'bad-argument', what, fix });
}

/** `host:port`, with the brackets of an IPv6 address, and the port also where it is the scheme's own. */
export function hostAndPort(url: URL): string {
  return `${url.hostname}:${portOf(url)}`;
}
