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

/** A proposal to change `main`; its commits are under `refs/pr/<num>`. */
export interface PullRequest {
  num: number;
  title: string;
  description: string;
  author: string;
  dateMs: number;
}

const MAIN = 'refs/heads/main';

/** A dataset repository with real git ids: its branches, tags and pull requests, of which `main` is always there. */
export class Repository {
  readonly id: string;
  /** Who created it. */
  readonly author: string;
  visibility: 'public' | 'private' = 'public';
  gated = false;
  disabled = false;
  readonly pullRequests: PullRequest[] = [];
  readonly #refs = new Map<string, string>();
  readonly #commits = new Map<string, RepositoryCommit>();

  constructor({ id, author, dateMs }: { id: string; author: string; dateMs: number }) {
    this.id = id;
    this.author = author;
    this.point(MAIN, this.#store({ parent: null, author, title: 'initial commit', dateMs, files: new Map() }));
  }

  /** The latest commit of `main`. */
  get head(): RepositoryCommit {
    return this.#commits.get(this.#refs.get(MAIN)!)!;
  }

  /** Full names (`refs/heads/main`, `refs/tags/v1`, `refs/pr/1`) and the commits they point at. */
  get refs(): [name: string, commit: string][] {
    return [...this.#refs];
  }

  /** The full name of a branch, tag or pull request; `null` when there is none of this name. */
  ref(name: string): string | null {
    const names = name === 'HEAD' ? [MAIN] : [name, `refs/heads/${name}`, `refs/tags/${name}`];
    return names.find((ref) => this.#refs.has(ref)) ?? null;
  }

  /** The commit that a branch, tag, pull request or full sha names; `null` when there is none. */
  resolve(revision: string): RepositoryCommit | null {
    const ref = this.ref(revision);
    return this.#commits.get(ref === null ? revision : this.#refs.get(ref)!) ?? null;
  }

  /** From the given commit back to the first. */
  history(from: RepositoryCommit): RepositoryCommit[] {
    const commits: RepositoryCommit[] = [];
    for (let at: RepositoryCommit | undefined = from; at; at = this.#commits.get(at.parent ?? '')) commits.push(at);
    return commits;
  }

  /** Puts a commit on top of a branch or pull request, `main` where none is named. */
  commit({
    ref = MAIN,
    changes,
    ...commit
  }: {
    ref?: string;
    changes: FileChange[];
    author: string;
    title: string;
    dateMs: number;
  }): RepositoryCommit {
    const parent = this.#refs.get(ref)!;
    const files = new Map(this.#commits.get(parent)!.files);
    for (const { path, file } of changes) {
      if (file) files.set(path, file);
      else files.delete(path);
    }
    const id = this.#store({ ...commit, parent, files });
    this.point(ref, id);
    return this.#commits.get(id)!;
  }

  /** Creates or moves a branch or tag. */
  point(ref: string, commit: string): void {
    this.#refs.set(ref, commit);
  }

  removeRef(ref: string): void {
    this.#refs.delete(ref);
  }

  /** Opens a pull request on top of a commit. */
  openPullRequest(from: RepositoryCommit, words: Omit<PullRequest, 'num'>): PullRequest {
    const opened = { num: this.pullRequests.length + 1, ...words };
    this.pullRequests.push(opened);
    this.point(pullRequestRef(opened), from.id);
    return opened;
  }

  /** Drops a commit, as a squash or force push does. */
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

export function pullRequestRef({ num }: { num: number }): string {
  return `refs/pr/${num}`;
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
