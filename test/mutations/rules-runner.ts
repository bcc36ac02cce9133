import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type RunnerTestCase, type RunnerTestFile, TestRunner, vi } from 'vitest';
import { startTests } from 'vitest/internal/browser';
import { getFn } from 'vitest/suite';

/** What Stryker's instrumented code reads and counts. */
interface Switchboard {
  activeMutant?: string;
  currentTestId?: string;
  hitCount?: number;
  hitLimit?: number;
  mutantCoverage?: { static: Record<string, number>; perTest: Record<string, Record<string, number>> };
}

/** What the tests have found so far, in a file that the runs share. */
export interface Findings {
  killed: string[];
  /** Reached by a test. */
  reached: string[];
  /** To be tried while modules are loaded, with the test files that load them. */
  atLoad: Record<string, string[]>;
  /** Tests whose turn is the slow ones'. */
  slow: string[];
  /** Tests that fail when they are run again: what they find does not count. */
  unrepeatable: string[];
}

/** A change that a test runs with right now, in a file beside the findings: one that never ends is seen by its age. */
export interface Attempt {
  pid: number;
  mutant: string;
  /** CPU time of the process from which on it has no end. */
  untilCpuMs: number;
  /** Other changes that the same test has failed for. */
  killed: string[];
}

/** Tests that take longer are slow: their turn comes when quick ones have failed for most changes. */
const QUICK_CPU_MS = 200;
/** How often more than without a change a changed place may be reached: a loop that does not end is a failure. */
const MOST_HITS = 10;
/** How long a test may take with a change before it has no end: so long, and so many times what it takes without. */
const [LEAST_CPU_MS, MOST_TIMES] = [2_000, 10];
const FINDINGS = process.env.FLOCK_OFF_RULES_FINDINGS!;
const TURN = process.env.FLOCK_OFF_RULES_TURN;
/** Where what is reached is remembered, every change is tried as those at load are. */
const LOADED_ANEW = process.env.FLOCK_OFF_RULES_LOADED_ANEW === 'yes';
/** There before any module of the rules is loaded. */
const board: Switchboard = {};
Object.assign(globalThis, { __stryker__: board });
const read = (): Findings => JSON.parse(readFileSync(FINDINGS, 'utf8'));
const write = (findings: Findings) => writeFileSync(FINDINGS, JSON.stringify(findings));

/**
 * Runs each test once as it is, then once for each change that it reaches and that no test has failed for, in the same
 * process, and once more as it is. What is changed while modules are loaded has a turn of its own: then the whole file is
 * loaded and run for each such change.
 */
export default class RulesRunner extends TestRunner {
  async runTask(test: RunnerTestCase): Promise<void> {
    if (TURN === 'load') return;
    const run = getFn(test);
    const before = process.cpuUsage();
    board.currentTestId = test.id;
    await run();
    board.currentTestId = 'run again';
    const ownMs = process.cpuUsage(before).user / 1_000;
    const isQuick = ownMs < QUICK_CPU_MS;
    const findings = read();
    if (TURN === 'quick' && !isQuick) findings.slow.push(test.id);
    const isTheTurn = !LOADED_ANEW && (TURN === 'quick' ? isQuick : findings.slow.includes(test.id));
    const { perTest = {}, static: atLoad = {} } = board.mutantCoverage ?? {};
    const hits = Object.entries(perTest[test.id] ?? {});
    for (const id of LOADED_ANEW ? [...Object.keys(atLoad), ...hits.map(([id]) => id)] : Object.keys(atLoad)) {
      findings.atLoad[id] ??= [];
      if (!findings.atLoad[id].includes(test.file.filepath)) findings.atLoad[id].push(test.file.filepath);
    }
    const known = new Set(findings.killed);
    const killed: string[] = [];
    for (const [id, times] of isTheTurn ? hits.filter(([id]) => !known.has(id)) : []) {
      activate({ mutant: id, hitLimit: MOST_HITS * times, ownMs, killed });
      try {
        await run();
      } catch {
        killed.push(id);
      }
    }
    deactivate();
    try {
      if (killed.length > 0) await run();
      findings.killed.push(...killed);
    } catch {
      findings.unrepeatable.push(`${test.file.name}: ${test.fullTestName}`);
    }
    findings.reached = [...new Set([...findings.reached, ...hits.map(([id]) => id)])];
    write(findings);
  }

  override async onAfterRunFiles(files: RunnerTestFile[] = []): Promise<void> {
    super.onAfterRunFiles();
    if (TURN !== 'load') return;
    for (const { filepath } of files) await this.#tryAtLoad(filepath);
  }

  /** Tries the changes at load that a test file reaches. */
  async #tryAtLoad(filepath: string): Promise<void> {
    const { atLoad, killed } = read();
    const untried = Object.keys(atLoad).filter((id) => atLoad[id]!.includes(filepath) && !killed.includes(id));
    if (untried.length === 0) return;
    Object.assign(board, { mutantCoverage: undefined, currentTestId: undefined });
    const before = process.cpuUsage();
    if (await this.#fails(filepath)) throw new Error(`${filepath} fails when it is loaded again`);
    const ownMs = process.cpuUsage(before).user / 1_000;
    const hits: Record<string, number> = { ...board.mutantCoverage?.static };
    for (const id of untried) {
      activate({ mutant: id, hitLimit: MOST_HITS * (hits[id] ?? 1), ownMs, killed: [] });
      const isNoticed = await this.#fails(filepath);
      deactivate();
      if (!isNoticed) continue;
      const findings = read();
      write({ ...findings, killed: [...findings.killed, id] });
    }
  }

  /** Loads a test file again with all that it imports, and runs its tests up to the first that fails. */
  async #fails(path: string): Promise<boolean> {
    vi.resetModules();
    let hasFailed = false;
    const quiet: TestRunner = Object.assign(Object.create(this), {
      runTask: async (test: RunnerTestCase) => {
        if (hasFailed) return;
        try {
          await getFn(test)();
        } catch (error) {
          hasFailed = true;
          throw error;
        }
      },
      ...Object.fromEntries(REPORTS.map((name) => [name, () => {}])),
    });
    const files: RunnerTestFile[] = await startTests([path], quiet);
    return hasFailed || files.some(({ result }) => result?.state === 'fail');
  }
}

/** What would tell the run as a whole of a file that is run within it. */
const REPORTS = ['onCollected', 'onTaskUpdate', 'onAfterRunFiles', 'onAfterRunTask', 'cancel'];

interface Activation {
  mutant: string;
  /** More is a loop that does not end. */
  hitLimit: number;
  /** CPU time that the test takes without it. */
  ownMs: number;
  killed: string[];
}

function activate({ mutant, hitLimit, ownMs, killed }: Activation): void {
  const { user, system } = process.cpuUsage();
  const untilCpuMs = (user + system) / 1_000 + LEAST_CPU_MS + MOST_TIMES * ownMs;
  writeFileSync(
    `${FINDINGS}.attempt`,
    JSON.stringify({ pid: process.pid, mutant, untilCpuMs, killed } satisfies Attempt),
  );
  Object.assign(board, { activeMutant: mutant, hitCount: 0, hitLimit });
}

function deactivate(): void {
  board.activeMutant = undefined;
  rmSync(`${FINDINGS}.attempt`, { force: true });
}
