import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { HubDatasetStore } from '../../src/hub/hub-dataset-store.ts';
import { LocalHub } from '../../src/local/hub/local-hub.ts';
import { usePython } from '../compatibility/python.ts';

// Python's own client, and its command `hf`, against the development hub.

const client = usePython('hub');
const TOKEN = 'hf_python';

const CARD = '---\nlicense: mit\nlanguage:\n- en\ntags: [chat]\npretty_name: Chats\n---\n# Chats\n';
const PRELUDE = `
import json, os, sys
from huggingface_hub import HfApi, CommitOperationAdd, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
url, folder = os.environ["HF_ENDPOINT"], os.environ["FOLDER"]
api = HfApi(endpoint=url, token="${TOKEN}")
ours = dict(repo_id="ann/chats", repo_type="dataset")
def get(repo="ann/chats", revision="main", name="data.jsonl"):
    with open(hf_hub_download(repo, name, repo_type="dataset", revision=revision, endpoint=url, token="${TOKEN}")) as file: return file.read()
def thrown_by(call):
    try: call()
    except Exception as e: return type(e).__name__
`;

let hub: LocalHub;
let folder: string;
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'flock-off-python-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));
beforeEach(async () => {
  hub = await LocalHub.open({
    users: [
      { name: 'ann', token: TOKEN },
      { name: 'ben', token: 'hf_ben' },
    ],
  });
  folder = await mkdtemp(join(home, 'folder-'));
});
afterEach(() => hub?.close());

function run(program: 'python' | 'hf', args: string[]): Promise<{ code: number | null; output: string }> {
  const env = {
    ...{ FOLDER: folder, HF_ENDPOINT: hub.url, HF_HOME: join(home, 'hf'), HF_TOKEN: TOKEN },
    ...{ HF_HUB_DISABLE_TELEMETRY: '1', HF_HUB_DISABLE_PROGRESS_BARS: '1', HF_HUB_DISABLE_UPDATE_CHECK: '1' },
  };
  return client.run(args, { program, env });
}

/** What the last line of a script's output says, as JSON. */
async function python(script: string): Promise<unknown> {
  const { code, output } = await run('python', ['-c', `${PRELUDE}${script}`]);
  const last = output.trim().split('\n').at(-1)!;
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(last) });
  return JSON.parse(last);
}

async function hf(...args: string[]): Promise<string> {
  const { code, output } = await run('hf', args);
  expect({ code, output }).toEqual({ code: 0, output: expect.any(String) });
  return output;
}

