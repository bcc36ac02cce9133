import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

/** A file as the Hub names its content. */
export interface FileDigest {
  bytes: number;
  /** 64 hex digits; also the oid of an LFS file. */
  sha256: string;
  /** Git blob id (40 hex digits): sha1 of "blob <bytes>\0" and the content. */
  gitBlobId: string;
}

/** Hashes content piece by piece; its length must be known first, because git puts it in front. */
export function digester(bytes: number) {
  const sha256 = createHash('sha256');
  const git = createHash('sha1').update(`blob ${bytes}\0`);
  let seen = 0;
  return {
    get seen() {
      return seen;
    },
    update(chunk: Uint8Array) {
      seen += chunk.length;
      sha256.update(chunk);
      git.update(chunk);
    },
    digest: (): FileDigest => ({ bytes: seen, sha256: sha256.digest('hex'), gitBlobId: git.digest('hex') }),
  };
}

export async function digestFile(path: string): Promise<FileDigest> {
  const digest = digester((await stat(path)).size);
  for await (const chunk of createReadStream(path)) digest.update(chunk as Buffer);
  return digest.digest();
}

/** How the Hub names content: by its SHA-256 where it is an LFS file, else by its git blob id. */
export const CONTENT_HASH = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Whether content has this {@link CONTENT_HASH}. */
export function hasHash({ sha256, gitBlobId }: FileDigest, hash: string): boolean {
  return hash === (hash.length === 64 ? sha256 : gitBlobId);
}
