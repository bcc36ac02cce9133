import { FlockOffError } from '../errors/flock-off-error.ts';

/**
 * The address of the Hub or of a mirror of it, without a slash at the end.
 * @param setting how the reader knows it.
 * @throws FlockOffError `bad-argument` for what is no web address, or has a password in it, which is not shown.
 */
export function parseHubEndpoint(endpoint: string, setting: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (isWeb && url.username === '' && url.password === '') return endpoint.replace(/\/+$/, '');
  throw new FlockOffError({
    code: 'bad-argument',
    what: isWeb ? `${setting} has a user name or password in it` : `${setting} is no web address`,
    fix: isWeb
      ? 'leave them out, and pass what the mirror asks for as the token'
      : 'pass one such as https://huggingface.co',
    facts: { name: setting },
  });
}
