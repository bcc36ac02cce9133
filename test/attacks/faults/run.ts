/**
 * `npm run attacks:faults`: everything of ours that can break, at each step of an epoch, and what it cost anybody.
 *
 *     npm run attacks:faults [-- share of it, such as 0.1, or how many, such as 8 [seed]]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeEquipment } from '../arena.ts';
import { openArenas } from '../play.ts';
import { World } from '../world.ts';
import { allInjections } from './injections.ts';
import { Stage } from './stage.ts';

process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';

const [share = '1', seed = '1', part = ''] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'flock-off-faults-'));
const equipment = await openArenas(folder);
const stage = await Stage.open(equipment);
const world = new World(Number(seed));
const byKind = allInjections(stage).map((some) => world.shuffle(some.filter(({ name }) => name.includes(part))));
// One of each kind in turn: most steps are of the chain.
const longest = Math.max(...byKind.map(({ length }) => length));
const all = Array.from({ length: longest }, (_, i) => byKind.flatMap((some) => some[i] ?? [])).flat();
const chosen = all.slice(0, Number(share) > 1 ? Number(share) : Math.ceil(all.length * Number(share)));
const kinds: Record<string, number> = {};
for (const { kind } of stage.steps) kinds[kind] = (kinds[kind] ?? 0) + 1;
console.error(`${stage.steps.length} steps ${JSON.stringify(kinds)}, ${chosen.length} of ${all.length} faults`);
let failed = 0;
for (const [i, injection] of chosen.entries()) {
  const startMs = Date.now();
  const problems = await stage.inject(injection);
  if (problems.length > 0) failed++;
  console.error(
    `${i + 1} of ${chosen.length}: ${injection.name}, ${Date.now() - startMs} ms${problems.length ? `\n    ${problems.join('\n    ')}` : ''}`,
  );
}
console.log(`${chosen.length} of ${all.length} faults injected, ${failed} of them cost somebody something.`);
await stage.close();
closeEquipment(equipment);
await rm(folder, { recursive: true, force: true });
process.exitCode = failed > 0 ? 1 : 0;
