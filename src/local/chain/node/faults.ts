/** A fault that is injected into the node's answers. */
export type ChainFault =
  /** Closes the socket before doing anything. */
  | { kind: 'drop' }
  /** Executes the request, and closes the socket without an answer. */
  | { kind: 'lose-answer' }
  /** Never answers. */
  | { kind: 'hang' }
  /** Reads and writes nothing any more, pings included, and keeps the socket open: what is left when a cable is pulled. */
  | { kind: 'half-open' }
  /** Waits before doing anything. */
  | { kind: 'delay'; ms: number }
  /** Answers with a JSON-RPC error instead of doing anything. */
  | { kind: 'error'; code: number; message: string }
  /** Answers with this instead of doing anything. */
  | { kind: 'lie'; result: unknown };

export interface InjectedChainFault {
  /** JSON-RPC method, such as "author_submitAndWatchExtrinsic", or a part of it; "" for every method. */
  on: string;
  fault: ChainFault;
  /** How often; Infinity until {@link ChainFaults.clear}. Default 1. */
  times?: number;
}

/** Injected faults that are still to happen, and the requests so far. */
export class ChainFaults {
  #waiting: { on: string; fault: ChainFault; left: number }[] = [];
  /** Every request so far, by method. */
  readonly requests: string[] = [];
  /** Called with the method of every request before anything is done about it, the choice of a fault included. */
  readonly onRequest = new Set<(method: string) => void>();
  /** While true, new connections are refused. */
  refuseConnections = false;

  inject({ on, fault, times = 1 }: InjectedChainFault): void {
    this.#waiting.push({ on, fault, left: times });
  }

  clear(): void {
    this.#waiting = [];
    this.refuseConnections = false;
  }

  /** The fault for a request, used up by asking; `null` when there is none. */
  take(method: string): ChainFault | null {
    this.requests.push(method);
    for (const listener of this.onRequest) listener(method);
    const next = this.#waiting.find(({ on, left }) => left > 0 && method.includes(on));
    if (!next) return null;
    next.left--;
    return next.fault;
  }
}
