import { BlockList, isIP } from 'node:net';

type Rule = (host: string, port: number) => boolean;

/**
 * What NO_PROXY exempts, by the rules of curl and Python: a name with all its subdomains (a leading `.` or `*.` changes
 * nothing), an address, a network such as `10.0.0.0/8` or `fd00::/8`, each with a port if only that one is meant, or `*`.
 */
export function noProxy(list: string): (url: URL) => boolean {
  const rules = list
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(toRule);
  return (url) => rules.some((rule) => rule(hostOf(url.hostname), portOf(url)));
}

/** The port of a URL, also where it is its scheme's own. */
export function portOf({ port, protocol }: URL): number {
  return Number(port) || (protocol === 'https:' || protocol === 'wss:' ? 443 : 80);
}

/** A host name for comparison: IPv6 without brackets, no dot at the end. */
function hostOf(hostname: string): string {
  return hostname
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
}

function toRule(entry: string): Rule {
  // An IPv6 address has colons of its own.
  const [, name = entry, port] = isIP(entry) ? [] : (/^(.*?)(?::(\d+))?$/.exec(entry) ?? []);
  const [address = '', prefix] = name.replace(/[[\]]/g, '').split('/');
  const matches = isIP(address) ? addressRule(address, prefix) : nameRule(name);
  return (host, seen) => (port === undefined || Number(port) === seen) && matches(host);
}

function addressRule(address: string, prefix: string | undefined): (host: string) => boolean {
  const family = (text: string) => (isIP(text) === 6 ? 'ipv6' : 'ipv4');
  const bits = prefix === undefined ? Number.NaN : Number(prefix);
  const meant = new BlockList();
  if (prefix === undefined) meant.addAddress(address, family(address));
  else if (bits >= 0 && bits <= (isIP(address) === 6 ? 128 : 32)) meant.addSubnet(address, bits, family(address));
  return (host) => isIP(host) !== 0 && meant.check(host, family(host));
}

function nameRule(name: string): (host: string) => boolean {
  if (name === '*') return () => true;
  const domain = hostOf(name.replace(/^\*?\.?/, ''));
  return (host) => host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`));
}
