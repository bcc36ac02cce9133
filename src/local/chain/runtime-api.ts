import type { Block, Chain } from './chain.ts';
import { METADATA_VERSION } from './metadata.ts';
import { neuronInfoApi } from './neuron-info-api.ts';
import type { Profile } from './profile.ts';
import { subnetInfoApi } from './subnet-info-api.ts';

/** A function of the runtime: SCALE arguments in, SCALE result out, as of a block. */
export type RuntimeFunction = (args: Uint8Array, at: Block) => Uint8Array;

/** An API of the runtime: its functions by name, without the API's own name before them. */
export interface RuntimeApi {
  /** blake2b-64 of the name: what the runtime's version lists it under. */
  id: string;
  version: number;
  functions: Record<string, RuntimeFunction>;
}

/** What `state_call` reaches, by name of the API. */
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
