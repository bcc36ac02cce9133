import { METADATA_VERSIONS } from '../../description/metadata.ts';
import type { ApiMethod } from '../../description/runtime-apis.ts';
import type { RuntimeCodec } from '../../state/codec.ts';
import type { Block, Chain } from '../chain.ts';
import type { ApiHandlers } from './handlers.ts';
import { neuronInfo } from './neuron-info.ts';
import { stakeInfo } from './stake-info.ts';
import { subnetInfo } from './subnet-info.ts';

/** What the runtime says of itself in `Core_version` and to `state_getRuntimeVersion`. */
export interface RuntimeVersion {
  specName: string;
  implName: string;
  authoringVersion: number;
  specVersion: number;
  implVersion: number;
  apis: [id: string, version: number][];
  transactionVersion: number;
  stateVersion: number;
}

/** Every call costs this: nobody pays a fee on this chain. */
const NO_FEE = { weight: { ref_time: 1_000_000, proof_size: 0 }, class: 'Normal', partial_fee: 0 };
/** Alpha costs one TAO, in smallest units. */
const PRICE = 1_000_000_000;

/** The functions of the runtime that `state_call` reaches: SCALE in, SCALE out. */
export class RuntimeApis {
  readonly #handlers: Record<string, ApiHandlers>;

  constructor(chain: Chain, netuids: number[], version: (codec: RuntimeCodec) => RuntimeVersion) {
    const codecAt = ({ number }: Block) => chain.codecAt(number);
    this.#handlers = {
      Core: { version: (_, at) => snakeVersion(version(codecAt(at))) },
      Metadata: {
        metadata: (_, at) => codecAt(at).metadata(14),
        metadata_versions: (_, at) => METADATA_VERSIONS[codecAt(at).profile],
        metadata_at_version: ([asked], at) => codecAt(at).metadata(asked as number),
      },
      AccountNonceApi: {
        account_nonce: ([account], at) =>
          chain.storage.getAt<{ nonce: number }>(at.number, 'System.Account', account).nonce,
      },
      TransactionPaymentApi: { query_info: () => NO_FEE },
      NeuronInfoRuntimeApi: neuronInfo(chain),
      SubnetInfoRuntimeApi: subnetInfo(chain, netuids),
      StakeInfoRuntimeApi: stakeInfo(chain, netuids),
      SubnetRegistrationRuntimeApi: { get_network_registration_cost: () => PRICE },
      SwapRuntimeApi: {
        current_alpha_price: () => PRICE,
        sim_swap_tao_for_alpha: ([, amount]) => swapOf(amount),
        sim_swap_alpha_for_tao: ([, amount]) => swapOf(amount),
        current_alpha_price_all: () => netuids.map((netuid) => ({ netuid, price: PRICE })),
      },
    };
  }

  /** Runs "Api_method" as of a block; `null` where the runtime of that block has none of that name. */
  call(codec: RuntimeCodec, name: string, args: Uint8Array, at: Block): Uint8Array | null {
    const [, apiName = '', methodName = ''] = /^([^_]*)_(.*)$/.exec(name) ?? [];
    const api = codec.apis.find((one) => one.name === apiName);
    const method: ApiMethod | undefined =
      api && Object.hasOwn(api.methods, methodName) ? api.methods[methodName] : undefined;
    const handler = this.#handlers[apiName]?.[methodName];
    if (!method || !handler) return null;
    // What a fee is asked for is a transaction; here the fee does not depend on it.
    const isFee = apiName === 'TransactionPaymentApi';
    const values = isFee ? [] : codec.decodeAll(Object.values(method.inputs), args);
    return codec.writeAnswer(apiName, method.output, handler(values, at));
  }
}

function swapOf(amount: unknown) {
  const none = { tao_fee: 0, alpha_fee: 0, tao_slippage: 0, alpha_slippage: 0 };
  return { tao_amount: amount, alpha_amount: amount, ...none };
}

function snakeVersion(version: RuntimeVersion): Record<string, unknown> {
  return {
    spec_name: version.specName,
    impl_name: version.implName,
    authoring_version: version.authoringVersion,
    spec_version: version.specVersion,
    impl_version: version.implVersion,
    apis: version.apis,
    transaction_version: version.transactionVersion,
    system_version: version.stateVersion,
  };
}
