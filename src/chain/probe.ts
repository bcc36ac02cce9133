import { unfit } from './connection-errors.ts';
import type { HeadClock } from './head-clock.ts';
import { RpcError } from './json-rpc-socket.ts';
import { type Node, Snapshot, type StorageRead, toNumber } from './snapshot.ts';

/** An account nobody has. */
const NOBODY = '5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM';

/**
 * Calls once what is read with later, since a node may name a method in `rpc_methods` and refuse it, or answer it with
 * nonsense. That the state it answers with is the state of the block asked for is seen by the block number in it, and
 * that the block is one of today by its time.
 * Only sending is not tried: a node that refuses that is noticed when something is sent, and nothing is lost by it.
 * Returns the number of the best block. @throws FlockOffError `chain-unreachable` for a node that is not fit.
 */
export async function probe(node: Node & { headClock: HeadClock }, url: string): Promise<number> {
  const { socket, headClock } = node;
  const call = async <T>(method: string, params: unknown[], isFit: (result: T) => boolean): Promise<T> => {
    const result = await socket.request<T>(method, params).catch((error: unknown) => {
      throw error instanceof RpcError ? unfit(url, `it refuses ${method} (${error.code}: ${error.message})`) : error;
    });
    if (isFit(result)) return result;
    throw unfit(url, `it answered ${method} with ${JSON.stringify(result)?.slice(0, 80)}`);
  };
  const blockHash = await call<string>('chain_getBlockHash', [], isHash);
  const snapshot = new Snapshot(node, blockHash);
  const time: StorageRead[] = snapshot.has('timestamp.now') ? [['timestamp.now']] : [];
  const [{ number }, [stored, now]] = await Promise.all([
    call<{ number: string }>('chain_getHeader', [blockHash], (header) => isHex(header?.number)),
    snapshot.read([['system.number'], ...time]).catch((error: unknown) => {
      throw error instanceof RpcError
        ? unfit(url, `it refuses state_queryStorageAt (${error.code}: ${error.message})`)
        : error;
    }),
    call<string[]>('state_getKeysPaged', ['0x', 1, null, blockHash], (keys) => keys?.length === 1),
    call<number>('system_accountNextIndex', [NOBODY], Number.isInteger),
    call<string>('chain_getFinalizedHead', [], isHash),
    call<{ block: unknown }>('chain_getBlock', [blockHash], (answer) => Boolean(answer?.block)),
  ]);
  if (toNumber(stored!) !== Number(number))
    throw unfit(url, `it serves block ${Number(number)} with the state of block ${toNumber(stored!)}`);
  const wrongTime = now ? headClock.compare(toNumber(now)) : null;
  if (wrongTime) throw wrongTime;
  return Number(number);
}

function isHex(value: unknown): boolean {
  return typeof value === 'string' && /^0x[0-9a-f]+$/i.test(value);
}

function isHash(value: unknown): boolean {
  return isHex(value) && (value as string).length === 66;
}