async function write(files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

function filesAt(revision: string, repo = 'ann/chats'): Record<string, string> {
  const { files } = hub.repository(repo)!.resolve(revision)!;
  return Object.fromEntries([...files].map(([path, { content }]) => [path, content.toString()]));
}

const UPLOAD = ['upload', 'ann/chats', '--repo-type', 'dataset'];

test("Python's huggingface_hub uploads, downloads, lists, and tells what is missing", async () => {
  const told = await python(`
api.create_repo(**ours, exist_ok=True)
api.create_repo(**ours, exist_ok=True)
body = '{"a":1}\\n' * 1000
commit = api.upload_file(path_or_fileobj=body.encode(), path_in_repo="data.jsonl", **ours)
print(json.dumps([
    api.whoami()["name"], commit.oid, get(revision=commit.oid) == body,
    [f.path for f in api.list_repo_tree("ann/chats", repo_type="dataset", revision=commit.oid)],
    api.dataset_info("ann/chats").sha == commit.oid, len(api.list_repo_commits("ann/chats", repo_type="dataset")),
    thrown_by(lambda: get(repo="ann/none")), thrown_by(lambda: get(revision="0" * 40)), thrown_by(lambda: get(name="none")),
]))`);
  expect(told).toEqual([
    ...['ann', hub.repository('ann/chats')!.head.id, true, ['data.jsonl'], true, 2],
    ...['RepositoryNotFoundError', 'RevisionNotFoundError', 'RemoteEntryNotFoundError'],
  ]);
}, 120_000);

test('hf uploads a folder with a README.md, and again without a change', async () => {
  const files = { 'README.md': CARD, 'data.jsonl': '{"a":1}\n', 'extra/deep/more.jsonl': '{"b":2}\n' };
  await write(files);
  await hf(...UPLOAD, folder);
  expect(filesAt('main')).toEqual(files);
  const { head } = hub.repository('ann/chats')!;
  await hf(...UPLOAD, folder);
  expect(hub.repository('ann/chats')!.head).toBe(head);
}, 120_000);

test('hf upload --create-pr leaves main alone, and the pull request can be read and gone on with', async () => {
  await write({ 'README.md': CARD, 'data.jsonl': '{"a":1}\n' });
  await hf(...UPLOAD, folder);
  const { head } = hub.repository('ann/chats')!;
  await write({ 'data.jsonl': '{"a":2}\n' });
  await hf(...UPLOAD, folder, '--create-pr');
  await write({ 'more.jsonl': '{"a":3}\n' });
  await hf(...UPLOAD, folder, '--revision', 'refs/pr/1');
  expect(hub.repository('ann/chats')!.head).toBe(head);
  expect(filesAt('main')['data.jsonl']).toBe('{"a":1}\n');
  expect(filesAt('refs/pr/1')).toEqual({ 'README.md': CARD, 'data.jsonl': '{"a":2}\n', 'more.jsonl': '{"a":3}\n' });
  const told = await python(`
[pr] = api.get_repo_discussions("ann/chats", repo_type="dataset")
refs = api.list_repo_refs("ann/chats", repo_type="dataset", include_pull_requests=True)
print(json.dumps([get(revision="refs/pr/1"), get(), pr.url, pr.git_reference, [r.ref for r in refs.branches + refs.pull_requests]]))`);
  const url = `${hub.url}/datasets/ann/chats/discussions/1`;
  expect(told).toEqual(['{"a":2}\n', '{"a":1}\n', url, 'refs/pr/1', ['refs/heads/main', 'refs/pr/1']]);
}, 120_000);

test('a commit with create_pr names its pull request; who may only read may open one', async () => {
  await write({ 'data.jsonl': 'first\n' });
  await hf(...UPLOAD, folder);
  const { head } = hub.repository('ann/chats')!;
  const told = await python(`
def propose(token, content, **more):
    add = CommitOperationAdd("data.jsonl", content)
    return api.create_commit(**ours, operations=[add], commit_message="Propose", token=token, **more)
ann, ben = propose("${TOKEN}", b"second\\n", create_pr=True), propose("hf_ben", b"third\\n", create_pr=True)
propose("hf_ben", b"fourth\\n", revision=ben.pr_revision)
print(json.dumps([ann.pr_url, ann.pr_revision, ben.pr_num, thrown_by(lambda: propose("hf_ben", b"x")), thrown_by(lambda: propose("hf_ben", b"x", revision="refs/pr/1"))]))`);
  const url = `${hub.url}/datasets/ann/chats/discussions/1`;
  expect(told).toEqual([url, 'refs/pr/1', 2, 'HfHubHTTPError', 'HfHubHTTPError']);
  expect(hub.repository('ann/chats')!.head).toBe(head);
  expect(filesAt('refs/pr/1')).toEqual({ 'data.jsonl': 'second\n' });
  expect(filesAt('refs/pr/2')).toEqual({ 'data.jsonl': 'fourth\n' });
}, 120_000);

test.each([
  ['YAML that cannot be read', '---\ntags: [chat\n---\n', 'Flow sequence'],
  ['a field of the wrong kind', '---\ntags: chat\n---\n', '"tags"'],
  ['metadata that is no mapping', '---\n- chat\n---\n', 'expected object'],
])(
  'a README.md with %s is refused with a sentence before anything is uploaded',
  async (_what, readme, sentence) => {
    await write({ 'README.md': readme, 'data.jsonl': '{}\n' });
    const { code, output } = await run('hf', [...UPLOAD, folder]);
    expect(code).not.toBe(0);
    expect(output).toContain('Invalid metadata in README.md');
    expect(output).toContain(sentence);
    expect(filesAt('main')).toEqual({});
  },
  120_000,
);

test('a README.md without metadata is uploaded with a warning', async () => {
  await write({ 'README.md': '# Chats\n' });
  expect(await hf(...UPLOAD, folder)).toContain('empty or missing yaml metadata in repo card');
  expect(filesAt('main')).toEqual({ 'README.md': '# Chats\n' });
}, 120_000);

test('files_metadata tells size, blob id and LFS of each file', async () => {
  const lfs = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }], storageMode: 'lfs' });
  try {
    await write({ 'up.jsonl': 'hello' });
    await new HubDatasetStore({ endpoint: lfs.url, token: TOKEN }).upload({
      repo: 'ann/chats',
      path: join(folder, 'up.jsonl'),
    });
    const told = await python(`
api = HfApi(endpoint="${lfs.url}", token="${TOKEN}")
api.upload_file(path_or_fileobj=b"# Chats", path_in_repo="README.md", **ours)
def facts(**more): return [[f.rfilename, f.size, f.blob_id, f.lfs and dict(f.lfs)] for f in api.repo_info(**ours, **more).siblings]
print(json.dumps([facts(files_metadata=True), facts()]))`);
    const { files } = lfs.repository('ann/chats')!.head;
    const data = files.get('data.jsonl')!;
    const sha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
    expect(told).toEqual([
      [
        ['data.jsonl', 5, data.blobId, { size: 5, sha256, pointer_size: 126 }],
        ['README.md', 7, files.get('README.md')!.blobId, null],
      ],
      [
        ['data.jsonl', null, null, null],
        ['README.md', null, null, null],
      ],
    ]);
  } finally {
    await lfs.close();
  }
}, 120_000);

