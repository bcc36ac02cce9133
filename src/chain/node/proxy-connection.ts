import { isIP, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { hostAndPort, type ProxyFor } from '../../shared/proxy.ts';
import { openTunnel } from '../../shared/proxy-tunnel.ts';

/** Opens the connection under a WebSocket through the proxy for its URL, `null` where there is none. */
export function throughProxy(proxyFor: ProxyFor | null, timeoutMs: number) {
  return async (target: string, signal: AbortSignal): Promise<Socket | null> => {
    const proxy = proxyFor?.(target);
    if (!proxy) return null;
    const url = new URL(target);
    const socket = await openTunnel({ proxy, to: hostAndPort(url), signal, timeoutMs });
    if (url.protocol === 'ws:') return socket;
    // The certificate must name this host, also where it is an address, which no server name may be.
    const host = url.hostname.replace(/[[\]]/g, '');
    return connect({ socket, host, servername: isIP(host) ? undefined : host });
  };
}
