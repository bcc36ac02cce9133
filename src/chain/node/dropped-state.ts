import { RpcError } from './json-rpc-socket.ts';

/** Whether a node says that it does not keep the state of a block, or knows none of that hash. */
export function isDropped(error: unknown): boolean {
  if (!(error instanceof RpcError)) return false;
  const { message, data } = error;
  return /discarded|unknown ?block|pruned|not found/i.test(`${message} ${typeof data === 'string' ? data : ''}`);
}
