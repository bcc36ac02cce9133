import { createHash, randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { DrandBeacon } from '../chain/timelock/drand.ts';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { canonicalJson } from '../shared/canonical-json.ts';

/*
 * A locked file is one line of canonical JSON, the header, and behind it the ciphertext of salt and rows by
 * XChaCha20-Poly1305, which authenticates the header too. The key stands in the header, locked until a drand round. Nothing
 * is compressed, so a file is never larger opened than it was.
 */

const LOCKED_FORMAT = 'flock-off locked set';
const SALT_BYTES = 32;
const TAG_BYTES = 16;
/** Of a header: the key takes 552 letters of it. */
export const MOST_HEADER_BYTES = 2_048;
/** By how much a locked file is larger than what is in it. */
export const MOST_OVERHEAD_BYTES = MOST_HEADER_BYTES + SALT_BYTES + TAG_BYTES;

const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `expected ${bytes} bytes as hex`);
const count = z.int().positive();

/** What is known of a set, or of a part of one, before it opens. */
export const LockedPart = z.strictObject({
  /** Of the locked file; it lies in the repository under `lockedPath` of this. */
  sha256: hex(32),
  bytes: count,
  plain: z.strictObject({
    /** SHA-256 of a salt and the SHA-256 of the rows' file: pins the rows, and gives nobody a way to try what they are. */
    saltedSha256: hex(32),
    bytes: count,
    rows: count,
  }),
  /** Whose it is, for people. */
  by: z.string().max(80).nullable(),
});
export type LockedPart = z.infer<typeof LockedPart>;

const Header = z.strictObject({
  format: z.literal(LOCKED_FORMAT),
  version: z.literal(1),
  round: count,
  /** Public key of the beacon. */
  beacon: hex(96),
  key: hex(276),
  nonce: hex(24),
  plain: LockedPart.shape.plain,
  by: LockedPart.shape.by,
});

/** Where a locked file lies in the repository. */
export function lockedPath(sha256: string): string {
  return `evaluation/${sha256}.locked`;
}

export interface LockSetParameters {
  /** A `data.jsonl`, as a whole. */
  data: Uint8Array;
  /** How many rows it has. */
  rows: number;
  /** The drand round that opens it. */
  round: number;
  beacon: Pick<DrandBeacon, 'publicKey'>;
  /** Whose it is, for people. Default: it does not say. */
  by?: string;
}

export interface LockSetReturnType {
  file: Uint8Array;
  part: LockedPart;
}

/**
 * Encrypts an evaluation set, or a contributor's part of one, so that it opens for everybody with a drand round. Nobody can
 * open it before, whoever made it aside.
 * @example
 * const { file, part } = await lockSet({ data: await readFile('data.jsonl'), rows: 200, round, beacon });
 * await writeFile(`${part.sha256}.locked`, file);
 */
export async function lockSet({ data, rows, round, beacon, by }: LockSetParameters): Promise<LockSetReturnType> {
  const [{ xchacha20poly1305 }, { encryptTimelocked }] = await Promise.all([
    import('@noble/ciphers/chacha.js'),
    import('../chain/timelock/encrypt.ts'),
  ]);
  const [key, nonce, salt] = [randomBytes(32), randomBytes(24), randomBytes(SALT_BYTES)];
  const { publicKey } = beacon;
  if (by !== undefined && !LockedPart.shape.by.safeParse(by).success)
    throw new FlockOffError({
      code: 'bad-argument',
      what: `the name of whose rows they are has ${by.length} letters, and at most 80 are kept`,
      fix: 'give a shorter one',
      facts: { name: 'by', most: 80 },
    });
  const plain = { saltedSha256: saltedHash(salt, sha256(data)), bytes: data.length, rows };
  const said = {
    ...{ format: LOCKED_FORMAT, version: 1, round, beacon: toHex(publicKey) },
    key: toHex(encryptTimelocked({ message: key, round, publicKey })),
    ...{ nonce: toHex(nonce), plain, by: by ?? null },
  };
  const header = Buffer.from(`${canonicalJson(Header.parse(said))}\n`);
  const body = xchacha20poly1305(key, nonce, header).encrypt(Buffer.concat([salt, data]));
  const file = Buffer.concat([header, body]);
  return { file, part: { sha256: sha256(file), bytes: file.length, plain, by: said.by } };
}

