import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';
import { abortable } from '../../shared/abortable.ts';
import type { Logger } from '../../shared/logger.ts';
import { retry } from '../../shared/retry.ts';
import { timed } from '../../shared/timed.ts';
import { ask, NonceAnswer, UnusableAnswerError } from '../node/answers.ts';
import type { Link } from '../node/link.ts';
import { NodeSnapshot, type Snapshot } from '../node/snapshot.ts';
import type { HotkeySigner } from '../wallet/hotkey.ts';
import { ALREADY_IMPORTED, rejectionKind } from './explain-rejection.ts';
import { type Fate, findTransaction, readNonce } from './find.ts';
import { type Account, NonceLocks } from './nonce-locks.ts';
import {
  type BuildCall,
  ERA_BLOCKS,
  readEraStart,
  requireEra,
  type SignedTransaction,
  signTransaction,
} from './sign.ts';
import { type Certainty, type Inclusion, watchTransaction } from './watch.ts';

export { type BuildCall, callOn, ERA_BLOCKS } from './sign.ts';
export type { Certainty, Inclusion } from './watch.ts';

export interface SubmitParameters {
  /** Name in errors and logs, such as "commitments.setCommitment". */
  name: string;
  call: BuildCall;
  hotkey: HotkeySigner;
  /**
   * Where the effect of the call is on the chain, `null` when it is not there. Asked before a call is signed a second
   * time, and when this hotkey has something under way that this process did not send: it may be this very call, sent by
   * a process that was killed. It is given the block to look at.
   */
  landed: (snapshot: Snapshot) => Promise<Inclusion | null>;
  /** Blocks the signature is valid for: a power of two from 4 to 2048, or 0 for ever. Default 64. */
  eraBlocks?: number;
  /** What is waited for. Default: the client's, which is `in-block`. */
  until?: Certainty;
  signal?: AbortSignal;
}

/** What sending needs of the client. */
export interface SubmitterParameters {
  /** Runs with a connected node, again on another one where the answer was lost. */
  use<T>(what: string, run: (link: Link) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** The same, but once: what was sent may have arrived. */
  useOnce<T>(what: string, run: (link: Link) => Promise<T>, signal?: AbortSignal): Promise<T>;
  nextBlock(last: number, signal?: AbortSignal): Promise<number>;
  until: Certainty;
  logger: Logger;
}

/** How often a call is signed, each time only after the signature before can no longer land. */
const SIGNATURES = 4;
/** How often the same bytes are offered. */
const OFFERS = 3;
/** Blocks in which a transaction whose answer was lost is looked for before it is offered again. */
const LOOK_BLOCKS = 3;
/** Blocks that a final one may be behind. */
const FINALITY_BLOCKS = 12;
/** A node's pool holds fewer transactions than this. */
const MOST_POOLED = 100_000;
/** Blocks that what another process sent for the same hotkey is waited for. */
const OTHERS_BLOCKS = 8;

interface LookParameters extends Pick<SubmitParameters, 'name' | 'signal'> {
  until: Certainty;
  without: Set<string>;
  /** How many blocks are waited for. */
  blocks: number;
}

/** The signature can no longer land; the call has to be signed anew. */
class SignAgain extends Error {
  readonly because: unknown;

  constructor(because: unknown) {
    super('the signature can no longer land');
    this.because = because;
  }
}

/**
 * Sends calls so that each takes effect once. What is sent twice is the same bytes, which their nonce lets land once;
 * signed anew is only what can no longer land. Whether it did is read from the blocks.
 */
export class Submitter {
  readonly #client: SubmitterParameters;
  readonly #turns = new NonceLocks();

  constructor(parameters: SubmitterParameters) {
    this.#client = parameters;
  }

  async submit(parameters: SubmitParameters): Promise<Inclusion> {
    requireEra(parameters.eraBlocks ?? ERA_BLOCKS);
    try {
      const { name, signal } = parameters;
      const deliver = () =>
        retry(() => this.#signAndDeliver(parameters), {
          attempts: SIGNATURES,
          baseDelayMs: 100,
          maxDelayMs: 1_000,
          isTransient: (error) => error instanceof SignAgain,
          onRetry: () => this.#client.logger.debug(`${name} is signed again: the signature before can no longer land`),
          signal,
        });
      const inclusion = await timed(this.#client.logger, `sending ${name}`, deliver);
      this.#client.logger.debug(`${name} is in block ${inclusion.block}`);
      return inclusion;
    } catch (error) {
      throw error instanceof SignAgain ? error.because : error;
    }
  }

