import { toField } from '../codec/chain-value.ts';
import { ask, BlockAnswer, HashAnswer, HeaderAnswer, RuntimeVersionAnswer } from '../node/answers.ts';
import { type Node, NodeSnapshot, type Snapshot, toNumber } from '../node/snapshot.ts';
import { dispatchRejection } from './explain-rejection.ts';
import type { SignedTransaction } from './sign.ts';
import { type Certainty, type Inclusion, readOutcome } from './watch.ts';

/** What became of a transaction. `never`: it is in no block and can get into none; `open`: it may still get into one. */
export type Fate = Inclusion | 'never' | 'open';

/** The number of transactions an account has in the blocks up to this one: the nonce its next one needs. */
export async function readNonce(snapshot: Snapshot, address: string): Promise<number> {
  return toNumber(toField(await snapshot.get('system.account', address), 'nonce'));
}

export interface FindTransactionParameters {
  /** Name in errors. */
  name: string;
  transaction: SignedTransaction;
  until: Certainty;
  /** Hashes of blocks of which it is known that neither they nor the ones before them hold it; grows. */
  without: Set<string>;
}

/**
 * Looks for a transaction in the blocks since it was signed, from the best one back: its outcome is read from the chain
 * itself, not from the node that it was submitted to.
 * @throws FlockOffError `chain-rejected` when it is in a block whose runtime refused it.
 */
export async function findTransaction(link: Node, parameters: FindTransactionParameters): Promise<Fate> {
  const { name, transaction, until, without } = parameters;
  const { socket, api } = link;
  const best = await ask(socket, 'chain_getBlockHash', [], HashAnswer);
  const looked: string[] = [];
  let bestBlock: number | undefined;
  for (let hash = best; !without.has(hash); ) {
    const answer = await ask(socket, 'chain_getBlock', [hash], BlockAnswer);
    if (answer === null) break; // The node does not keep it.
    const { header, extrinsics } = answer.block;
    bestBlock ??= header.number;
    if (extrinsics.includes(transaction.hex)) {
      if (until === 'finalized' && header.number > (await finalBlock(link))) return 'open';
      const { inclusion, refusal } = await readOutcome(link, transaction.hex, hash);
      if (refusal) throw dispatchRejection(name, refusal);
      return inclusion;
    }
    looked.push(hash);
    if (header.number <= transaction.signedAtBlock + 1) break;
    hash = header.parentHash;
  }
  for (const hash of looked) without.add(hash);
  const { specVersion } = await ask(socket, 'state_getRuntimeVersion', [], RuntimeVersionAnswer);
  if (specVersion !== api.runtimeVersion.specVersion.toNumber()) socket.close('the runtime was upgraded');
  if (specVersion !== transaction.specVersion) return 'never';
  if (bestBlock !== undefined && bestBlock >= transaction.lastBlock) return 'never';
  return (await readNonce(new NodeSnapshot(link, best), transaction.signer)) > transaction.nonce ? 'never' : 'open';
}

async function finalBlock({ socket }: Node): Promise<number> {
  const hash = await ask(socket, 'chain_getFinalizedHead', [], HashAnswer);
  return (await ask(socket, 'chain_getHeader', [hash], HeaderAnswer)).number;
}
