import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../test/package/readme-program.ts', import.meta.url));
afterAll(() => Promise.all([PROGRAM, `${ROOT}good.jsonl`].map((path) => rm(path, { force: true }))));

test("the README's first program has fewer than 20 lines and runs as it stands", async () => {
  const readme = await readFile(`${ROOT}README.md`, 'utf8');
  const program = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
  expect(program.trim().split('\n').length).toBeLessThan(20);
  await writeFile(PROGRAM, program);
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM], { cwd: ROOT });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  expect(output).toMatch(/^96 rows, loss \d\.\d{4} nats per token$/m);
}, 120_000);

test('examples/validator.ts and examples/miner.ts stay under 120 lines', async () => {
  for (const name of ['validator', 'miner']) {
    const text = await readFile(`${ROOT}examples/${name}.ts`, 'utf8');
    expect(text.trim().split('\n').length).toBeLessThan(120);
  }
});
