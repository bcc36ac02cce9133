/**
 * `npm run mutate`: puts deliberate mistakes into the trainer, one at a time, in a copy of the sources, and expects the
 * tests of the trainer to notice each, on both engines. An hour or two. `npm run mutate -- dropout` tries only mistakes with that word.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTATIONS } from './mistakes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copy = await mkdtemp(join(tmpdir(), 'flock-off-mutations-'));
for (const name of ['src', 'test', 'package.json', 'tsconfig.json'])
  await cp(join(root, name), join(copy, name), { recursive: true });
await symlink(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir');

/** True when these tests pass on the copy. */
function pass(tests: string[]): Promise<boolean> {
  const args = ['vitest', 'run', '--config', 'test/vitest.config.ts', '--bail', '1', ...tests];
  return new Promise((resolve) => execFile('npx', args, { cwd: copy }, (error) => resolve(error === null)));
}

/** Those that notice most. What they let pass is tried with all tests of the trainer. */
const FIRST = ['golden/gradients', 'golden/training', 'engine/graph/graph-engine', 'engine/dropout'].map(
  (name) => `test/trainer/${name}.test.ts`,
);
const ALL = ['test/trainer'];

if (!(await pass(ALL))) throw new Error('the tests of the trainer fail without any mistake');
const tried = MUTATIONS.filter(({ mistake }) => mistake.includes(process.argv[2] ?? ''));
let unnoticed = 0;
for (const { mistake, file, from, to } of tried) {
  const path = join(copy, file);
  const source = await readFile(path, 'utf8');
  if (source.split(from).length !== 2) throw new Error(`${file} should hold once: ${from}`);
  await writeFile(
    path,
    source.replace(from, () => to),
  );
  const noticed = !((await pass(FIRST)) && (await pass(ALL)));
  await writeFile(path, source);
  if (!noticed) unnoticed++;
  console.log(`${noticed ? 'noticed  ' : 'UNNOTICED'}  ${mistake}`);
}
await rm(copy, { recursive: true });
console.log(`${tried.length - unnoticed} of ${tried.length} mistakes noticed`);
process.exitCode = unnoticed === 0 ? 0 : 1;
