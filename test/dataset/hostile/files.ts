/** Thousands of small hostile files: `npm run attacks:files -- [count] [first seed]`, which runs heavy.ts first. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkHostileFiles } from './check-hostile-files.ts';

const [count = 10_000, seed = 1] = process.argv.slice(2).map(Number);
const folder = await mkdtemp(join(tmpdir(), 'flock-off-attacks-'));
try {
  const startMs = performance.now();
  const { failures, ...results } = await checkHostileFiles({ path: join(folder, 'data.jsonl'), seed, count });
  console.log(JSON.stringify({ ...results, seconds: Math.round((performance.now() - startMs) / 1000) }, null, 2));
  console.log(`${failures.length} failures`);
  for (const failure of failures) console.log(failure);
  process.exitCode = failures.length > 0 ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
}
