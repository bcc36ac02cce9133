// Checks one file and prints how long it took and how much the process grew; run as a child by performance.test.ts.
import { checkDataset } from '../../src/dataset/check.ts';
import { Competition } from '../../src/schema/competition.ts';

const competition = Competition.parse({});
const rssBefore = process.memoryUsage.rss();
const startMs = performance.now();
const dataset = await checkDataset({ path: process.argv[2]!, competition });
const elapsedMs = performance.now() - startMs;
const peakRss = process.resourceUsage().maxRSS * 1024;
console.log(
  JSON.stringify({ rows: dataset.ok ? dataset.value.rows.length : 0, elapsedMs, grownBytes: peakRss - rssBefore }),
);
