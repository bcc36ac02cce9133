import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HubDatasetStore } from '../../src/hub/hub-dataset-store.ts';
import { LocalHub } from '../../src/local/hub/local-hub.ts';
import { usePython } from './python.ts';

// What people upload with Python's `datasets` and `huggingface_hub`, and read again, on the local hub, with Xet off.

const python = usePython('hub');
const TOKEN = 'hf_python';
const ENV = {
  ...{ HF_TOKEN: TOKEN, HF_HUB_DISABLE_XET: '1', HF_HUB_DISABLE_TELEMETRY: '1', HF_HUB_DISABLE_PROGRESS_BARS: '1' },
  HF_DATASETS_DISABLE_PROGRESS_BARS: '1',
};

let home: string;
let hub: LocalHub;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'flock-off-datasets-'));
  const users = ['ann', 'ben'].map((name) => ({ name, token: name === 'ann' ? TOKEN : `hf_${name}` }));
  hub = await LocalHub.open({ users, lfsForPython: true, lfsFromBytes: 1_000, lfsPartBytes: 100_000 });
});
afterAll(async () => {
  await hub.close();
  await rm(home, { recursive: true, force: true });
});

const script = (text: string) =>
  python.json<unknown>(['-c', `import json, os\nfolder = os.environ["HF_HOME"] + "/own"\n${text}`], {
    env: { ...ENV, HF_ENDPOINT: hub.url, HF_HOME: home },
  });

test('upload_folder sends large files by LFS in parts, and snapshot_download and load_dataset read them', async () => {
  const told = await script(`
from huggingface_hub import HfApi, snapshot_download
from datasets import load_dataset
os.makedirs(folder + "/sub")
row = lambda i: {"conversations": [{"role": "user", "content": "hi %d" % i}]}
open(folder + "/data.jsonl", "w").write("".join(json.dumps(row(i)) + "\\n" for i in range(5000)))
open(folder + "/README.md", "w").write("---\\nlicense: mit\\n---\\n# Chats\\n")
open(folder + "/sub/note.txt", "w").write("a")
api = HfApi()
api.create_repo("ann/chats", repo_type="dataset")
sha = api.upload_folder(repo_id="ann/chats", repo_type="dataset", folder_path=folder).oid
copy = snapshot_download("ann/chats", repo_type="dataset", revision=sha)
same = open(copy + "/data.jsonl").read() == open(folder + "/data.jsonl").read()
api.upload_file(path_or_fileobj=b'{"conversations": []}\\n', path_in_repo="data.jsonl", repo_id="ann/chats", repo_type="dataset")
pinned = load_dataset("ann/chats", revision=sha, split="train", data_files="data.jsonl")
streamed = load_dataset("ann/chats", revision=sha, split="train", streaming=True, data_files="data.jsonl")
print(json.dumps([sha, same, sorted(os.listdir(copy)), len(pinned), next(iter(streamed))]))`);
  const [sha] = told as [string];
  const row = { conversations: [{ role: 'user', content: 'hi 0' }] };
  expect(told).toEqual([sha, true, ['README.md', 'data.jsonl', 'sub'], 5_000, row]);
  const uploaded = hub.repository('ann/chats')!.resolve(sha)!.files.get('data.jsonl')!;
  expect(uploaded.lfs).toMatchObject({ size: uploaded.content.length });
  expect(hub.faults.requests.filter((request) => request.includes('/parts/')).length).toBeGreaterThan(1);
  const store = new HubDatasetStore({ endpoint: hub.url });
  const read = await store.download({ repo: 'ann/chats', commit: sha, to: join(home, 'read.jsonl'), maxBytes: 1e6 });
  expect(read).toMatchObject({ ok: true, value: { bytes: uploaded.content.length } });
}, 120_000);

test('push_to_hub stores parquet, which load_dataset reads; a private one is seen by nobody else', async () => {
  const told = await script(`
from huggingface_hub import HfApi
from datasets import Dataset, load_dataset
rows = Dataset.from_list([{"a": 1}, {"a": 2}])
rows.push_to_hub("ann/pushed")
rows.push_to_hub("ann/secret", private=True)
seen = [HfApi(token=token).repo_exists("ann/secret", repo_type="dataset") for token in (None, "hf_ben", False)]
print(json.dumps([load_dataset("ann/pushed", split="train")[1], load_dataset("ann/secret", split="train").num_rows, seen]))`);
  expect(told).toEqual([{ a: 2 }, 2, [true, false, false]]);
}, 120_000);

test('with Xet on, an upload by LFS ends at once, and the hub says why', async () => {
  const upload = `
from huggingface_hub import HfApi
HfApi().create_repo("ann/xet", repo_type="dataset")
open(os.environ["HF_HOME"] + "/big.bin", "wb").write(b"x" * 5000)
HfApi().upload_file(path_or_fileobj=os.environ["HF_HOME"] + "/big.bin", path_in_repo="big.bin", repo_id="ann/xet", repo_type="dataset")`;
  const env = { ...ENV, HF_ENDPOINT: hub.url, HF_HOME: home, HF_HUB_DISABLE_XET: '0' };
  const { code, output } = await python.run(['-c', `import os${upload}`], { env });
  expect(code).not.toBe(0);
  expect(output).toContain('xet-write-token');
  const headers = { Authorization: `Bearer ${TOKEN}` };
  const reply = await fetch(`${hub.url}/api/datasets/ann/xet/xet-write-token/main`, { headers });
  expect([reply.status, await reply.text()]).toEqual([400, expect.stringContaining('HF_HUB_DISABLE_XET=1')]);
}, 120_000);
