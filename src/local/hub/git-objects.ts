import { createHash } from 'node:crypto';

/** A file of a repository as git knows it. */
export interface GitFile {
  /** Blob id of what git stores: the content, or the pointer of an LFS file. */
  blobId: string;
}

export interface GitCommit {
  treeId: string;
  parent: string | null;
  author: string;
  /** Seconds since the Unix epoch. */
  date: number;
  message: string;
}

/** Id (40 hex digits) of a git object: sha1 of "<type> <length>\0" and its content. */
export function gitId(type: 'blob' | 'tree' | 'commit', content: Uint8Array): string {
  return createHash('sha1').update(`${type} ${content.length}\0`).update(content).digest('hex');
}

/** Id of the tree that holds these files (path -> file), directories included. */
export function treeId(files: Map<string, GitFile>): string {
  const entries = new Map<string, { mode: string; id: string; sortKey: string }>();
  const folders = new Map<string, Map<string, GitFile>>();
  for (const [path, file] of files) {
    const slash = path.indexOf('/');
    if (slash < 0) {
      entries.set(path, { mode: '100644', id: file.blobId, sortKey: path });
      continue;
    }
    const folder = path.slice(0, slash);
    if (!folders.has(folder)) folders.set(folder, new Map());
    folders.get(folder)!.set(path.slice(slash + 1), file);
  }
  for (const [name, inner] of folders) entries.set(name, { mode: '40000', id: treeId(inner), sortKey: `${name}/` });
  const sorted = [...entries].sort(([, a], [, b]) => Buffer.compare(Buffer.from(a.sortKey), Buffer.from(b.sortKey)));
  const content = sorted.map(([name, { mode, id }]) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]),
  );
  return gitId('tree', Buffer.concat(content));
}

export function commitId({ treeId, parent, author, date, message }: GitCommit): string {
  const who = `${author} <${author}@users.noreply.localhost> ${date} +0000`;
  const lines = [
    `tree ${treeId}`,
    ...(parent ? [`parent ${parent}`] : []),
    `author ${who}`,
    `committer ${who}`,
    '',
    message,
  ];
  return gitId('commit', Buffer.from(`${lines.join('\n')}\n`));
}