  async #signAndDeliver(parameters: SubmitParameters): Promise<Inclusion> {
    const { hotkey, signal } = parameters;
    const { account, end } = await this.#turns.take(hotkey.address, signal);
    try {
      const signed = await this.#sign(account, parameters);
      if (!('hex' in signed)) return signed;
      account.underWay.add(signed.nonce);
      try {
        return await this.#deliver(signed, parameters, end);
      } catch (error) {
        account.unsure ||= !isFinal(error);
        throw error;
      } finally {
        account.underWay.delete(signed.nonce);
      }
    } finally {
      end();
    }
  }

  /**
   * Signs for the next nonce. What this hotkey has in the node's pool and this process did not put there is waited for
   * first, since it may be this call: then where it landed is returned.
   */
  async #sign(account: Account, parameters: SubmitParameters): Promise<SignedTransaction | Inclusion> {
    const { name, call, hotkey, eraBlocks = ERA_BLOCKS, landed, signal } = parameters;
    for (let waited = 0; ; waited++) {
      const mayHaveLanded = waited > 0 || account.unsure;
      const read = async (link: Link) => {
        const [next, { used, inclusion }, start] = await Promise.all([
          ask(link.socket, 'system_accountNextIndex', [hotkey.address], NonceAnswer),
          readUsed(link, hotkey.address, mayHaveLanded ? landed : null),
          readEraStart(link, eraBlocks),
        ]);
        if (next - used > MOST_POOLED)
          throw new UnusableAnswerError(`it answered system_accountNextIndex with ${next}`);
        return { api: link.api, best: link.heads.block, next, used, inclusion, start };
      };
      const { api, best, next, used, inclusion, start } = await this.#client.use(`signing ${name}`, read, signal);
      // What is neither in the blocks that `used` counts nor in the pool was never sent, or will never land.
      if (inclusion) return inclusion;
      const pooled = Array.from({ length: Math.max(0, next - used) }, (_, i) => used + i);
      const others = pooled.filter((nonce) => !account.underWay.has(nonce)).length;
      if (others === 0 || waited === OTHERS_BLOCKS) {
        // A node may not yet count what it took a moment ago.
        account.unsure = others > 0;
        const nonce = firstFree(next, account.underWay);
        // Not under the deadline of a call: a person may have to confirm it on a device.
        const signing = signTransaction(api, { name, call, hotkey, nonce, eraBlocks, start });
        const signed = await (signal ? abortable(signing, signal) : signing);
        const now = await this.#client.use(`signing ${name}`, blockOfToday, signal);
        this.#client.logger.debug(`${name} is signed with nonce ${nonce}, for blocks up to ${signed.lastBlock}`);
        if (now < signed.lastBlock) return signed;
        throw new SignAgain(signedTooLate(name, { block: now, lastBlock: signed.lastBlock, eraBlocks }));
      }
      this.#client.logger.info(
        `${name}: ${hotkey.address} has ${others} under way already, waiting for the next block`,
      );
      await this.#client.nextBlock(best, signal);
    }
  }

  async #deliver(
    transaction: SignedTransaction,
    parameters: SubmitParameters,
    onTaken: () => void,
  ): Promise<Inclusion> {
    const { name, until = this.#client.until, signal } = parameters;
    const without = new Set<string>();
    let isOnItsWay = false;
    const taken = () => {
      isOnItsWay = true;
      onTaken();
    };
    for (let offer = 1; ; offer++) {
      try {
        const watch = (link: Link) => watchTransaction(link, { name, transaction, until, onTaken: taken });
        return await this.#client.useOnce(name, watch, signal);
      } catch (error) {
        if (!(error instanceof FlockOffError) || error.code === 'aborted') throw error;
        const judgement = rejectionKind(error);
        if (judgement === 'call' && offer === 1) throw error;
        isOnItsWay ||=
          judgement === 'none' || (error.code === 'chain-rejected' && error.facts.rpcCode === ALREADY_IMPORTED);
        if (judgement === 'none')
          this.#client.logger.warn(`${name}: the answer was lost, looking for its effect on the chain`);
        // What is said of the signature itself is true or outdated already; the rest shows in the next blocks.
        const blocks = isFinal(error) ? 0 : until === 'finalized' ? FINALITY_BLOCKS : LOOK_BLOCKS;
        const fate = await this.#look(transaction, { name, until, without, blocks, signal });
        if (typeof fate === 'object') return fate;
        if (fate === 'never') return this.#signAgain(error, parameters);
        if (offer < OFFERS && !isFinal(error)) continue;
        throw isOnItsWay && error.code === 'chain-rejected' ? unknownFate(name, transaction, error) : error;
      }
    }
  }

  /** Follows the chain for some blocks until it tells what became of a transaction. */
  async #look(transaction: SignedTransaction, { name, until, without, blocks, signal }: LookParameters): Promise<Fate> {
    const look = async (link: Link) => ({
      best: link.heads.block,
      fate: await findTransaction(link, { name, transaction, until, without }),
    });
    for (let looked = 0; ; looked++) {
      const { best, fate } = await this.#client.use(`looking for ${name} on the chain`, look, signal);
      if (fate !== 'open' || looked === blocks) return fate;
      await this.#client.nextBlock(best, signal);
    }
  }

  /** @throws SignAgain unless somebody else's signature brought the effect. */
  async #signAgain(because: unknown, { name, landed, signal }: SubmitParameters): Promise<Inclusion> {
    const look = (link: Link) => landed(new NodeSnapshot(link));
    const inclusion = await this.#client.use(`looking for the effect of ${name}`, look, signal);
    if (inclusion) return inclusion;
    throw new SignAgain(because);
  }
}

