import { parseHubEndpoint } from './hub-endpoint.ts';
import { parseHubToken } from './hub-token.ts';

/** Where the Hub is, and who asks it. */
export interface HubAccess {
  /** Without a slash at the end. */
  hubUrl: string;
  token: string | undefined;
}

/**
 * Checks what a caller says of the Hub.
 * @param names what the caller knows the two settings as.
 * @throws FlockOffError `bad-argument` for an endpoint that is no address, and for a token that cannot be one.
 */
export function parseHubAccess(
  { endpoint = 'https://huggingface.co', token }: { endpoint?: string; token?: string },
  names: { endpoint: string; token: string },
): HubAccess {
  return { hubUrl: parseHubEndpoint(endpoint, names.endpoint), token: parseHubToken({ token, setting: names.token }) };
}
