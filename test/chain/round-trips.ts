import { JsonRpcSocket, type Subscription } from '../../src/chain/node/json-rpc-socket.ts';

export interface RoundTripCount {
  /** Times that something was sent after an answer had been waited for: what is sent at once counts once. */
  roundTrips: number;
  requests: number;
}

/**
 * Counts what `run` sends, over all sockets of this process. A request that goes out after the answer to an earlier one
 * begins a new round trip, whether it needed that answer or not, so the count is never too low. What ends a
 * subscription is a request, but nobody waits for it.
 */
export async function countRoundTrips(run: () => Promise<unknown>): Promise<RoundTripCount> {
  const { request, subscribe } = JsonRpcSocket.prototype;
  const count = { roundTrips: 0, requests: 0 };
  let answered = true;
  const counted = <T>(answer: Promise<T>, isWaitedFor = true): Promise<T> => {
    count.requests++;
    if (!isWaitedFor) return answer;
    if (answered) count.roundTrips++;
    answered = false;
    const onAnswer = () => {
      answered = true;
    };
    answer.then(onAnswer, onAnswer);
    return answer;
  };
  JsonRpcSocket.prototype.request = function countRequest<T>(this: JsonRpcSocket, method: string, params?: unknown[]) {
    const isWaitedFor = !/_un(subscribe|watch)/.test(method);
    return counted(request.call(this, method, params) as Promise<T>, isWaitedFor);
  };
  JsonRpcSocket.prototype.subscribe = function countSubscription<T>(
    this: JsonRpcSocket,
    subscription: Subscription,
    onNotice: (notice: T) => void,
  ) {
    return counted(subscribe.call(this, subscription, onNotice as (notice: unknown) => void));
  };
  try {
    await run();
  } finally {
    Object.assign(JsonRpcSocket.prototype, { request, subscribe });
  }
  return count;
}
