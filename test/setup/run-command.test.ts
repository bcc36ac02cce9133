import { expect, test } from 'vitest';
import { reasonOf } from '../../src/setup/run-command.ts';

test.each([
  'InvalidURL: Failed to parse: http://ann:hun#ter2@127.0.0.1:1',
  'error: ann:hunter2@127.0.0.1:1 is no proxy',
  'npm error request to https://ann:hun/ter2@127.0.0.1:1/ failed',
])('what a command says is told without the password of a proxy: %s', (line) => {
  const reason = reasonOf({ code: 1, stoppedBy: null, stdout: '', stderr: `Traceback\n${line}\n` });
  expect(reason).toMatch(/127\.0\.0\.1:1/);
  expect(reason).not.toMatch(/ann|ter2/);
});

test('what has no password in it stays as it is', () => {
  const line = 'ERROR: No matching distribution found for tensorflow==2.21 (from https://index/simple)';
  expect(reasonOf({ code: 1, stoppedBy: null, stdout: line, stderr: '' })).toBe(line);
});
