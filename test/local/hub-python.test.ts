import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalHub, startLocalHub } from '../../src/local/hub/start-local-hub.ts';

// Python's own client against the development hub. It is installed into a cached virtual environment where pip has a route.

const VENV = join(homedir(), '.cache', 'flock-off', 'python-hub-1');
const PYTHON = join(VENV, 'bin', 'python');
const INSTALL_TIMEOUT_MS = 90_000;
const TOKEN = 'hf_python';

const SCRIPT = `
import os, sys
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError, GatedRepoError
url, folder = sys.argv[1:]
api = HfApi(endpoint=url, token="${TOKEN}")
print(api.whoami()["name"])
api.create_repo("ann/chats", repo_type="dataset", exist_ok=True)
api.create_repo("ann/chats", repo_type="dataset", exist_ok=True)
body = b'{"a":1}\\n' * 1000
commit = api.upload_file(path_or_fileobj=body, path_in_repo="data.jsonl", repo_id="ann/chats", repo_type="dataset")
print(commit.oid)
def get(repo="ann/chats", revision=commit.oid, name="data.jsonl"):
    return hf_hub_download(repo, name, repo_type="dataset", revision=revision, endpoint=url, cache_dir=folder, token="${TOKEN}")
assert open(get(), "rb").read() == body
print([f.path for f in api.list_repo_tree("ann/chats", repo_type="dataset", revision=commit.oid)])
print(api.dataset_info("ann/chats").sha == commit.oid, len(api.list_repo_commits("ann/chats", repo_type="dataset")))
for error, wanted in ((RepositoryNotFoundError, dict(repo="ann/none")), (RevisionNotFoundError, dict(revision="0" * 40)), (EntryNotFoundError, dict(name="none"))):
    try: get(**wanted)
    except error as e: print(error.__name__)
`;

let hub: LocalHub;
let folder: string;
let missing: string | null = null;

beforeAll(async () => {
  hub = await startLocalHub({ users: [{ name: 'ann', token: TOKEN }] });
  folder = await mkdtemp(join(tmpdir(), 'flock-off-python-'));
  missing = await installClient();
}, INSTALL_TIMEOUT_MS * 2);
afterAll(async () => {
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

/** Why Python's client is not there, or `null`. */
async function installClient(): Promise<string | null> {
  if (existsSync(PYTHON) && (await run(PYTHON, ['-c', 'import huggingface_hub'])).code === 0) return null;
  const venv = await run('python3', ['-m', 'venv', VENV]);
  if (venv.code !== 0) return `python3 -m venv failed: ${venv.output.trim().split('\n').at(-1)}`;
  const pip = await run(PYTHON, ['-m', 'pip', 'install', '--quiet', 'huggingface_hub<2']);
  return pip.code === 0 ? null : `pip could not install huggingface_hub: ${pip.output.trim().split('\n').at(-1)}`;
}

async function run(command: string, args: string[]): Promise<{ code: number | null; output: string }> {
  const env = { ...process.env, HF_HOME: folder, HF_HUB_DISABLE_TELEMETRY: '1', HF_HUB_DISABLE_PROGRESS_BARS: '1' };
  const child = spawn(command, args, { env, timeout: INSTALL_TIMEOUT_MS });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const code = await Promise.race([
    once(child, 'close').then(([exit]) => exit as number | null),
    once(child, 'error').then(() => -1),
  ]).catch(() => -1);
  return { code, output };
}

test("Python's huggingface_hub uploads, downloads, lists, and tells what is missing", async ({ skip }) => {
  if (missing !== null) {
    console.log(`skipped: ${missing}`);
    skip(missing);
  }
  const { code, output } = await run(PYTHON, ['-c', SCRIPT, hub.url, folder]);
  const { head } = hub.repository('ann/chats')!;
  expect({ code, output: output.trim().split('\n') }).toEqual({
    code: 0,
    output: [
      'ann',
      head.id,
      "['data.jsonl']",
      'True 2',
      'RepositoryNotFoundError',
      'RevisionNotFoundError',
      'EntryNotFoundError',
    ],
  });
}, 120_000);
