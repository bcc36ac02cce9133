import { readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { runCommand } from '../../src/setup/run-command.ts';
import { readmeProgram, SAYS_THE_LOSS } from './readme-program.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = `${ROOT}first.mts`;
afterAll(() => Promise.all([PROGRAM, `${ROOT}good.jsonl`].map((path) => rm(path, { force: true }))));

test("the README's first program has fewer than 20 lines and runs in the clone as it stands", async () => {
  const program = await readmeProgram();
  expect(program.trim().split('\n').length).toBeLessThan(20);
  await writeFile(PROGRAM, program);
  const { code, stdout } = await runCommand({
    command: process.execPath,
    args: ['node_modules/tsx/dist/cli.mjs', 'first.mts'],
    cwd: ROOT,
    timeoutMs: 110_000,
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(SAYS_THE_LOSS);
}, 120_000);

test('examples/validator.ts and examples/miner.ts stay under 120 lines', async () => {
  for (const name of ['validator', 'miner']) {
    const text = await readFile(`${ROOT}examples/${name}.ts`, 'utf8');
    expect(text.trim().split('\n').length).toBeLessThan(120);
  }
});
