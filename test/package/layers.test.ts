import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runCommand } from '../../src/setup/run-command.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test('the rooms import each other only as the layer rules allow', async () => {
  const { code, stdout } = await runCommand({
    command: process.execPath,
    args: [
      'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
      '--config',
      '.dependency-cruiser.json',
      'src',
      'examples',
    ],
    cwd: ROOT,
    timeoutMs: 60_000,
  });
  expect(stdout).toContain('no dependency violations found');
  expect(code).toBe(0);
});
