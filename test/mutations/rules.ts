/**
 * `npm run mutate:rules`: Stryker changes the rules (who is drawn, what is a copy, what a loss is worth) in every way it
 * knows, one at a time, and of the changes that tests reach at least 95 in 100 have to fail one. A long run.
 * `npm run mutate:rules -- step-weights` changes only files with that in their path.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stryker } from '@stryker-mutator/core';

const LEAST_KILLED = 0.95;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const filesOf = (folder: string) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`);

/** The rules: pure, so that their tests are quick. */
const RULES = [
  ...filesOf('src/scoring'),
  ...filesOf('src/policy'),
  ...filesOf('src/queue'),
  ...filesOf('src/dataset'),
  'src/validator/standing.ts',
  'src/validator/pointers.ts',
  'src/trainer/tokens/batches.ts',
  'src/trainer/run/schedule.ts',
  'src/trainer/run/clip.ts',
  'src/chain/weights/normalise.ts',
  'src/chain/weights/row.ts',
  'src/chain/subnet/epoch-schedule.ts',
].filter((path) => path.endsWith('.ts') && path.includes(process.argv[2] ?? ''));
if (RULES.length === 0) throw new Error(`no file of the rules has "${process.argv[2]}" in its path`);

process.chdir(ROOT);
const mutants = await new Stryker({
  mutate: RULES,
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'test/mutations/rules-vitest.config.ts', related: false },
  coverageAnalysis: 'perTest',
  concurrency: Math.max(1, availableParallelism() - 1),
  reporters: ['progress-append-only'],
  tempDirName: '.flock-off/stryker',
  allowEmpty: true,
}).runMutationTest();

const reached = mutants.filter(({ status }) => ['Killed', 'Timeout', 'Survived'].includes(status));
const survivors = reached.filter(({ status }) => status === 'Survived');
for (const { fileName, location, replacement } of survivors) {
  const path = fileName.slice(fileName.indexOf('src/'));
  console.log(`UNNOTICED ${path}:${location.start.line}:${location.start.column} ${replacement.trim()}`);
}
const killed = reached.length - survivors.length;
const share = reached.length === 0 ? 0 : killed / reached.length;
console.log(`${killed} of ${reached.length} changes that tests reach noticed (${(100 * share).toFixed(1)} %)`);
process.exitCode = share >= LEAST_KILLED ? 0 : 1;
