import { createHash } from 'node:crypto';
import { canonicalJson } from '../shared/canonical-json.ts';
import { COMPETITION_FORMAT } from './document.ts';

/** A competition's file as it is written, and the only way it is read: so that no name stands in it twice. */
export function competitionText(json: object): string {
  return `${JSON.stringify(json, null, 2)}\n`;
}

/**
 * SHA-256 of what a competition is: of its JSON without `id` and `signature`, in canonical form.
 * @returns 64 hex digits.
 * @example
 * const draft = JSON.parse(text) as Record<string, unknown>;
 * console.log(competitionId(contentHash(draft)));
 */
export function contentHash(json: Record<string, unknown>): string {
  const { id: _, signature: __, ...content } = json;
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}

const ID_CHARACTERS = 12;

/**
 * What pointers carry: the first 72 bits of the hash in base64url, which is as long as an id may be.
 * @example
 * competitionId(contentHash({ name: 'any' })).length; // 12
 */
export function competitionId(hash: string): string {
  return Buffer.from(hash, 'hex').toString('base64url').slice(0, ID_CHARACTERS);
}

/** What the subnet's owner signs. */
export function signedText(hash: string): Uint8Array {
  return Buffer.from(`${COMPETITION_FORMAT} sha256:${hash}`);
}
