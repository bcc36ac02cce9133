import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { makeFolder } from '../shared/make-folder.ts';
import { onDisk } from '../shared/on-disk.ts';

/** What precedes the 32 bytes of an Ed25519 key in its SPKI form. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** What signs the results of a worker: a {@link WorkerKey}, or something that keeps one elsewhere. */
export interface WorkerSigner {
  /** Ed25519, 64 hex digits. */
  readonly publicKey: string;
  /** 128 hex digits. */
  sign(bytes: Uint8Array): string;
}

/**
 * The key with which a worker signs what it found. It is no wallet: it can do nothing but that, for validators that were told
 * of it.
 * @example
 * const key = await WorkerKey.open({ path: 'worker.pem' });
 * console.log(key.publicKey);
 */
export class WorkerKey implements WorkerSigner {
  /** What a validator is told: 64 hex digits. */
  readonly publicKey: string;
  readonly #key: KeyObject;

  private constructor(key: KeyObject) {
    this.#key = key;
    const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
    this.publicKey = Buffer.from(x, 'base64url').toString('hex');
  }

  /** A new one, of this process only. */
  static generate(): WorkerKey {
    return new WorkerKey(generateKeyPairSync('ed25519').privateKey);
  }

  /**
   * The key in a file, which is made where it is not there, readable by its owner only.
   * @throws FlockOffError `bad-argument` where the file holds no Ed25519 key or others may read it; `disk`.
   */
  static async open({ path }: { path: string }): Promise<WorkerKey> {
    return onDisk(path, async () => {
      const pem = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        return null;
      });
      if (pem === null) return WorkerKey.#make(path);
      if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0)
        throw badKey(path, 'can be read by others than its owner', `run "chmod 600 ${path}"`);
      try {
        const key = createPrivateKey(pem);
        if (key.asymmetricKeyType === 'ed25519') return new WorkerKey(key);
      } catch {
        // told below
      }
      throw badKey(path, 'holds no Ed25519 key in PEM', 'name another file, or remove this one so that a key is made');
    });
  }

  static async #make(path: string): Promise<WorkerKey> {
    const made = WorkerKey.generate();
    const temporary = `${path}.${process.pid}`;
    await makeFolder(dirname(path));
    try {
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(made.#key.export({ format: 'pem', type: 'pkcs8' }));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
    return made;
  }

  /** 128 hex digits. */
  sign(bytes: Uint8Array): string {
    return sign(null, bytes, this.#key).toString('hex');
  }
}

/** Whether a worker's key signed these bytes; false for what is no key or no signature. */
export function isSignedBy(publicKey: string, bytes: Uint8Array, signature: string): boolean {
  try {
    return verify(null, bytes, keyOf(publicKey), Buffer.from(signature, 'hex'));
  } catch {
    return false;
  }
}

/** Reading a key takes as long as a signature. */
const keys = new Map<string, KeyObject>();
const MOST_KEYS = 1_000;

function keyOf(publicKey: string): KeyObject {
  const known = keys.get(publicKey);
  if (known) return known;
  const key = createPublicKey({
    key: Buffer.concat([SPKI, Buffer.from(publicKey, 'hex')]),
    format: 'der',
    type: 'spki',
  });
  // Strangers can bring any number.
  if (keys.size >= MOST_KEYS) keys.clear();
  keys.set(publicKey, key);
  return key;
}

function badKey(path: string, why: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what: `the key file ${path} ${why}`, fix, facts: { name: path } });
}
