import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HubDatasetStore } from 'flock-off';
import { LocalHub } from 'flock-off/local';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { checkHub } from '../../src/cli/doctor/check-hub.ts';

const lab = { name: 'lab', role: 'write' as const };

let hub: LocalHub;
beforeAll(async () => {
  hub = await LocalHub.open({
    users: [
      { name: 'ann', token: 'hf_read', role: 'read' },
      { name: 'ann', token: 'hf_write', organizations: [lab, { name: 'club', role: 'read' }] },
      { name: 'ann', token: 'hf_chats', writes: ['ann/chats'] },
      { name: 'ann', token: 'hf_all_of_ann', writes: ['ann'] },
      { name: 'ann', token: 'hf_fine_reader', writes: [] },
      { name: 'ann', token: 'hf_all_of_club', writes: ['club'], organizations: [{ name: 'club', role: 'read' }] },
      { name: 'ann', token: 'hf_all_of_lab', writes: ['lab'], organizations: [lab] },
    ],
  });
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-doctor-'));
  const path = join(folder, 'data.jsonl');
  await writeFile(path, '{}\n');
  await new HubDatasetStore({ endpoint: hub.url, token: 'hf_write' }).upload({ repo: 'ann/chats', path });
  await rm(folder, { recursive: true });
});
afterAll(() => hub.close());

/** Asks a mirror that answers in turn. */
async function mirrorOf(answers: { status?: number; body: object }[]) {
  const mirror = createServer((_, response) => {
    const { status = 200, body } = answers.shift()!;
    response.writeHead(status).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => mirror.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void mirror.close());
  const hubEndpoint = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`;
  return (more: { repo?: string; isValidator?: boolean }) =>
    checkHub({ hubEndpoint, hubToken: 'hf_any', isValidator: false, ...more });
}

async function told(hubToken: string | undefined, more: { repo?: string; isValidator?: boolean } = {}) {
  const { ok, told } = await checkHub({ hubEndpoint: hub.url, hubToken, isValidator: false, ...more });
  return `${ok} ${told}`;
}

test.each([
  ['hf_write', 'ann/chats', "true the token is ann's, write, and may publish ann/chats"],
  ['hf_write', 'lab/new', "true the token is ann's, write, and may publish lab/new"],
  ['hf_chats', 'ann/chats', "true the token is ann's, fine-grained, and may publish ann/chats"],
  ['hf_all_of_ann', 'ann/new', "true the token is ann's, fine-grained, and may publish ann/new"],
  ['hf_chats', 'ann/new', 'false .*it is fine-grained, without "repo.write" for all of ann; put one that may'],
  ['hf_fine_reader', 'ann/chats', 'false .*it is fine-grained, without "repo.write" for ann/chats; put one that may'],
  ['hf_read', 'ann/chats', "false the token is ann's, read, and may not publish ann/chats: it may only read"],
  ['hf_write', 'club/new', 'false .*ann may only read in the organization club'],
  ['hf_all_of_club', 'club/new', 'false .*ann may only read in the organization club'],
  ['hf_all_of_lab', 'lab/new', "true the token is ann's, fine-grained, and may publish lab/new"],
  ['hf_write', 'ben/new', "false .*it is ann's, who is not ben and in no organization of that name"],
  ['hf_write', 'chats', 'false chats is no repository: expected namespace/name'],
  [undefined, 'ann/chats', 'false .*publishing ann/chats needs one, set HF_TOKEN'],
])("whether %s can write a miner's repository %s", async (token, repo, expected) => {
  expect(await told(token, { repo })).toMatch(new RegExp(`^${expected}`));
});

test.each([
  ['hf_read', 'true .*may write nothing: enough for a validator', 'true .*may write nothing'],
  ['hf_fine_reader', 'true .*may write nothing: enough for a validator', 'true .*may write nothing'],
  ['hf_write', "true .*may write to ann, lab: a miner's", 'false .*a validator only reads, so replace it'],
  ['hf_chats', "true .*may write to ann/chats: a miner's", 'false .*a validator only reads, so replace it'],
])("of %s it is said where it may write, which a validator's should not", async (token, elsewhere, onValidators) => {
  expect(await told(token)).toMatch(new RegExp(`^${elsewhere}`));
  expect(await told(token, { isValidator: true })).toMatch(new RegExp(`^${onValidators}`));
});

test('what a token may write that is no repository is told, and is more than a validator needs', async () => {
  const [user, unnamed] = [{ type: 'user', name: 'ann' }, { type: 'org' }];
  const fineGrained = (global: string[], scoped: object[]) => ({
    name: 'ann',
    auth: { accessToken: { role: 'fineGrained', fineGrained: { canReadGatedRepos: true, global, scoped } } },
  });
  const permissions = ['repo.content.read', 'inference.endpoints.write', 'job.write'];
  const rights = [
    fineGrained(['discussion.write'], [{ entity: user, permissions }]),
    fineGrained([], [{ entity: unnamed, permissions: ['repo.write', 'org.write'] }]),
    fineGrained(['repo.write'], []),
  ];
  const expected = [
    'may write to no repository, but has discussion.write, inference.endpoints.write, job.write: ',
    'may write to an unnamed org, and has org.write: ',
    'may write to all that ann may: ',
  ];
  const ask = await mirrorOf(rights.flatMap((one) => [one, one]).map((body) => ({ body })));
  for (const [i, one] of expected.entries()) {
    const onValidator = expect.stringContaining(`${one}a validator only reads, so replace it`);
    expect(await ask({ isValidator: true })).toMatchObject({ ok: false, told: onValidator });
    const elsewhere = i === 0 ? 'not enough for a miner, more than a validator needs' : "a miner's";
    expect(await ask({})).toMatchObject({ ok: true, told: expect.stringContaining(`${one}${elsewhere}`) });
  }
});

test('only 401 and 404 say that a repository is not there', async () => {
  const scoped = [{ entity: { type: 'dataset', name: 'ann/chats' }, permissions: ['repo.write'] }];
  const body = { name: 'ann', auth: { accessToken: { role: 'fineGrained', fineGrained: { scoped } } } };
  for (const [status, ok, told] of [
    [200, true, 'may publish ann/chats'],
    [401, false, 'without "repo.write" for all of ann'],
    [404, false, 'without "repo.write" for all of ann'],
    [503, null, 'is not known: the hub answers 503 for it'],
    [429, null, 'is not known: the hub answers 429 for it'],
  ] as const) {
    const ask = await mirrorOf([{ body }, { status, body: {} }]);
    expect(await ask({ repo: 'ann/chats' })).toMatchObject({ ok, told: expect.stringContaining(told) });
  }
  const ask = await mirrorOf([{ status: 503, body }]);
  expect(await ask({})).toMatchObject({ ok: false, told: expect.stringMatching(/ answers 503$/) });
});

test('a hub that says nothing of rights leaves them open, and a refused token is told as such', async () => {
  const ask = await mirrorOf([
    { body: { name: 'ann', auth: { accessToken: { role: 'fineGrained' } } } },
    { body: { name: 'ann' } },
  ]);
  expect(await ask({})).toMatchObject({ ok: null, told: expect.stringContaining('does not say what it may write to') });
  expect(await ask({})).toMatchObject({
    ok: null,
    told: expect.stringContaining('does not say what the token may do'),
  });
  expect(await told('hf_unknown')).toBe('false the token is answered with 401: make a new one');
});
