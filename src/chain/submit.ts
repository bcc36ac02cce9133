import type { ApiPromise } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import type { ISubmittableResult } from '@polkadot/types/types';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { dispatchRejection, poolRejection } from './explain-rejection.ts';
import { polkadot } from './polkadot.ts';
import type { HotkeySigner } from './wallet.ts';

/** Where a transaction landed. */
export interface Inclusion {
  block: number;
  blockHash: string;
}

/** Blocks a transaction stays valid: after that it can no longer land, and sending it again is safe. */
export const ERA_BLOCKS = 64;

/**
 * Signs a call, sends it, and waits until it is in a block.
 * @param name the call in errors ("commitments.setCommitment").
 * @throws FlockOffError `chain-rejected` when the pool or the runtime refuses it.
 */
export async function submitAndWatch(
  api: ApiPromise,
  name: string,
  call: SubmittableExtrinsic<'promise'>,
  hotkey: HotkeySigner,
): Promise<Inclusion> {
  const { u8aConcat, u8aToHex, hexToU8a } = await polkadot();
  const SR25519 = Uint8Array.of(1);
  const signer = {
    signRaw: async ({ data }: { data: string }) => ({
      id: 0,
      signature: u8aToHex(u8aConcat(SR25519, await hotkey.sign(hexToU8a(data)))),
    }),
  };
  let unsubscribe = () => {};
  try {
    const result = await new Promise<ISubmittableResult>((resolve, reject) => {
      call
        .signAndSend(hotkey.address, { signer, nonce: -1, era: ERA_BLOCKS }, (update) => {
          if (update.status.isInBlock || update.status.isFinalized || update.isError) resolve(update);
        })
        .then((stop) => {
          unsubscribe = stop;
        }, reject);
    });
    return await inclusionOf(api, name, result);
  } catch (error) {
    throw poolRejection(name, error, api.runtimeVersion.specVersion.toNumber());
  } finally {
    unsubscribe();
  }
}

async function inclusionOf(
  api: ApiPromise,
  name: string,
  { status, dispatchError }: ISubmittableResult,
): Promise<Inclusion> {
  if (dispatchError?.isModule) {
    const { section, name: error } = api.registry.findMetaError(dispatchError.asModule);
    throw dispatchRejection(name, section, error);
  }
  if (dispatchError) throw dispatchRejection(name, 'system', dispatchError.toString());
  if (!status.isInBlock && !status.isFinalized) {
    throw new FlockOffError({
      code: 'chain-rejected',
      what: `the node dropped ${name} from its pool (${status.type})`,
      fix: 'it is safe to send it again',
      facts: { call: name, status: status.type },
      transient: true,
    });
  }
  const blockHash = (status.isInBlock ? status.asInBlock : status.asFinalized).toHex();
  const header = await api.rpc.chain.getHeader(blockHash);
  return { block: header.number.toNumber(), blockHash };
}
