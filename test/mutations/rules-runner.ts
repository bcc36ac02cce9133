import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type RunnerTestCase, TestRunner } from 'vitest';
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
  /** Reached while a module was loaded, with the test files that load it. */
  atLoad: Record<string, string[]>;
  /** Tests that fail when they are run again: what they find does not count. */
  unrepeatable: string[];
}

/** A change that a test runs with right now, in a file beside the findings: one that never ends is seen by its age. */
export interface Attempt {
  pid: number;
  mutant: string;
}

/** Tests that take longer are slow: their turn comes when quick ones have failed for most changes. */
const QUICK_CPU_MS = 50;
/** How often more than without a change a changed place may be reached: a loop that does not end is a failure. */
const MOST_HITS = 10;
const FINDINGS = process.env.FLOCK_OFF_RULES_FINDINGS!;
/** Set before any module of the rules is loaded. */
const board: Switchboard = { activeMutant: process.env.FLOCK_OFF_RULES_MUTANT };
Object.assign(globalThis, { __stryker__: board });

/**
 * Runs each test once as it is, then once for each change that it reaches and that no test has failed for, in the same
 * process, and once more as it is. Where one change is active from the start (`FLOCK_OFF_RULES_MUTANT`), tests run as always.
 */
export default class RulesRunner extends TestRunner {
  async runTask(test: RunnerTestCase): Promise<void> {
    const run = getFn(test);
    if (process.env.FLOCK_OFF_RULES_MUTANT) return run();
    const before = process.cpuUsage();
    board.currentTestId = test.id;
    await run();
    board.currentTestId = 'run again';
    const isQuick = process.cpuUsage(before).user < 1000 * QUICK_CPU_MS;
    const isTheTurn = isQuick === (process.env.FLOCK_OFF_RULES_TURN === 'quick');
    const findings: Findings = JSON.parse(readFileSync(FINDINGS, 'utf8'));
    const { perTest = {}, static: atLoad = {} } = board.mutantCoverage ?? {};
    for (const id of Object.keys(atLoad)) {
      findings.atLoad[id] ??= [];
      if (!findings.atLoad[id].includes(test.file.filepath)) findings.atLoad[id].push(test.file.filepath);
    }
    const hits = Object.entries(perTest[test.id] ?? {});
    const known = new Set(findings.killed);
    const killed: string[] = [];
    for (const [id, times] of isTheTurn ? hits.filter(([id]) => !known.has(id)) : []) {
      writeFileSync(`${FINDINGS}.attempt`, JSON.stringify({ pid: process.pid, mutant: id } satisfies Attempt));
      Object.assign(board, { activeMutant: id, hitCount: 0, hitLimit: MOST_HITS * times });
      try {
        await run();
      } catch {
        killed.push(id);
      }
    }
    board.activeMutant = undefined;
    rmSync(`${FINDINGS}.attempt`, { force: true });
    try {
      if (killed.length > 0) await run();
      findings.killed.push(...killed);
    } catch {
      findings.unrepeatable.push(`${test.file.name}: ${test.fullTestName}`);
    }
    findings.reached = [...new Set([...findings.reached, ...hits.map(([id]) => id)])];
    writeFileSync(FINDINGS, JSON.stringify(findings));
  }
}