test('a missing folder is missing, a folder is listed with those inside it', async () => {
  await write({ 'data.jsonl': 'a\n', 'one/two/b.jsonl': 'b\n' });
  await hf(...UPLOAD, folder);
  const told = await python(`
api.create_repo("ann/empty", repo_type="dataset")
def tree(path=None, repo="ann/chats", **more): return [[type(e).__name__, e.path] for e in api.list_repo_tree(repo, path, repo_type="dataset", **more)]
print(json.dumps([
    tree(), tree(recursive=True), tree("one"), tree("one/two"), tree(repo="ann/empty"),
    [thrown_by(lambda: tree("none")), thrown_by(lambda: tree("on")), thrown_by(lambda: tree("none", revision="none"))],
    [e.path for e in api.get_paths_info("ann/chats", ["one", "data.jsonl", "none"], repo_type="dataset")],
]))`);
  const [file, one, two, deep] = [
    ['RepoFile', 'data.jsonl'],
    ['RepoFolder', 'one'],
    ['RepoFolder', 'one/two'],
    ['RepoFile', 'one/two/b.jsonl'],
  ];
  expect(told).toEqual([
    ...[[file, one], [file, one, two, deep], [two], [deep], []],
    ['RemoteEntryNotFoundError', 'RemoteEntryNotFoundError', 'RevisionNotFoundError'],
    ['one', 'data.jsonl'],
  ]);
}, 120_000);

test('branches, tags and visibility are settings of the repository', async () => {
  await write({ 'data.jsonl': 'a\n' });
  await hf(...UPLOAD, folder);
  await write({ 'data.jsonl': 'b\n' });
  await hf(...UPLOAD, folder, '--revision', 'dev');
  const told = await python(`
named = ("ann/chats",); kind = dict(repo_type="dataset")
api.create_tag(*named, tag="v1", revision="dev", **kind)
again = thrown_by(lambda: api.create_tag(*named, tag="v1", **kind))
api.create_tag(*named, tag="v1", exist_ok=True, **kind)
contents = [get(), get(revision="dev"), get(revision="v1")]
api.delete_branch(*named, branch="dev", **kind)
refs = api.list_repo_refs(*named, **kind)
api.update_repo_settings(*named, private=True, **kind)
seen = HfApi(endpoint=url, token="hf_ben").repo_exists(*named, **kind)
api.update_repo_settings(*named, private=False, **kind)
print(json.dumps([contents, again, [r.ref for r in refs.branches + refs.tags], thrown_by(lambda: get(revision="dev", name="x")), thrown_by(lambda: api.delete_branch(*named, branch="main", **kind)), seen, HfApi(endpoint=url, token="hf_ben").repo_exists(*named, **kind)]))`);
  expect(told).toEqual([
    ['a\n', 'b\n', 'b\n'],
    'HfHubHTTPError',
    ['refs/heads/main', 'refs/tags/v1'],
    'RevisionNotFoundError',
    'HfHubHTTPError',
    ...[false, true],
  ]);
}, 120_000);

test('a pull request onto a missing branch, and a push over a moved head, are refused and change nothing', async () => {
  await write({ 'data.jsonl': 'a\n' });
  await hf(...UPLOAD, folder);
  const before = hub.repository('ann/chats')!.head.id;
  const told = await python(`
def push(content=b"b", **more): return api.create_commit(**ours, operations=[CommitOperationAdd("data.jsonl", content)], commit_message="Push", **more)
missing = [thrown_by(lambda: push(revision="none", create_pr=True)), thrown_by(lambda: push(revision="none"))]
first = api.dataset_info("ann/chats").sha
moved = push(parent_commit=first).oid
print(json.dumps([missing, first, moved, thrown_by(lambda: push(b"c", parent_commit=first)), [d.num for d in api.get_repo_discussions("ann/chats", repo_type="dataset")]]))`);
  const { id } = hub.repository('ann/chats')!.head;
  expect(told).toEqual([['RevisionNotFoundError', 'RevisionNotFoundError'], before, id, 'HfHubHTTPError', []]);
}, 120_000);