/** Why a part gives no rows. Whoever put it there is at fault, for all to see; `withheld` and `repeated` are seen elsewhere. */
export const PART_FAULTS = [
  /** It could not be had until the set was void. */
  'withheld',
  /** It is not the file that the list names. */
  'changed',
  /** It is no locked file, or says something else of itself than the list. */
  'header',
  /** It is locked until another round, or with another beacon. */
  'round',
  /** The round does not open the key. */
  'key',
  /** The key does not open the file. */
  'cipher',
  /** What is in it has another hash or size than was pinned. */
  'pinned',
  /** What is in it are no rows, or not so many. */
  'rows',
  /** It has the rows of an earlier part of the set. */
  'repeated',
] as const;
export type PartFault = (typeof PART_FAULTS)[number];

/** What a part holds, or why it gives nothing. Hashes and salt as hex. */
export type OpenedPart = { data: Buffer; sha256: string; salt: string } | { fault: PartFault };

export interface OpenPartParameters {
  file: Uint8Array;
  /** What the list says of it. */
  part: LockedPart;
  round: number;
  beacon: Pick<DrandBeacon, 'publicKey'>;
  /** The beacon's signature of the round, verified. */
  signature: Uint8Array;
}

/** Opens a locked file with the signature of its round, and compares what is in it with what was pinned. Never throws. */
export async function openPart({ file, part, round, beacon, signature }: OpenPartParameters): Promise<OpenedPart> {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length !== part.bytes || sha256(bytes) !== part.sha256) return { fault: 'changed' };
  const parsed = readHeader(bytes);
  if (parsed === null || !isSaid(parsed.header, part)) return { fault: 'header' };
  const { header, length } = parsed;
  if (header.round !== round || header.beacon !== toHex(beacon.publicKey)) return { fault: 'round' };
  const [{ xchacha20poly1305 }, { decryptTimelocked }] = await Promise.all([
    import('@noble/ciphers/chacha.js'),
    import('../chain/timelock/encrypt.ts'),
  ]);
  const key = orNull(() => decryptTimelocked({ ciphertext: Buffer.from(header.key, 'hex'), signature }));
  if (key?.length !== 32) return { fault: 'key' };
  const cipher = xchacha20poly1305(key, Buffer.from(header.nonce, 'hex'), bytes.subarray(0, length));
  const opened = orNull(() => cipher.decrypt(bytes.subarray(length)));
  if (opened === null || opened.length < SALT_BYTES) return { fault: 'cipher' };
  const [salt, data] = [opened.subarray(0, SALT_BYTES), Buffer.from(opened.subarray(SALT_BYTES))];
  const hash = sha256(data);
  if (data.length !== part.plain.bytes || saltedHash(salt, hash) !== part.plain.saltedSha256)
    return { fault: 'pinned' };
  return { data, sha256: hash, salt: toHex(salt) };
}

/**
 * What a locked file says of itself, for whoever lists it.
 * @returns `null` where it is none.
 */
export function readLockedFile(file: Uint8Array): { round: number; beacon: string; part: LockedPart } | null {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const parsed = readHeader(bytes);
  if (parsed === null) return null;
  const { round, beacon, plain, by } = parsed.header;
  return { round, beacon, part: { sha256: sha256(bytes), bytes: bytes.length, plain, by } };
}

/** SHA-256 of a salt and a hash (hex), as hex: what a list pins of rows that nobody may know yet. */
export function saltedHash(salt: Uint8Array, hash: string): string {
  return createHash('sha256').update(salt).update(Buffer.from(hash, 'hex')).digest('hex');
}

function readHeader(bytes: Buffer): { header: z.infer<typeof Header>; length: number } | null {
  const end = bytes.subarray(0, MOST_HEADER_BYTES).indexOf('\n');
  if (end < 0) return null;
  const text = bytes.toString('utf8', 0, end);
  const parsed = Header.safeParse(orNull(() => JSON.parse(text)));
  // In one form only, so that no name stands in it twice.
  return parsed.success && canonicalJson(parsed.data) === text ? { header: parsed.data, length: end + 1 } : null;
}

function isSaid({ plain, by }: z.infer<typeof Header>, part: LockedPart): boolean {
  return canonicalJson({ plain, by }) === canonicalJson({ plain: part.plain, by: part.by });
}

function orNull<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
