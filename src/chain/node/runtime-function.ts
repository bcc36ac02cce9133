import type { ApiPromise } from '@polkadot/api';
import { polkadotCrypto } from '../codec/polkadot.ts';
import { METHOD_NOT_FOUND, type RpcError } from './json-rpc-socket.ts';

/** How executors say that a runtime exports no such function: Substrate's over the years, and smoldot's. */
const NOT_EXPORTED =
  /exported method \S* ?(is )?not found|function to start was not found|symbol to start is not a function|method not found|doesn't have export|export \S* ?(is )?not found|unknown function/i;
/** The function is there and takes, or does, something else than expected. */
const TRAPPED = /\btrap(ped)?\b|wasm.?`?unreachable|unreachable.? instruction|panicked/i;

/**
 * Whether an error of `state_call` says that there is no function of that name to be had: the runtime exports none, by
 * any wording where its version does not list the API; it traps on the call; or the node lets nobody call one.
 */
export async function isMissingFunction(api: ApiPromise, name: string, error: RpcError): Promise<boolean> {
  const { code, message, data } = error;
  const text = `${message} ${typeof data === 'string' ? data : JSON.stringify(data ?? '')}`;
  return code === METHOD_NOT_FOUND || NOT_EXPORTED.test(text) || TRAPPED.test(text) || !(await listsApi(api, name));
}

/** Whether the runtime's version lists the API that a function belongs to: the part of its name before the first underscore. */
async function listsApi(api: ApiPromise, name: string): Promise<boolean> {
  const { blake2AsU8a, u8aToHex } = await polkadotCrypto();
  const id = u8aToHex(blake2AsU8a(name.replace(/_.*/s, ''), 64));
  return api.runtimeVersion.apis.some(([listed]) => listed.toHex() === id);
}
