import { JsonRpcSocket } from '../../src/chain/json-rpc-socket.ts';

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
  const { request } = JsonRpcSocket.prototype;
  const count = { roundTrips: 0, requests: 0 };
  let answered = true;
  JsonRpcSocket.prototype.request = function counted<T>(this: JsonRpcSocket, method: string, params?: unknown[]) {
    count.requests++;
    const isWaitedFor = !/_un(subscribe|watch)/.test(method);
    if (isWaitedFor && answered) {
      count.roundTrips++;
      answered = false;
    }
    const answer = request.call(this, method, params) as Promise<T>;
    const onAnswer = () => {
      if (isWaitedFor) answered = true;
    };
    answer.then(onAnswer, onAnswer);
    return answer;
  };
  try {
    await run();
  } finally {
    JsonRpcSocket.prototype.request = request;
  }
  return count;
}
