import { describe, expect, test } from 'vitest';
import { readFailure, readOpinion } from '../../src/fleet/opinions.ts';
import { type Found, type Task, taskHash, textToSign } from '../../src/fleet/wire.ts';
import { WorkerKey } from '../../src/fleet/worker-key.ts';
import { packRowLosses } from '../../src/validator/row-losses.ts';
import { competition } from './world.ts';

// What a validator takes of what stands in a job, wherever it came from.

const key = WorkerKey.generate();
const isTrusted = (worker: string) => worker === key.publicKey;
const machine = { packageVersion: '1', baseSha256: 'base', backend: 'tfjs-node', precision: 'float32' };
const task: Task = {
  ...{ kind: 'score', queue: 'q', key: 'k', name: 'uid 3', uid: 3, machine, dataset: null, competition, seed: 7 },
  evaluation: { sha256: 'e', rows: 2, textSha256: 'e'.repeat(64) },
};
const loss = {
  ok: true as const,
  ...{ lossNatsPerToken: 2, rowLosses: packRowLosses([1, 3]), trainingMs: 1, evaluationMs: 1 },
};
const verdict = (reason: 'diverged' | 'duplicate') => ({ ok: false as const, verdict: { reason, message: 'so' } });

function signed(changed: Partial<Found> = {}) {
  const found: Found = { task: taskHash(task), machine, checked: loss, ...changed };
  return { found, worker: key.publicKey, signature: key.sign(textToSign('found', found)) };
}

describe('a result', () => {
  test('is taken for the very task, from a trusted worker, with its signature', () => {
    expect(readOpinion(signed(), task, isTrusted)).toEqual({ worker: key.publicKey, checked: loss });
    expect(readOpinion(signed({ checked: verdict('diverged') }), task, isTrusted)).toMatchObject({
      checked: { verdict: { reason: 'diverged' } },
    });
  });

  test.each([
    ['of another task', signed({ task: taskHash({ ...task, seed: 8 }) }), 'is of another task'],
    ['of another machine', signed({ machine: { ...machine, precision: 'bfloat16' } }), 'cannot be compared'],
    ['with a verdict of no training', signed({ checked: verdict('duplicate') }), 'that training cannot come to'],
    [
      'whose loss is not that of its rows',
      signed({ checked: { ...loss, lossNatsPerToken: 1 } }),
      'does not follow from',
    ],
    [
      'changed after it was signed',
      { ...signed(), found: { ...signed().found, machine: { ...machine, backend: 'x' } } },
      'its signature',
    ],
    ['of nobody', { found: {} }, 'is no result'],
  ])('%s is not taken', (_what, value, why) => {
    expect(readOpinion(value, task, isTrusted)).toContain(why);
  });

  test('of a stranger is not taken', () => {
    expect(readOpinion(signed(), task, () => false)).toContain('is of a worker that is not taken');
  });

  test.each(['base', 'probe'] as const)('of a %s job has no verdict on a dataset', (kind) => {
    const other = { ...task, kind };
    const value = signed({
      task: taskHash(other),
      checked: { ok: false, verdict: { reason: 'no-labels', message: '' } },
    });
    expect(readOpinion(value, other, isTrusted)).toContain('that training cannot come to');
  });
});

describe('a failure', () => {
  const failed = (of: Task = task) => {
    const failure = { task: taskHash(of), attempt: 'a', code: 'trainer-failed', what: 'the device is lost' };
    return { failure, worker: key.publicKey, signature: key.sign(textToSign('failure', failure)) };
  };

  test('is of the trusted worker that signed it for the very task', () => {
    expect(readFailure(failed(), task, isTrusted)).toMatchObject({
      ...{ worker: key.publicKey, failure: { code: 'trainer-failed' } },
    });
  });

  test.each([
    ['of another task', failed({ ...task, seed: 8 })],
    ['with another signature', { ...failed(), signature: 'b'.repeat(128) }],
    ['changed', { ...failed(), failure: { ...failed().failure, code: 'hub-denied' } }],
  ])('%s is of nobody', (_what, value) => {
    expect(readFailure(value, task, isTrusted)?.worker).toBeNull();
  });

  test('of a stranger is of nobody, and what is no failure is none', () => {
    expect(readFailure(failed(), task, () => false)?.worker).toBeNull();
    expect(readFailure({ code: 'trainer-failed', what: 'so' }, task, isTrusted)).toBeNull();
  });
});
