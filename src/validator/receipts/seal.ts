import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type BytesSigner, signBytes, verifyBytes } from '../../chain/wallet/signed-bytes.ts';
import { canonicalJson, canonicalMembers } from '../../shared/canonical-json.ts';
import { RECEIPT_FORMAT, type ReceiptSeal } from './receipt.ts';

/** Signs what a receipt says, and notes a checksum of each value, which tells the place of a later change. */
export async function seal<T extends object>(said: T, hotkey: BytesSigner): Promise<T & { seal: ReceiptSeal }> {
  const places = Buffer.concat([...leaves(said)].map(({ sum }) => sum)).toString('base64');
  const sha256 = sha256Of(canonicalJson(said));
  const signature = Buffer.from(await signBytes({ hotkey, bytes: signedText({ places, sha256 }) })).toString('hex');
  return { ...said, seal: { places, sha256, signature } };
}

/** Where what a receipt says is not what was signed. */
export interface BrokenSeal {
  /** Such as `entries[2].weight`. */
  place: string;
  why: string;
}

/** `null` where all of it is as it was signed, in a file with that text. */
export async function findBrokenSeal(
  { seal, ...said }: { seal: ReceiptSeal; signer: string },
  text: string,
): Promise<BrokenSeal | null> {
  const members = canonicalMembers(said);
  if (sha256Of(`{${members.join()}}`) !== seal.sha256) {
    const place = changedPlace(said, seal.places);
    if (place === null) return { place: 'seal.sha256', why: 'is not the hash of what the report says' };
    return { place, why: 'is not what was signed' };
  }
  const bytes = signedText(seal);
  const signature = Buffer.from(seal.signature, 'hex');
  const isWhole = signature.toString('hex') === seal.signature;
  if (isWhole && (await verifyBytes({ address: said.signer, bytes, signature }))) {
    const before = Object.keys(said).filter((key) => key < 'seal').length;
    const canonical = `{${members.toSpliced(before, 0, `"seal":${canonicalJson(seal)}`).join()}}\n`;
    if (text === canonical) return null;
    let at = 0;
    while (at < canonical.length && canonical.charCodeAt(at) === text.charCodeAt(at)) at++;
    return { place: `letter ${at + 1}`, why: 'is not as the canonical form has it' };
  }
  if (changedPlace(said, seal.places) !== null) return { place: 'seal.places', why: 'is not what was signed' };
  return { place: 'seal.signature', why: `is not that of ${said.signer}` };
}

function signedText({ places, sha256 }: Omit<ReceiptSeal, 'signature'>): Uint8Array {
  return Buffer.from(`${RECEIPT_FORMAT} sha256:${sha256} places:${sha256Of(places)}`);
}

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const SUM_BYTES = 4;

/** The first place whose value has another checksum; `null` where there is none. */
function changedPlace(said: object, places: string): string | null {
  const sums = Buffer.from(places, 'base64');
  let last = '';
  let at = 0;
  for (const { place, sum } of leaves(said)) {
    if (!sum.equals(sums.subarray(at, at + SUM_BYTES))) return place;
    at += SUM_BYTES;
    last = place;
  }
  return at === sums.length ? null : `what follows ${last}`;
}

/** Every value that holds no other, with its place, in canonical order. */
function* leaves(value: unknown, place = ''): Generator<{ place: string; sum: Buffer }> {
  const entries = Array.isArray(value)
    ? value.map((item, i): [string, unknown] => [`${place}[${i}]`, item])
    : typeof value === 'object' && value !== null
      ? Object.keys(value)
          .filter((key) => (value as Record<string, unknown>)[key] !== undefined)
          .sort()
          .map((key): [string, unknown] => [placeIn(place, key), (value as Record<string, unknown>)[key]])
      : [];
  if (entries.length > 0) {
    for (const [name, item] of entries) yield* leaves(item, name);
    return;
  }
  const sum = Buffer.alloc(SUM_BYTES);
  sum.writeUInt32BE(crc32(`${place} ${canonicalJson(value)}`));
  yield { place, sum };
}

/** Such as `inputs.standings["5F..."]`. */
export function placeIn(place: string, key: string): string {
  if (!/^[A-Za-z_]\w{0,39}$/.test(key)) return `${place}[${JSON.stringify(key)}]`;
  return place === '' ? key : `${place}.${key}`;
}
