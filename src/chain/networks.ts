import { FlockOffError } from '../errors/flock-off-error.ts';

/** Endpoints by network name (Bittensor SDK). */
const NETWORKS: Record<string, string> = {
  finney: 'wss://entrypoint-finney.opentensor.ai:443',
  test: 'wss://test.finney.opentensor.ai:443',
  archive: 'wss://archive.chain.opentensor.ai:443',
  'latent-lite': 'wss://lite.sub.latent.to:443',
  local: 'ws://127.0.0.1:9944',
};

export interface ResolveEndpointParameters {
  /** URL; wins over `network`. */
  endpoint?: string;
  /** A name of {@link NETWORKS}, or a URL. Default `finney`. */
  network?: string;
}

/**
 * The WebSocket URL to connect to. What is neither a name nor has a scheme gets `ws://`, as in the Bittensor SDK.
 * @throws FlockOffError `bad-argument` when that is no WebSocket URL.
 */
export function resolveEndpoint({ endpoint, network = 'finney' }: ResolveEndpointParameters): string {
  const target = endpoint ?? NETWORKS[network] ?? network;
  const url = target.includes('://') ? target : `ws://${target}`;
  if (URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)) return url;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `"${target}" is neither a network (${Object.keys(NETWORKS).join(', ')}) nor a ws:// or wss:// URL`,
    fix: 'check --subtensor.network and --subtensor.chain_endpoint',
    facts: { endpoint, network },
  });
}
