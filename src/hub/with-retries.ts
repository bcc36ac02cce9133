import type { HubCalls, HubClient } from '../shared/hub-client.ts';

export interface WithRetriesParameters {
  repo: string;
  signal?: AbortSignal;
}

/** Runs a call about a dataset repository until it succeeds or its deadline passes, retrying transient failures. */
export function withRetries<T>(
  client: HubClient,
  { repo, signal }: WithRetriesParameters,
  call: (calls: HubCalls) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const url = `${client.hubUrl}/datasets/${repo}`;
  return client.within(url, signal, (calls) => calls.withRetries(url, () => call(calls)));
}
