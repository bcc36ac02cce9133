/**
 * `npm run mutate:rules`: Stryker changes the rules (who is drawn, what is a copy, what a loss is worth) in every way it
 * knows, one at a time, and of the changes that tests reach at least 95 in 100 have to fail one. A long run.
 * `npm run mutate:rules -- step-weights` changes only files whose path matches that, and runs the tests of their rooms.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInstrumenter } from '@stryker-mutator/instrumenter';
import { createInjector } from 'typed-inject';
import { createVitest } from 'vitest/node';
import type { Attempt, Findings } from './rules-runner.ts';

const LEAST_KILLED = 0.95;
/** A test that takes longer with a change has no end. */
const LONGEST_MS = 60_000;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const filesOf = (folder: string) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`);

/** What makes fingerprints, and what finds rows by them; the rest of that room moves them between threads. */
const FINGERPRINTING = ['confusables', 'fingerprint-rows', 'format', 'grams', 'growing-list', 'normal-form', 'units'];
const SEARCHING = ['candidates', 'evaluation-rows', 'judge-row', 'likeness', 'own-times', 'repeated-rows', 'rows-of'];

/** The rules by room: pure, so that the tests that say what they do are quick. */
const ROOMS: { rules: string[]; tests: string }[] = [
  { rules: filesOf('src/scoring'), tests: 'test/scoring/*.test.ts' },
  { rules: filesOf('src/policy'), tests: 'test/policy/*.test.ts' },
  { rules: filesOf('src/queue'), tests: 'test/queue/*.test.ts' },
  // Its test draws thousands of values, and reaches nothing else.
  { rules: ['src/dataset/read-row.ts'], tests: 'test/dataset/read-row.test.ts' },
  {
    rules: filesOf('src/dataset').filter((path) => !path.includes('read-row')),
    tests: 'test/dataset/!(read-row).test.ts',
  },
  {
    rules: FINGERPRINTING.map((name) => `src/dataset/fingerprint/${name}.ts`),
    tests: 'test/dataset/fingerprint/{normal-form,version}.test.ts',
  },
  {
    rules: SEARCHING.map((name) => `src/dataset/fingerprint/${name}.ts`),
    tests: 'test/dataset/fingerprint/find-others-rows.test.ts',
  },
  {
    rules: [
      ...['standing', 'pointers', 'left-out', 'claims'].map((name) => `src/validator/${name}.ts`),
      ...['packed', 'position', 'showing'].map((name) => `src/validator/ledger/${name}.ts`),
    ],
    tests: 'test/validator/{standing,pointers,left-out,claims,ledger/*}.test.ts',
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

const part = new RegExp(process.argv[2] ?? '');
const chosen = ROOMS.map(({ rules, tests }) => ({
  rules: rules.filter((path) => path.endsWith('.ts') && part.test(path)),
  tests,
})).filter(({ rules }) => rules.length > 0);
if (chosen.length === 0) throw new Error(`no file of the rules matches ${part}`);

const FINDINGS = join(ROOT, '.flock-off', `rules-${process.pid}.json`);
process.env.FLOCK_OFF_RULES_FINDINGS = FINDINGS;
process.chdir(ROOT);

let noticed = 0;
let reached = 0;
for (const { rules, tests } of chosen) {
  const { files, mutants } = await instrumented(rules);
  const findings = await tryOut(files, tests);
  const killed = new Set(findings.killed);
  const seen = new Set([...findings.reached, ...Object.keys(findings.atLoad)]);
  for (const { id, fileName, location, replacement } of mutants.filter((mutant) => seen.has(mutant.id))) {
    reached++;
    if (killed.has(id)) noticed++;
    else
      console.log(
        `UNNOTICED ${relative(ROOT, fileName)}:${location.start.line + 1}:${location.start.column + 1} ${replacement.trim()}`,
      );
  }
  for (const test of findings.unrepeatable) console.log(`UNREPEATABLE ${test}`);
}
const share = reached === 0 ? 0 : noticed / reached;
console.log(`${noticed} of ${reached} changes that tests reach noticed (${(100 * share).toFixed(1)} %)`);
process.exitCode = share >= LEAST_KILLED ? 0 : 1;

/** The files with all their changes in them, each behind a switch. */
async function instrumented(rules: string[]) {
  const quiet = { isDebugEnabled: () => false, debug() {}, info() {}, warn() {} };
  const instrumenter = createInstrumenter(createInjector().provideValue('logger', quiet) as never);
  const sources = rules.map((rule) => join(ROOT, rule));
  const files = sources.map((name) => ({ name, mutate: true, content: readFileSync(name, 'utf8') }));
  return instrumenter.instrument(files, { plugins: null, excludedMutations: [], ignorers: [] } as never);
}

async function tryOut(files: readonly { name: string; content: string }[], tests: string): Promise<Findings> {
  const contents = new Map(files.map(({ name, content }) => [name, content]));
  writeFileSync(FINDINGS, JSON.stringify({ killed: [], reached: [], atLoad: {}, unrepeatable: [] } satisfies Findings));
  const read = (): Findings => JSON.parse(readFileSync(FINDINGS, 'utf8'));
  let ended = false;
  // A loop without end holds up its process: that is noticed as well, and the others are tried in a new one.
  const endEndless = () => {
    const path = `${FINDINGS}.attempt`;
    if (!existsSync(path) || Date.now() - statSync(path).mtimeMs < LONGEST_MS) return;
    const { pid, mutant }: Attempt = JSON.parse(readFileSync(path, 'utf8'));
    const findings = read();
    const reached = [...findings.reached, mutant];
    writeFileSync(FINDINGS, JSON.stringify({ ...findings, killed: [...findings.killed, mutant], reached }));
    rmSync(path);
    process.kill(pid, 'SIGKILL');
    ended = true;
  };
  const vitest = await createVitest(
    'test',
    { config: 'test/mutations/rules-vitest.config.ts', include: [tests], watch: false, reporters: [{}], bail: 1 },
    { plugins: [{ name: 'rules', enforce: 'pre', load: (id) => contents.get(id) }] },
  );
  try {
    const specifications = await vitest.globTestSpecifications();
    const watch = setInterval(endEndless, 1_000);
    for (const turn of ['quick', 'slow']) {
      process.env.FLOCK_OFF_RULES_TURN = turn;
      do {
        ended = false;
        await vitest.runTestSpecifications(specifications);
      } while (ended);
    }
    clearInterval(watch);
    const findings = read();
    const failed = vitest.state.getFiles().filter(({ result }) => result?.state === 'fail');
    if (failed.length > 0)
      throw new Error(`these fail without any change: ${failed.map(({ name }) => name).join(', ')}`);
    for (const [id, paths] of Object.entries(findings.atLoad)) {
      if (findings.killed.includes(id)) continue;
      process.env.FLOCK_OFF_RULES_MUTANT = id;
      await vitest.runTestSpecifications(specifications.filter(({ moduleId }) => paths.includes(moduleId)));
      if (vitest.state.getFiles().some(({ result }) => result?.state === 'fail')) findings.killed.push(id);
    }
    delete process.env.FLOCK_OFF_RULES_MUTANT;
    return findings;
  } finally {
    await vitest.close();
  }
}
