import type { Checked } from '../schema/verdict.ts';

export interface UploadDatasetParameters {
  /** `namespace/name`; created when missing. */
  repo: string;
  /** File to upload; it becomes `data.jsonl`. */
  path: string;
  /** Who can read a repository that is created for it. Default `public`; one that is there stays as it is. */
  visibility?: Visibility;
  /** A hotkey to name among the owners, in the same commit; those named already stay. Left out: the owners stay as they are. */
  owner?: string;
  signal?: AbortSignal;
}

export type Visibility = 'public' | 'private';

export interface FindUploadParameters extends Pick<UploadDatasetParameters, 'repo' | 'path' | 'owner' | 'signal'> {
  /** A commit that may hold the file, such as the one a pointer names. The latest is looked at as well. */
  commit?: string | null;
}

export interface FoundUpload {
  visibility: Visibility | 'missing';
  /**
   * 40-hex commit sha that holds the very file and names `owner` (the one asked for may also name nobody), `null` when
   * none does and there is something to upload.
   */
  commit: string | null;
}

export interface MakePublicParameters {
  repo: string;
  signal?: AbortSignal;
}

export interface DatasetVersion {
  repo: string;
  /** 40-hex commit sha. */
  commit: string;
  signal?: AbortSignal;
}

export interface UploadedDataset {
  /** 40-hex commit sha that holds the file. */
  commit: string;
  /** 64 hex digits. */
  sha256: string;
  bytes: number;
}

export interface DownloadDatasetParameters {
  repo: string;
  /** 40-hex commit sha. */
  commit: string;
  /** File to write. It appears under this name only when it is complete. */
  to: string;
  /** Most decoded bytes; more is a verdict. */
  maxBytes: number;
  signal?: AbortSignal;
}

export interface StoredFile {
  path: string;
  /** 64 hex digits. */
  sha256: string;
  bytes: number;
}

/** Where datasets live: one `data.jsonl` in a repository, at immutable commits. */
export interface DatasetStore {
  /**
   * What there is of an upload already, and whether the token may do the rest: create the repository, write to it, and
   * make it public. Nothing is changed by asking.
   * @throws FlockOffError `token-missing`, `hub-denied` (the token may not, or the repository is gated or disabled),
   *   `bad-argument` (its list of owners is full, or none), `hub-unreachable` (transient), `disk`.
   */
  findUpload(parameters: FindUploadParameters): Promise<FoundUpload>;
  /**
   * Uploads a file as `data.jsonl` and reads the commit back. The same content again gives the commit it already has.
   * @throws FlockOffError `token-missing`, `hub-denied`, `hub-unreachable` (transient), `disk`.
   */
  upload(parameters: UploadDatasetParameters): Promise<UploadedDataset>;
  /**
   * Makes a repository public, with all that is in it. One that is public stays so.
   * @throws FlockOffError `token-missing`, `hub-denied`, `hub-unreachable` (transient).
   */
  makePublic(parameters: MakePublicParameters): Promise<void>;
  /**
   * Whether anybody can read `data.jsonl` at a commit, without a token: asked for one byte of it.
   * @throws FlockOffError `hub-unreachable` (transient).
   */
  isReadable(version: DatasetVersion): Promise<boolean>;
  /**
   * The hotkeys that the repository names as its owners at a commit, at most 100; `null` where it names nobody, as where
   * there is no such repository or commit.
   * @returns the verdict `foreign-dataset`, for whoever points there, where the file is too large or no list of owners.
   * @throws FlockOffError `hub-unreachable` (transient), `hub-denied` (our own token).
   */
  owners(version: DatasetVersion): Promise<Checked<string[] | null>>;
  /**
   * Downloads `data.jsonl` at a commit.
   * @returns the file, or the verdict `dataset-missing`, `dataset-denied` or `dataset-too-large`.
   * @throws FlockOffError `hub-unreachable` (transient), `hub-denied` (our own token), `disk`.
   */
  download(parameters: DownloadDatasetParameters): Promise<Checked<StoredFile>>;
}
