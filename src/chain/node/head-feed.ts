import { abortable } from '../../shared/abortable.ts';
import { HeaderAnswer } from './answers.ts';
import type { JsonRpcSocket } from './json-rpc-socket.ts';

export interface OpenHeadFeedParameters {
  socket: JsonRpcSocket;
  /** Number of the best block when the feed is opened. */
  block: number;
  /** How long the best block may stand still. */
  stallTimeoutMs: number;
  /** Called each time it has stood still for that long, with its number. */
  onStall: (block: number) => void;
  /** Called with each new best block that somebody waits for. */
  onFollowed?: () => void;
}

/**
 * The number of the node's best block, as the node announces it: the watch on whether blocks arrive. What is counted is
 * the highest number so far, so a head that is announced twice, or one that a re-org takes back, is no progress.
 */
export class HeadFeed {
  readonly #socket: JsonRpcSocket;
  readonly #waiting = new Set<{ block: number; resolve: (block: number) => void }>();
  readonly #restartWatchdog: () => void;
  readonly #onFollowed: () => void;
  #block: number;

  private constructor({ socket, block, stallTimeoutMs, onStall, onFollowed = () => {} }: OpenHeadFeedParameters) {
    this.#socket = socket;
    this.#onFollowed = onFollowed;
    this.#block = block;
    const watchdog = setInterval(() => onStall(this.#block), stallTimeoutMs);
    this.#restartWatchdog = () => void watchdog.refresh();
    socket.lost.addEventListener('abort', () => clearInterval(watchdog), { once: true });
  }

  static async open(parameters: OpenHeadFeedParameters): Promise<HeadFeed> {
    const feed = new HeadFeed(parameters);
    await parameters.socket.subscribe(
      { method: 'chain_subscribeNewHeads', unsubscribe: 'chain_unsubscribeNewHeads' },
      (header) => feed.#arrived(HeaderAnswer.parse(header).number),
    );
    return feed;
  }

  /** Highest number announced so far. */
  get block(): number {
    return this.#block;
  }

  /** Resolves with the highest number as soon as it is above `block`. @throws SocketLostError when the socket is lost first. */
  async after(block: number): Promise<number> {
    if (this.#block > block) return this.#block;
    const waiter = { block, resolve: (_: number) => {} };
    const arrived = new Promise<number>((resolve) => {
      waiter.resolve = resolve;
    });
    this.#waiting.add(waiter);
    try {
      return await abortable(arrived, this.#socket.lost);
    } finally {
      this.#waiting.delete(waiter);
    }
  }

  #arrived(block: number): void {
    if (block <= this.#block) return;
    this.#block = block;
    this.#restartWatchdog();
    if (this.#waiting.size > 0) this.#onFollowed();
    for (const { block: last, resolve } of this.#waiting) if (block > last) resolve(block);
  }
}
