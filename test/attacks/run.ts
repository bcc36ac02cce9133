/**
 * `npm run attacks`: every way that is known to cheat, and every way to be unlucky, each a real epoch with real training on
 * the tiny base. Prints the table of `docs/integrity.md`.
 *
 *     npm run attacks [-- part of a name ...]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeEquipment } from './arena.ts';
import { CASES } from './cases.ts';
import { openArenas, play } from './play.ts';
import { toProblems, toTables } from './table.ts';

process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';

const wanted = process.argv.slice(2);
const cases = CASES.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
const folder = await mkdtemp(join(tmpdir(), 'flock-off-attacks-'));
const equipment = await openArenas(folder);
const lines = [];
try {
  for (const [i, one] of cases.entries()) {
    const startMs = Date.now();
    const played = await play(equipment, one);
    lines.push(...played);
    const open = played.flatMap(({ problems }) => problems);
    console.error(
      `${i + 1} of ${cases.length}: ${one.name}, ${Date.now() - startMs} ms${open.length ? `\n    ${open.join('\n    ')}` : ''}`,
    );
  }
} finally {
  closeEquipment(equipment);
  await rm(folder, { recursive: true, force: true });
}
console.log(toTables(lines));
const problems = toProblems(lines);
console.log(problems === '' ? `All of ${cases.length} cases hold.` : `Open:\n${problems}`);
process.exitCode = problems === '' ? 0 : 1;
