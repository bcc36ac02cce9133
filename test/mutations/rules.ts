/**
 * `npm run mutate:rules`: Stryker changes the rules (who is drawn, what is a copy, what a loss is worth) in every way it
 * knows, one at a time, and of the changes that tests reach at least 95 in 100 have to fail one. A long run.
 * `npm run mutate:rules -- step-weights` changes only files with that in their path, and runs the tests of their rooms.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stryker } from '@stryker-mutator/core';

const LEAST_KILLED = 0.95;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const filesOf = (folder: string) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`);

/** The rules by room: pure, so that the tests that say what they do are quick. */
const ROOMS: { rules: string[]; tests: string }[] = [
  { rules: filesOf('src/scoring'), tests: 'test/scoring/*.test.ts' },
  { rules: filesOf('src/queue'), tests: 'test/queue/*.test.ts' },
  { rules: filesOf('src/dataset'), tests: 'test/dataset/*.test.ts' },
  { rules: filesOf('src/dataset/fingerprint'), tests: 'test/dataset/fingerprint/*.test.ts' },
  {
    rules: ['standing', 'pointers', 'left-out', 'claims'].map((name) => `src/validator/${name}.ts`),
    tests: 'test/validator/{standing,pointers,left-out,claims}.test.ts',
  },
  {
    rules: ['packed', 'position', 'showing'].map((name) => `src/validator/ledger/${name}.ts`),
    tests: 'test/validator/ledger/*.test.ts',
  },
  {
    rules: ['src/trainer/tokens/batches.ts', 'src/trainer/run/schedule.ts', 'src/trainer/run/clip.ts'],
    tests: 'test/trainer/tokens/batches.test.ts',
  },
  {
    rules: ['src/chain/weights/normalise.ts', 'src/chain/weights/row.ts'],
    tests: 'test/chain/weights/{normalise,row}.test.ts',
  },
  { rules: ['src/chain/subnet/epoch-schedule.ts'], tests: 'test/chain/subnet/epoch-schedule.test.ts' },
];

const part = process.argv[2] ?? '';
const chosen = ROOMS.map(({ rules, tests }) => ({
  rules: rules.filter((path) => path.endsWith('.ts') && path.includes(part)),
  tests,
})).filter(({ rules }) => rules.length > 0);
if (chosen.length === 0) throw new Error(`no file of the rules has "${part}" in its path`);

process.chdir(ROOT);
process.env.FLOCK_OFF_RULES_TESTS = chosen.map(({ tests }) => tests).join(' ');
const mutants = await new Stryker({
  mutate: chosen.flatMap(({ rules }) => rules),
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
