import type { HubFault } from '../shared/hub-refusal.ts';

/** What a call to the Hub is made with. */
export interface HubClient {
  hubUrl: string;
  /** The token of whoever calls, if any. */
  token: string | undefined;
  /** A fetch of the Hub that ends with the signal and sends the token given here, if any. */
  fetchWith: (signal: AbortSignal, token?: string) => typeof fetch;
  /** Makes the error of what was asked for at a URL. */
  faultAt: (url: string) => HubFault;
  /** Runs a call about a repository until it succeeds or its time is up, repeating what fails in passing. */
  insist: <T>(repo: string, signal: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<T>) => Promise<T>;
}
