import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HubDatasetStore } from '../../src/hub/hub-dataset-store.ts';
import type { LocalHub } from '../../src/local/hub/local-hub.ts';
import { lfsFile, regularFile } from '../../src/local/hub/repository.ts';
import type { ProxyOption } from '../../src/shared/proxy.ts';
import { resolveBaseModel } from '../../src/trainer/model/base-model.ts';

export const REPO = 'ann/both';
export const TOKEN = 'hf_ann';

export interface Asked {
  endpoint: string;
  folder: string;
  commit: string;
  token?: string;
  stallTimeoutMs?: number;
  totalTimeoutMs?: number;
  proxy?: ProxyOption;
  signal?: AbortSignal;
}

/** One of the package's clients of the Hub, asked for its file of the same repository. */
export interface Client {
  name: string;
  /** The file that it is about. */
  file: string;
  /** The content that has arrived, or the reason of a verdict. */
  fetch(asked: Asked): Promise<Buffer | string>;
}

const clock = { nowMs: Date.now, sleep: async () => {} };

export const CLIENTS: Client[] = [
  {
    name: 'datasets',
    file: 'data.jsonl',
    async fetch({ folder, commit, signal, ...asked }) {
      const store = new HubDatasetStore({ stallTimeoutMs: 1_000, ...asked, clock });
      const to = join(folder, 'data.jsonl');
      const file = await store.download({ repo: REPO, commit, to, maxBytes: 64 * 1024 * 1024, signal });
      return file.ok ? readFile(to) : file.verdict.reason;
    },
  },
  {
    name: 'base models',
    file: 'model.safetensors',
    async fetch({ folder, commit, endpoint, token, ...asked }) {
      const names = { model: REPO, revision: commit, hubEndpoint: endpoint, hubToken: token };
      const hubCacheDir = join(folder, 'hub');
      const snapshot = await resolveBaseModel({
        ...{ stallTimeoutMs: 1_000, ...asked, ...names, clock, hubCacheDir, cacheDir: join(folder, 'cache') },
      });
      return readFile(join(snapshot, 'model.safetensors'));
    },
  },
];

/** Puts the same content into a repository as a dataset and as a model. @returns the commit. */
export async function publishBoth(hub: LocalHub, body: Buffer, storage: 'regular' | 'lfs' = 'lfs'): Promise<string> {
  const [organization, name] = REPO.split('/');
  const create = { organization, name, type: 'dataset' };
  const headers = { Authorization: `Bearer ${TOKEN}` };
  await fetch(`${hub.url}/api/repos/create`, { method: 'POST', headers, body: JSON.stringify(create) });
  const changes = CLIENTS.map(({ file: path }) => ({
    path,
    file: storage === 'lfs' ? lfsFile(body) : regularFile(body),
  }));
  for (const path of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
    changes.push({ path, file: regularFile(Buffer.from('{}')) });
  const words = { author: 'ann', title: 'both', dateMs: 0 };
  return hub.repository(REPO)!.commit({ ref: 'refs/heads/main', changes, ...words }).id;
}
