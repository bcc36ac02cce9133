/**
 * `npm run mutate:rules`: Stryker changes the rules (who is drawn, what is a copy, what a loss is worth) in every way it
 * knows, one at a time, and of the changes that tests reach at least 95 in 100 of each room have to fail one. A long run.
 * Changes that change no result are listed with their reasons in `rules-equal.ts`; they are printed and counted apart.
 * `npm run mutate:rules -- step-weights claims` changes only files whose path matches one of those, and runs the tests of
 * their rooms.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInstrumenter, type InstrumentResult } from '@stryker-mutator/instrumenter';
import { createInjector } from 'typed-inject';
import type { RunnerTask } from 'vitest';
import { createVitest } from 'vitest/node';
import { equalTo } from './rules-equal.ts';
import type { Attempt, Findings } from './rules-runner.ts';

type Mutant = InstrumentResult['mutants'][number];

const LEAST_KILLED = 0.95;
/** A test that takes longer with a change has no end, where the system does not tell its CPU time. */
const LONGEST_MS = 60_000;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const filesOf = (folder: string) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`);

/** What reads characters, what fingerprints are made with, and what finds rows by them; the rest of that room moves them between threads. */
const CHARACTERS = ['confusables', 'units'];
const FINGERPRINTING = ['format', 'grams', 'growing-list', 'normal-form'];
const SEARCHING = [
  ...['candidates', 'evaluation-rows', 'first-places', 'judge-row', 'likeness', 'own-times', 'repeated-rows'],
  ...['pair-weights', 'rows-of', 'short-answers', 'whole-answers'],
];

/** What recognises data of other tools: constants mostly, which are tried with all that loads them. */
const FORMATS = ['file-format', 'row-format', 'first-object'];

interface Room {
  rules: string[];
  tests: string;
  /** Whether the rules remember what they have computed, so that each change needs them loaded anew. */
  remembers?: boolean;
}

/** The rules by room: pure, so that the tests that say what they do are quick. */
const ROOMS: Room[] = [
  { rules: filesOf('src/scoring'), tests: 'test/scoring/*.test.ts' },
  { rules: filesOf('src/policy'), tests: 'test/{policy/*,scoring/garbage}.test.ts' },
  { rules: filesOf('src/queue'), tests: 'test/queue/*.test.ts' },
  // Its test draws thousands of values, and reaches nothing else.
  { rules: ['src/dataset/read-row.ts'], tests: 'test/dataset/read-row.test.ts' },
  {
    rules: FORMATS.map((name) => `src/dataset/${name}.ts`),
    tests: 'test/dataset/{other-formats,first-object}.test.ts',
  },
  {
    rules: filesOf('src/dataset').filter((path) => !['read-row', ...FORMATS].includes(basename(path, '.ts'))),
    tests: 'test/dataset/!(read-row).test.ts',
  },
  {
    rules: CHARACTERS.map((name) => `src/dataset/fingerprint/${name}.ts`),
    tests: 'test/dataset/fingerprint/{normal-form,version}.test.ts',
    remembers: true,
  },
  {
    rules: ['src/dataset/fingerprint/fingerprint-rows.ts'],
    tests: 'test/dataset/fingerprint/{fingerprint-rows,few-rows,version}.test.ts',
  },
  {
    rules: FINGERPRINTING.map((name) => `src/dataset/fingerprint/${name}.ts`),
    tests: 'test/dataset/fingerprint/{normal-form,fingerprint-rows,version}.test.ts',
  },
  {
    rules: SEARCHING.map((name) => `src/dataset/fingerprint/${name}.ts`),
    tests:
      'test/dataset/fingerprint/{first-places,judge-row,likeness-of-any,heavy-likeness,candidates,judging-version,repeated-rows,find-others-rows}.test.ts',
  },
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

const part = new RegExp(process.argv.slice(2).join('|'));
const chosen = ROOMS.map((room) => ({
  ...room,
  rules: room.rules.filter((path) => path.endsWith('.ts') && part.test(path)),
})).filter(({ rules }) => rules.length > 0);
if (chosen.length === 0) throw new Error(`no file of the rules matches ${part}`);

const FINDINGS = join(ROOT, '.flock-off', `rules-${process.pid}.json`);
mkdirSync(dirname(FINDINGS), { recursive: true });
process.env.FLOCK_OFF_RULES_FINDINGS = FINDINGS;
process.chdir(ROOT);

let isEnough = true;
for (const { rules, tests, remembers } of chosen) {
  process.env.FLOCK_OFF_RULES_LOADED_ANEW = remembers ? 'yes' : '';
  const { files, mutants } = await instrumented(rules);
  const findings = await tryOut(files, tests);
  const killed = new Set(findings.killed);
  const seen = new Set([...findings.reached, ...Object.keys(findings.atLoad)]);
  const counts = new Map<string, { noticed: number; reached: number; equal: number }>();
  for (const { id, fileName, location, replacement } of mutants.filter((mutant) => seen.has(mutant.id))) {
    const path = relative(ROOT, fileName);
    const count = counts.get(path) ?? { noticed: 0, reached: 0, equal: 0 };
    counts.set(path, count);
    const at = `${path}:${location.start.line + 1}:${location.start.column + 1} ${replacement.trim()}`;
    const equal = equalTo({ path, source: partOf(readFileSync(fileName, 'utf8'), location), replacement });
    if (equal && killed.has(id)) {
      console.log(`NOT EQUAL ${at}: a test notices it, so take it off the list of those that change nothing`);
      isEnough = false;
    } else if (equal) {
      count.equal++;
      console.log(`EQUAL ${at} (${equal.why})`);
      continue;
    }
    count.reached++;
    if (killed.has(id)) count.noticed++;
    else console.log(`UNNOTICED ${at}`);
  }
  for (const test of findings.unrepeatable) console.log(`UNREPEATABLE ${test}`);
  for (const [path, count] of counts) console.log(`${path}: ${inWords(count)}`);
  const room = [...counts.values()].reduce((a, b) => ({
    noticed: a.noticed + b.noticed,
    reached: a.reached + b.reached,
    equal: a.equal + b.equal,
  }));
  console.log(`ROOM ${tests}: ${inWords(room)}`);
  isEnough &&= room.noticed >= LEAST_KILLED * room.reached;
}
// Vitest sets it for each process that a change has ended.
process.exitCode = isEnough ? 0 : 1;

function inWords({ noticed, reached, equal }: { noticed: number; reached: number; equal: number }): string {
  const share = ((100 * noticed) / reached).toFixed(1);
  return `${noticed} of ${reached} changes that tests reach noticed (${share} %), ${equal} that change nothing`;
}

function partOf(text: string, { start, end }: Mutant['location']): string {
  const lines = text.split('\n').slice(start.line, end.line + 1);
  lines[lines.length - 1] = lines.at(-1)!.slice(0, end.column);
  return lines.join('\n').slice(start.column);
}

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
  writeFileSync(
    FINDINGS,
    JSON.stringify({ killed: [], reached: [], atLoad: {}, slow: [], unrepeatable: [] } satisfies Findings),
  );
  const read = (): Findings => JSON.parse(readFileSync(FINDINGS, 'utf8'));
  const path = `${FINDINGS}.attempt`;
  /** A change that ends its process is noticed as well. */
  const note = ({ mutant, killed }: Attempt) => {
    const findings = read();
    const noticed = [...killed, mutant];
    const reached = [...findings.reached, ...noticed];
    writeFileSync(FINDINGS, JSON.stringify({ ...findings, killed: [...findings.killed, ...noticed], reached }));
    rmSync(path);
  };
  let ended = false;
  // A loop without end holds up its process: the others are tried in a new one.
  const endEndless = () => {
    const attempt = readAttempt(path);
    if (attempt === null) return;
    const cpuMs = cpuMsOf(attempt.pid);
    const isOver = cpuMs === null ? Date.now() - statSync(path).mtimeMs > LONGEST_MS : cpuMs > attempt.untilCpuMs;
    if (!isOver) return;
    note(attempt);
    process.kill(attempt.pid, 'SIGKILL');
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
    for (const turn of ['quick', 'slow', 'load']) {
      process.env.FLOCK_OFF_RULES_TURN = turn;
      do {
        ended = false;
        await vitest.runTestSpecifications(specifications);
        const left = readAttempt(path);
        if (left) note(left);
        ended ||= left !== null;
      } while (ended);
      const failures = vitest.state.getFiles().flatMap((file) => failuresIn(file));
      if (failures.length > 0) throw new Error(`these fail without any change (${turn}): ${failures.join('; ')}`);
    }
    clearInterval(watch);
    return read();
  } finally {
    await vitest.close();
  }
}

/** `null` where there is none, or it is just being written. */
function readAttempt(path: string): Attempt | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** CPU time of a process, `null` where the system does not tell it. */
function cpuMsOf(pid: number): number | null {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return null;
  const [, , , , , , , , , , , user, system] = readFileSync(path, 'utf8').split(') ')[1]!.split(' ');
  return 10 * (Number(user) + Number(system));
}

/** What failed, with its words. */
function failuresIn(task: RunnerTask): string[] {
  const errors = task.result?.errors?.map(({ message }) => `${task.name}: ${message}`) ?? [];
  return 'tasks' in task ? [...errors, ...task.tasks.flatMap(failuresIn)] : errors;
}
