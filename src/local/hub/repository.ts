import { createHash } from 'node:crypto';
import { commitId, gitId, treeId } from './git-objects.ts';

/** A file at some commit. */
export interface RepositoryFile {
  content: Buffer;
  blobId: string;
  /** Set for files stored by LFS: git then holds a pointer, and the content's oid is its sha256. */
  lfs: { oid: string; size: number; pointerSize: number } | null;
}

export interface RepositoryCommit {
  id: string;
  parent: string | null;
  author: string;
  title: string;
  /** Milliseconds since the Unix epoch. */
  dateMs: number;
  files: Map<string, RepositoryFile>;
}

export type FileChange = { path: string; file: RepositoryFile | null };

/** A dataset repository with one branch, `main`, and real git ids. */
export class Repository {
  readonly id: string;
  visibility: 'public' | 'private' = 'public';
  gated = false;
  disabled = false;
  #head: string;
  readonly #commits = new Map<string, RepositoryCommit>();

  constructor({ id, author, dateMs }: { id: string; author: string; dateMs: number }) {
    this.id = id;
    this.#head = this.#store({ parent: null, author, title: 'initial commit', dateMs, files: new Map() });
  }

  get head(): RepositoryCommit {
    return this.#commits.get(this.#head)!;
  }

  /** The commit a branch name or full sha names; `null` when there is none. */
  resolve(revision: string): RepositoryCommit | null {
    if (revision === 'main' || revision === 'HEAD') return this.head;
    return this.#commits.get(revision) ?? null;
  }

  /** From the given commit back to the first. */
  history(from: RepositoryCommit): RepositoryCommit[] {
    const parent = from.parent === null ? undefined : this.#commits.get(from.parent);
    return [from, ...(parent ? this.history(parent) : [])];
  }

  commit({
    changes,
    author,
    title,
    dateMs,
  }: {
    changes: FileChange[];
    author: string;
    title: string;
    dateMs: number;
  }): RepositoryCommit {
    const files = new Map(this.head.files);
    for (const { path, file } of changes) {
      if (file) files.set(path, file);
      else files.delete(path);
    }
    this.#head = this.#store({ parent: this.#head, author, title, dateMs, files });
    return this.head;
  }

  /** Forgets a commit, as a squash or force push does. */
  forget(commit: string): void {
    this.#commits.delete(commit);
  }

  #store(commit: Omit<RepositoryCommit, 'id'>): string {
    const { parent, author, title, dateMs, files } = commit;
    const id = commitId({ treeId: treeId(files), parent, author, date: Math.floor(dateMs / 1000), message: title });
    this.#commits.set(id, { id, ...commit });
    return id;
  }
}

export function regularFile(content: Buffer): RepositoryFile {
  return { content, blobId: gitId('blob', content), lfs: null };
}

export function lfsFile(content: Buffer): RepositoryFile {
  const oid = createHash('sha256').update(content).digest('hex');
  const pointer = lfsPointer({ oid, size: content.length });
  return { content, blobId: gitId('blob', pointer), lfs: { oid, size: content.length, pointerSize: pointer.length } };
}

export function lfsPointer({ oid, size }: { oid: string; size: number }): Buffer {
  return Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`);
}
