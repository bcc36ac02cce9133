import { ask, BlockAnswer, HashAnswer, HeaderAnswer, KeysAnswer, NonceAnswer, UnusableAnswerError } from './answers.ts';
import { unusableNode } from './connection-errors.ts';
import type { HeadClock } from './head-clock.ts';
import { RpcError } from './json-rpc-socket.ts';
import { type Node, NodeSnapshot, toNumber } from './snapshot.ts';

/** The zero account, whose nonce is 0. */
const NOBODY = '5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM';

/**
 * Calls every read method once, since a node may list a method in `rpc_methods` and still refuse it, or answer it with
 * invalid data. The block number in the state must match the block asked for, and its timestamp this machine's clock.
 * Submitting is not tried: a node that refuses it is noticed when a transaction is sent, and nothing is lost.
 * Returns the number of the best block. @throws FlockOffError `chain-unreachable` for a node that is not fit.
 */
export async function probe(node: Node & { headClock: HeadClock }, url: string): Promise<number> {
  const { socket, headClock } = node;
  const tried = async <T>(method: string, answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof RpcError) throw unusableNode(url, `it refuses ${method} (${error.code}: ${error.message})`);
      throw error instanceof UnusableAnswerError ? unusableNode(url, error.message) : error;
    }
  };
  const asked = <Answer extends Parameters<typeof ask>[3]>(method: string, params: unknown[], answer: Answer) =>
    tried(method, ask(socket, method, params, answer));
  const blockHash = await asked('chain_getBlockHash', [], HashAnswer);
  const snapshot = new NodeSnapshot(node, blockHash);
  const time = snapshot.optional(['timestamp.now']);
  const [{ number }, { stored, now }] = await Promise.all([
    asked('chain_getHeader', [blockHash], HeaderAnswer),
    tried(
      'state_queryStorageAt',
      snapshot.read({ stored: ['system.number'], now: time }).then((read) => ({
        stored: toNumber(read.stored),
        now: read.now && toNumber(read.now),
      })),
    ),
    asked('state_getKeysPaged', ['0x', 1, null, blockHash], KeysAnswer.length(1)),
    asked('system_accountNextIndex', [NOBODY], NonceAnswer),
    asked('chain_getFinalizedHead', [], HashAnswer),
    asked('chain_getBlock', [blockHash], BlockAnswer.unwrap()),
  ]);
  if (stored !== number) throw unusableNode(url, `it serves block ${number} with the state of block ${stored}`);
  const wrongTime = now === null ? null : headClock.compare(now);
  if (wrongTime) throw wrongTime;
  return number;
}
