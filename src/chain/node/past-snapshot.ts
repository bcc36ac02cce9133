import { ask, HashAnswer, RuntimeVersionAnswer } from './answers.ts';
import { RpcError } from './json-rpc-socket.ts';
import { type Node, NodeSnapshot, type Snapshot } from './snapshot.ts';

/**
 * Reads the storage as of an earlier block. `null` where the node does not keep its state any more (most keep 256 blocks),
 * has no such block yet, or another runtime made it, whose storage this one's description may misread.
 */
export async function readPast<T>(
  node: Node,
  block: number,
  use: (snapshot: Snapshot) => Promise<T>,
): Promise<T | null> {
  const { socket, api } = node;
  const hash = await ask(socket, 'chain_getBlockHash', [block], HashAnswer.nullable());
  if (hash === null) return null;
  try {
    const value = use(new NodeSnapshot(node, hash));
    value.catch(() => {});
    const { specVersion } = await ask(socket, 'state_getRuntimeVersion', [hash], RuntimeVersionAnswer);
    return specVersion === api.runtimeVersion.specVersion.toNumber() ? await value : null;
  } catch (error) {
    if (error instanceof RpcError && isDropped(error)) return null;
    throw error;
  }
}

/** How nodes say that they do not keep the state of a block, or know none of that hash. */
export function isDropped({ message, data }: RpcError): boolean {
  return /discarded|unknown ?block|pruned|not found/i.test(`${message} ${typeof data === 'string' ? data : ''}`);
}
