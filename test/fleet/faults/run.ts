/** `npm run fleet:faults [-- episodes [first seed [step]]]`: whatever breaks, every episode ends with the weights of one machine. */
import { REDIS_PROBLEM } from '../redis-server.ts';
import { FAULTS, FaultStage } from './episodes.ts';

const [episodes = 60, first = 0, step = 1] = process.argv.slice(2).map(Number);
if (REDIS_PROBLEM !== null) {
  console.log(`skipped: ${REDIS_PROBLEM}`);
  process.exit(0);
}
const stage = await FaultStage.open();
const seen = new Map<string, number[]>();
let failed = 0;
try {
  for (let seed = first; seed < first + episodes * step; seed += step) {
    const { fault, atMs, durationMs, problems } = await stage.play(seed);
    seen.set(fault, [...(seen.get(fault) ?? []), durationMs]);
    if (problems.length > 0) failed++;
    const result = problems.length > 0 ? `FAILED: ${problems.join('; ')}` : 'the same weights';
    console.log(
      `${seed}: ${fault} after ${(atMs / 1000).toFixed(1)} s, ${(durationMs / 1000).toFixed(1)} s in all: ${result}`,
    );
  }
} finally {
  await stage.close();
}
for (const fault of FAULTS) {
  const durations = seen.get(fault) ?? [];
  if (durations.length > 0)
    console.log(`${fault}: ${durations.length} episodes, ${(Math.max(...durations) / 1000).toFixed(1)} s at most`);
}
console.log(
  failed === 0 ? `${episodes} of ${episodes} ended with the weights of one machine` : `${failed} of ${episodes} FAILED`,
);
process.exitCode = failed === 0 ? 0 : 1;
