import { FlockOffError } from '../../errors/flock-off-error.ts';

interface Network {
  /** In the order they are tried. */
  endpoints: string[];
  /** Hash of block 0, by which a chain is known; left out where there are many chains of that name. */
  genesisHash?: string;
}

const FINNEY = '0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03';
const FINNEY_LITE = 'wss://lite.sub.latent.to:443';

/** Networks by name (Bittensor SDK). */
const NETWORKS: Record<string, Network> = {
  finney: { endpoints: ['wss://entrypoint-finney.opentensor.ai:443', FINNEY_LITE], genesisHash: FINNEY },
  test: {
    endpoints: ['wss://test.finney.opentensor.ai:443'],
    genesisHash: '0x8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105',
  },
  archive: { endpoints: ['wss://archive.chain.opentensor.ai:443'], genesisHash: FINNEY },
  'latent-lite': { endpoints: [FINNEY_LITE], genesisHash: FINNEY },
  local: { endpoints: ['ws://127.0.0.1:9944'] },
};

/** Whether a genesis block is that of a public network: a chain that has been running for years. */
export function isPublicChain(genesisHash: string): boolean {
  return Object.values(NETWORKS).some((network) => network.genesisHash === genesisHash);
}

export interface ResolveEndpointsParameters {
  /** URL; wins over `network`. */
  endpoint?: string;
  /** URLs of nodes of one chain, in the order they are tried; they come after `endpoint` and win over `network`. */
  endpoints?: string[];
  /** A name of {@link NETWORKS}, or a URL. Default `finney`. */
  network?: string;
}

/** Which nodes may be asked, and for which chain. */
export interface ChainTarget {
  /** At least one, each once. */
  urls: string[];
  /** `0x` hex, `null` when whichever chain answers first is meant. */
  genesisHash: string | null;
}

/**
 * The WebSocket URLs to connect to. What is neither a name nor has a scheme gets `ws://`, as in the Bittensor SDK.
 * @throws FlockOffError `bad-argument` when one of them is no WebSocket URL.
 */
export function resolveEndpoints(parameters: ResolveEndpointsParameters = {}): ChainTarget {
  const { endpoint, endpoints = [], network = 'finney' } = parameters;
  const explicit = [...(endpoint === undefined ? [] : [endpoint]), ...endpoints];
  if (explicit.length > 0) return { urls: [...new Set(explicit.map(toUrl))], genesisHash: null };
  const known = Object.hasOwn(NETWORKS, network) ? NETWORKS[network] : undefined;
  return known
    ? { urls: known.endpoints, genesisHash: known.genesisHash ?? null }
    : { urls: [toUrl(network)], genesisHash: null };
}

function toUrl(target: string): string {
  const url = target.includes('://') ? target : `ws://${target}`;
  if (URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)) return url;
  const shown = withoutSecrets(target);
  throw new FlockOffError({
    code: 'bad-argument',
    what: `"${shown}" is neither a network (${Object.keys(NETWORKS).join(', ')}) nor a ws:// or wss:// URL`,
    fix: 'check --subtensor.network and --subtensor.chain_endpoint',
    facts: { name: 'target', value: shown },
  });
}

/** A URL without what may be an access key: scheme, host and port. Of what is none, nothing after the scheme but a plain name. */
export function withoutSecrets(url: string): string {
  if (URL.canParse(url) && url.includes('://')) {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname === '/' || pathname === '' ? '' : '/...'}`;
  }
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*[@/?#].*$/is, '$1...');
}
