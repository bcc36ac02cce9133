import type { Checked } from '../schema/verdict.ts';

export interface UploadDatasetParameters {
  /** `namespace/name`; created when missing. */
  repo: string;
  /** File to upload; it becomes `data.jsonl`. */
  path: string;
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
   * Uploads a file as `data.jsonl` and reads the commit back. The same content again gives the commit it already has.
   * @throws FlockOffError `token-missing`, `hub-denied`, `hub-unreachable` (transient), `disk`.
   */
  upload(parameters: UploadDatasetParameters): Promise<UploadedDataset>;
  /**
   * Downloads `data.jsonl` at a commit.
   * @returns the file, or the verdict `dataset-missing`, `dataset-denied` or `dataset-too-large`.
   * @throws FlockOffError `hub-unreachable` (transient), `hub-denied` (our own token), `disk`.
   */
  download(parameters: DownloadDatasetParameters): Promise<Checked<StoredFile>>;
}
