import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lfsFile, Repository, regularFile } from './repository.ts';

/** What a model's repository has: `model.safetensors`, JSON, texts. */
const OF_A_MODEL = /\.(json|safetensors|md|txt)$/;

/** A model as a repository with one commit, from the files of a folder; weights are stored by LFS, as on the Hub. */
export async function readModel({
  id,
  folder,
  dateMs,
}: {
  id: string;
  folder: string;
  dateMs: number;
}): Promise<Repository> {
  const [author = ''] = id.split('/');
  const repository = new Repository({ id, author, dateMs });
  const names = (await readdir(folder)).filter((name) => OF_A_MODEL.test(name)).sort();
  const changes = [];
  for (const path of names) {
    const content = await readFile(join(folder, path));
    changes.push({ path, file: path.endsWith('.safetensors') ? lfsFile(content) : regularFile(content) });
  }
  repository.commit({ changes, author, title: 'Upload the model', dateMs });
  return repository;
}
