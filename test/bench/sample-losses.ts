/**
 * Prints the table of src/local/tiny-base/README.md: losses of the sample datasets, and how long they took.
 *
 *     npx tsx test/bench/sample-losses.ts [seeds]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Competition, checkDataset, LoraTrainer, loadEvaluationSet } from 'flock-off';
import { LOCAL_COMPETITION, sampleDatasets, TINY_BASE } from 'flock-off/local';

const seeds = Number(process.argv[2] ?? 5);
const competition = Competition.parse(LOCAL_COMPETITION);
const evaluation = await loadEvaluationSet({ path: 'eval_data/data.jsonl' });
const trainer = await LoraTrainer.open({ model: TINY_BASE });
const folder = await mkdtemp(join(tmpdir(), 'sample-losses-'));

async function lossOf(text: string, seed: number): Promise<number> {
  const path = join(folder, 'data.jsonl');
  await writeFile(path, text);
  const dataset = await checkDataset({ path, competition });
  if (!dataset.ok) throw new Error(dataset.verdict.message);
  const trained = await trainer.train({ rows: dataset.value.rows, recipe: competition.recipe, seed });
  if (!trained.ok) throw new Error(trained.verdict.message);
  const evaluated = await trainer.evaluate({ rows: evaluation.rows, adapter: trained.value.adapter });
  if (!evaluated.ok) throw new Error(evaluated.verdict.message);
  return evaluated.value.lossNatsPerToken;
}

const base = await trainer.evaluate({ rows: evaluation.rows });
if (base.ok) console.log(`the base model alone: ${base.value.lossNatsPerToken.toFixed(4)}\n`);
console.log('| seed | good | mediocre | noise | copy | good / mediocre | mediocre / noise | seconds each |');
console.log('|---|---|---|---|---|---|---|---|');
for (let seed = 1; seed <= seeds; seed++) {
  const samples = sampleDatasets({ seed });
  const startedMs = performance.now();
  const [good, mediocre, noise, copy] = [
    await lossOf(samples.good, seed),
    await lossOf(samples.mediocre, seed),
    await lossOf(samples.noise, seed),
    await lossOf(samples.copy, seed),
  ];
  const seconds = (performance.now() - startedMs) / 4000;
  const losses = [good, mediocre, noise, copy].map((loss) => loss.toFixed(3));
  const ratios = [good / mediocre, mediocre / noise].map((ratio) => ratio.toFixed(2));
  console.log(`| ${[seed, ...losses, ...ratios, seconds.toFixed(1)].join(' | ')} |`);
}
trainer.dispose();
await rm(folder, { recursive: true });
