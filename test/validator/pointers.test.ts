import { expect, test } from 'vitest';
import { Competition } from '../../src/schema/competition.ts';
import type { Commitment } from '../../src/schema/metagraph.ts';
import { readPointers } from '../../src/validator/pointers.ts';

const SHA = '0123456789abcdef0123456789abcdef01234567';

function read(text: string | null, registrationBlock = 1, excluded?: { repo: string; reason: string }[]) {
  const neuron = { uid: 0, hotkey: 'h0', coldkey: 'c0', consensus: 0, registrationBlock };
  const neurons = [neuron, { ...neuron, uid: 1, hotkey: 'silent' }];
  const commitments: Commitment[] = [
    { hotkey: 'h0', text, kind: 'Raw', block: 5 },
    { hotkey: 'gone', text: `a/b:1:${SHA}`, kind: 'Raw', block: 1 },
  ];
  const pointers = readPointers({ neurons, commitments }, Competition.parse({}), excluded);
  expect([...pointers.keys()]).toEqual(['h0']);
  return pointers.get('h0')!.submission;
}

test('a pinned pointer of this competition is a submission with its commit block', () => {
  expect(read(`a/b:1:${SHA}`)).toEqual({
    ok: true,
    value: { uid: 0, hotkey: 'h0', pointer: { repo: 'a/b', competition: '1', commit: SHA }, commitBlock: 5 },
  });
});

test.each([
  ['garbage', 'hello', 'invalid-pointer'],
  ["somebody's JSON", '{"a":1}', 'invalid-pointer'],
  ['nothing', '', 'invalid-pointer'],
  ['bytes that are not text', null, 'invalid-pointer'],
  ['a short sha', 'a/b:1:0123456', 'invalid-pointer'],
  ['path tricks in the repository', `../etc:1:${SHA}`, 'invalid-pointer'],
  ['another competition', `a/b:2:${SHA}`, 'wrong-competition'],
  ['a branch', 'a/b:1:main', 'unpinned-commit'],
  ['None, which Python writes for main', 'a/b:1:None', 'unpinned-commit'],
])('defect 13: %s on the chain is a verdict, never the older submission', (_what, text, reason) => {
  expect(read(text)).toMatchObject({ ok: false, verdict: { reason } });
});

test.each([
  ['hello', 'the commitment is no pointer: expected "namespace/name:competition:commit", saw "hello"'],
  ['', 'saw ""'],
  [`../etc:1:${SHA}`, 'no pointer: expected a Hugging Face repository "namespace/name", saw "../etc'],
  [null, 'saw data that is not text (Raw)'],
  [`a/b:2:${SHA}`, 'the pointer names competition "2", this one is "1"'],
  ['a/b:1:main', 'the pointer names a branch; commit the full 40-hex sha of the upload'],
])('the verdict on %j says what stands there', (text, message) => {
  const submission = read(text);
  expect(submission.ok ? '' : submission.verdict.message).toContain(message);
});

test('defect 12: a commitment from before the registration counts from the registration on', () => {
  expect(read(`a/b:1:${SHA}`, 8)).toMatchObject({ ok: true, value: { commitBlock: 8 } });
});

test('a repository that the rules leave out is a verdict with their reason; no other is, and broken pointers keep theirs', () => {
  const excluded = [
    { repo: 'x/y', reason: 'it is the baseline' },
    { repo: 'a/b', reason: 'its licence forbids it' },
  ];
  expect(read(`a/b:1:${SHA}`, 1, excluded)).toMatchObject({
    ok: false,
    verdict: { reason: 'excluded', message: 'this validator leaves the repository out: its licence forbids it' },
  });
  expect(read(`a/c:1:${SHA}`, 1, excluded)).toMatchObject({ ok: true });
  expect(read('a/b:1:main', 1, excluded)).toMatchObject({ verdict: { reason: 'unpinned-commit' } });
});
