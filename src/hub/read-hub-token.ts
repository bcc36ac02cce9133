import { FlockOffError } from '../errors/flock-off-error.ts';
import { parseHubToken } from '../schema/hub-token.ts';

/**
 * The Hub's token of this process: `HF_TOKEN` of its environment, or of `.env` in the working folder, which is loaded for it;
 * `undefined` where there is none.
 * @throws FlockOffError `bad-argument` where `.env` cannot be read, and as `parseHubToken`.
 */
export function readHubToken(): string | undefined {
  try {
    process.loadEnvFile('.env');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new FlockOffError({
        code: 'bad-argument',
        what: '.env in this folder cannot be read as settings',
        fix: 'make it a text file with lines such as HF_TOKEN=hf_..., or remove it',
        cause: error,
      });
  }
  return parseHubToken({ token: process.env.HF_TOKEN, setting: 'HF_TOKEN' });
}