/**
 * The nonce that a block leaves an account with, and the effect of a call as of the same block: asked for at once, and
 * the effect once more where another block came in between.
 */
async function readUsed(
  link: Link,
  address: string,
  landed: SubmitParameters['landed'] | null,
): Promise<{ used: number; inclusion: Inclusion | null }> {
  const counted = new NodeSnapshot(link);
  if (!landed) return { used: await readNonce(counted, address), inclusion: null };
  const looked = new NodeSnapshot(link);
  const [used, inclusion] = await Promise.all([readNonce(counted, address), landed(looked)]);
  const isOneBlock = (await counted.blockHash()) === (await looked.blockHash());
  return { used, inclusion: inclusion || isOneBlock ? inclusion : await landed(counted) };
}

/** The best block; signing may have taken so long that the node has fallen behind meanwhile. */
async function blockOfToday(link: Link): Promise<number> {
  if (link.headClock.isDue) await new NodeSnapshot(link).read({});
  return link.heads.block;
}

/** The lowest nonce that neither the node counts nor this process has under way: a gap would keep all behind it waiting. */
function firstFree(next: number, underWay: Set<number>): number {
  let nonce = next;
  while (underWay.has(nonce)) nonce++;
  return nonce;
}

/** What a node says of bytes that it has already is no refusal, nor is anything it says of them once they may be in a block. */
function unknownFate(call: string, { nonce, lastBlock }: SignedTransaction, cause: FlockOffError): FlockOffError {
  return new FlockOffError({
    code: 'timeout',
    what: `it is not known whether ${call} took effect: it was sent, and is in none of the blocks seen since (last word: ${messageOf(cause).replace(/\.$/, '')})`,
    fix: `make the same call again: it looks for the effect first, and the one sent can land until block ${lastBlock}`,
    facts: { call, nonce, lastBlock },
    transient: true,
    cause,
  });
}

function signedTooLate(call: string, facts: { block: number; lastBlock: number; eraBlocks: number }): FlockOffError {
  return new FlockOffError({
    code: 'chain-rejected',
    what: `${call} was signed in block ${facts.block}, too late for its era: block ${facts.lastBlock} is the last that may hold it`,
    fix: `sign faster, or let the signature be valid for longer: \`eraBlocks\` is ${facts.eraBlocks}`,
    facts: { call, section: 'transactionPool', name: 'AncientBirthBlock', ...facts },
    transient: true,
  });
}

/** Whether an error says that a call will not land. */
function isFinal(error: unknown): boolean {
  return error instanceof FlockOffError && ['call', 'signature'].includes(rejectionKind(error));
}
