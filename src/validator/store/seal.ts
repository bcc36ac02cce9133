import { createHash } from 'node:crypto';

/** A value as it is stored: the SHA-256 of its key and its JSON, a space, its JSON. */
export function seal(key: string, value: unknown): { sealed: string; sum: string } {
  const json = JSON.stringify(value);
  const sum = sumOf(key, json);
  return { sealed: `${sum} ${json}`, sum };
}

/** The value and its sum; `null` where it is not what was stored under this key. */
export function unseal(key: string, sealed: string): { value: unknown; sum: string } | null {
  const [sum, json] = [sealed.slice(0, SUM_LENGTH), sealed.slice(SUM_LENGTH + 1)];
  if (sealed[SUM_LENGTH] !== ' ' || sumOf(key, json) !== sum) return null;
  return { value: JSON.parse(json), sum };
}

/** A value of version 0.1.0, which sealed none; `undefined` where it is no JSON. */
export function readUnsealed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One hash over all entries: none can be missing, added or older without changing it. */
export function digestOf(sums: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256');
  for (const key of [...sums.keys()].sort()) hash.update(`${sums.get(key)} ${key}\n`);
  return hash.digest('hex');
}

const SUM_LENGTH = 64;

function sumOf(key: string, json: string): string {
  return createHash('sha256').update(`${key}\0${json}`).digest('hex');
}
