import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import type { Policy } from './policy.ts';
import { policyOf } from './shipped.ts';

/**
 * What makes the policy of a file from the parameters in a competition. The file exports the policy by default, or a function
 * that makes it from them. It runs with all rights of this program: open only what you have read.
 * @throws FlockOffError `bad-argument` when it cannot be loaded, or is no policy; what is returned throws it likewise.
 * @example
 * const policyFor = await openPolicy('./my-policy.mjs');
 * const policy = policyFor({});
 */
export async function openPolicy(file: string): Promise<(parameters: Record<string, unknown>) => Policy> {
  const bad = (cause: unknown) => {
    const what = `the policy ${file} cannot be loaded: ${messageOf(cause)}`;
    return new FlockOffError({ code: 'bad-argument', what, fix: 'check --policy', cause });
  };
  const { default: exported } = await import(pathToFileURL(resolve(file)).href).catch((cause) => {
    throw bad(cause);
  });
  const policyWith = (parameters: Record<string, unknown>) => {
    let policy: Policy;
    try {
      policy = (typeof exported === 'function' ? exported(parameters) : exported) ?? null;
    } catch (cause) {
      throw bad(cause);
    }
    return policyOf({ name: policy?.name ?? '', parameters }, policy);
  };
  if (typeof exported !== 'function') policyWith({});
  return policyWith;
}
