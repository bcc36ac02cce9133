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
for (const name of ['src', 'test', 'eval_data', 'package.json', 'tsconfig.json'])
  await cp(join(root, name), join(copy, name), { recursive: true });
await symlink(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir');

const results = join(copy, 'results.json');
/** What vitest says, and the stack that its report has instead. */
const OUT_OF_TIME = /timed out in \d+ms|STACK_TRACE_ERROR/;

/** The first test that fails on the copy, and why; `null` where all pass. */
async function firstFailure(tests: string[]): Promise<{ test: string; why: string } | null> {
  await rm(results, { force: true });
  const args = ['run', '--config', 'test/vitest.config.ts', '--bail', '1', '--testTimeout', '120000'];
  const command = ['vitest', ...args, '--reporter', 'json', '--outputFile', results, ...tests];
  const problem = await new Promise<string | null>((resolve) =>
    execFile('npx', command, { cwd: copy, maxBuffer: 1e8 }, (error, _, stderr) =>
      resolve(error && `${error.message.slice(0, 1_000)}\n${stderr.slice(-2_000)}`),
    ),
  );
  if (problem === null) return null;
  const { testResults } = JSON.parse(await readFile(results, 'utf8')) as Results;
  for (const { name, message, assertionResults } of testResults) {
    const failed = assertionResults.find(({ status }) => status === 'failed');
    if (failed) return { test: failed.fullName, why: failed.failureMessages.join('\n') };
    if (message) return { test: name, why: message };
  }
  return { test: 'vitest itself', why: problem };
}

interface Results {
  testResults: {
    name: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

/** The same, once more where a test ran out of its time: that says more about a busy machine than about a mistake. */
async function failure(tests: string[]): Promise<{ test: string; why: string } | null> {
  const first = await firstFailure(tests);
  return first && OUT_OF_TIME.test(first.why) ? await firstFailure(tests) : first;
}

/** Those that notice most. What they let pass is tried with all tests of the trainer. */
const FIRST = ['golden/gradients', 'golden/training', 'engine/graph/graph-engine', 'engine/dropout'].map(
  (name) => `test/trainer/${name}.test.ts`,
);
/** Those of the training process have no mistake to notice, and deadlines that a busy machine misses. */
const ALL = ['test/trainer', '--exclude', 'test/trainer/process/**'];

const broken = await failure(ALL);
if (broken) throw new Error(`the tests of the trainer fail without any mistake: ${broken.test}: ${broken.why}`);
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
  const by = (await failure(FIRST)) ?? (await failure(ALL));
  await writeFile(path, source);
  if (!by) unnoticed++;
  const late = by && OUT_OF_TIME.test(by.why) ? ', which ran out of time twice' : '';
  console.log(by ? `noticed    ${mistake} (${by.test}${late})` : `UNNOTICED  ${mistake}`);
}
await rm(copy, { recursive: true });
console.log(`${tried.length - unnoticed} of ${tried.length} mistakes noticed`);
process.exitCode = unnoticed === 0 ? 0 : 1;
