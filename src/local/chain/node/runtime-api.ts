import { METADATA_VERSION } from '../description/metadata.ts';
import type { Profile } from '../description/profile.ts';
import type { Chain } from './chain.ts';
import { neuronInfoApi } from './neuron-info-api.ts';
import type { RuntimeApi } from './runtime-function.ts';
import { subnetInfoApi } from './subnet-info-api.ts';

/** The runtime APIs that `state_call` reaches, by name. */
export function runtimeApis(chain: Chain, profile: Profile): Record<string, RuntimeApi> {
  const { registry } = chain.codec;
  return {
    Metadata: {
      id: '0x37e397fc7c91f5e4',
      version: 2,
      functions: {
        metadata_versions: () => registry.createType('Vec<u32>', [METADATA_VERSION]).toU8a(),
        metadata_at_version: (args, { number }) => {
          const known = registry.createType('u32', args).toNumber() === METADATA_VERSION;
          const bytes = Buffer.from(chain.codecAt(number).metadata).toString('hex');
          return registry.createType('Option<Bytes>', known ? `0x${bytes}` : null).toU8a();
        },
      },
    },
    NeuronInfoRuntimeApi: neuronInfoApi(chain),
    ...(profile === 'current' ? { SubnetInfoRuntimeApi: subnetInfoApi(chain) } : {}),
  };
}
