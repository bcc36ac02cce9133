import type { ApiPromise } from '@polkadot/api';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { abortable } from '../../shared/abortable.ts';
import { toTuple } from '../codec/chain-value.ts';
import { ask, BlockAnswer } from '../node/answers.ts';
import { METHOD_NOT_FOUND, RpcError } from '../node/json-rpc-socket.ts';
import { type ChainValue, type Node, NodeSnapshot, toItems } from '../node/snapshot.ts';
import { dispatchRejection, droppedRejection, poolRejection } from './explain-rejection.ts';
import type { SignedTransaction } from './sign.ts';

/** Where a call took effect. */
export interface Inclusion {
  block: number;
  /** `null` when only the effect was seen on the chain, not the transaction itself. */
  blockHash: string | null;
}

/** What is waited for: a block of the best chain, or one that can never be taken back. */
export type Certainty = 'in-block' | 'finalized';

export interface WatchTransactionParameters {
  /** Name in errors, such as "commitments.setCommitment". */
  name: string;
  transaction: SignedTransaction;
  until: Certainty;
  /** Called when the node has taken the transaction. */
  onTaken: () => void;
}

/** Statuses of a watched transaction after which the node says no more. */
const GIVEN_UP = ['dropped', 'invalid', 'usurped', 'finalityTimeout'];

/**
 * Offers a signed transaction to the node and waits until it is in a block, or in a final one. One that a re-org takes
 * back is watched on.
 * @throws FlockOffError `chain-rejected` when the node does not take it or gives it up, or the runtime refused the call.
 */
export async function watchTransaction(link: Node, parameters: WatchTransactionParameters): Promise<Inclusion> {
  const { name, transaction, until, onTaken } = parameters;
  const { socket, api } = link;
  let inBlock: string | null = null;
  let wake = () => {};
  let givenUp: string | null = null;
  const onStatus = (status: string | Record<string, unknown>) => {
    const [kind = '', value] = typeof status === 'string' ? [status] : (Object.entries(status)[0] ?? []);
    if (kind === 'finalized' || (kind === 'inBlock' && until === 'in-block')) inBlock = String(value);
    else if (kind === 'retracted' && inBlock === String(value)) inBlock = null;
    else if (GIVEN_UP.includes(kind)) givenUp = kind;
    wake();
  };
  const subscription = {
    method: 'author_submitAndWatchExtrinsic',
    unsubscribe: 'author_unwatchExtrinsic',
    params: [transaction.hex],
  };
  const stop = await socket.subscribe(subscription, onStatus).catch((error: unknown) => {
    // A node that does not offer the method has said nothing about the transaction.
    if (!(error instanceof RpcError) || error.code === METHOD_NOT_FOUND) throw error;
    throw poolRejection(name, error, api.runtimeVersion.specVersion.toNumber());
  });
  onTaken();
  try {
    for (;;) {
      const blockHash: string | null = inBlock;
      if (blockHash !== null) {
        const { inclusion, refusal } = await readOutcome(link, transaction.hex, blockHash);
        // The node answers in order: had the block been taken back before it was read, that would be known by now.
        if (inBlock === blockHash) {
          if (refusal) throw dispatchRejection(name, refusal);
          return inclusion;
        }
      } else if (givenUp !== null) throw droppedRejection(name, givenUp);
      else
        await abortable(
          new Promise<void>((resolve) => {
            wake = resolve;
          }),
          socket.lost,
        );
    }
  } finally {
    stop();
  }
}

/** What became of a transaction in the block that holds it: the runtime's refusal by its name from the metadata. */
export async function readOutcome(
  link: Node,
  hex: string,
  blockHash: string,
): Promise<{ inclusion: Inclusion; refusal: ErrorName | null }> {
  const [{ block }, events] = await Promise.all([
    ask(link.socket, 'chain_getBlock', [blockHash], BlockAnswer.unwrap()),
    new NodeSnapshot(link, blockHash).get('system.events'),
  ]);
  const index = block.extrinsics.indexOf(hex);
  if (index < 0) throw notThere(blockHash);
  const failure = (toItems(events) as unknown as EventRecord[]).find(
    ({ phase, event }) =>
      phase.isApplyExtrinsic &&
      phase.asApplyExtrinsic.eq(index) &&
      event.section === 'system' &&
      event.method === 'ExtrinsicFailed',
  );
  return {
    inclusion: { block: block.header.number, blockHash },
    refusal: failure ? nameOf(link.api, refusalOf(failure)) : null,
  };
}

function notThere(blockHash: string): FlockOffError {
  return new FlockOffError({
    code: 'chain-unreachable',
    what: `the node says that a transaction is in block ${blockHash}, which does not hold it`,
    fix: 'use another endpoint',
    facts: { blockHash },
    transient: true,
  });
}

interface ErrorName {
  section: string;
  name: string;
}

interface EventRecord {
  phase: { isApplyExtrinsic: boolean; asApplyExtrinsic: ChainValue };
  event: { section: string; method: string; data: ChainValue };
}

interface DispatchError {
  type: string;
  isModule: boolean;
  asModule: Parameters<ApiPromise['registry']['findMetaError']>[0];
  inner?: { type?: string };
}

/** Of an event `ExtrinsicFailed`. */
function refusalOf({ event }: EventRecord): DispatchError {
  return toTuple(event.data, ['error', 'info']).error as unknown as DispatchError;
}

function nameOf(api: ApiPromise, error: DispatchError): ErrorName {
  if (error.isModule) {
    try {
      return api.registry.findMetaError(error.asModule);
    } catch {
      // A runtime's description need not list every error that it gives.
      return { section: 'module', name: String(error.asModule) };
    }
  }
  return { section: 'system', name: [error.type, error.inner?.type].filter(Boolean).join('.') };
}
