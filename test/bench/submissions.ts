/**
 * What a validator feels of a large model: how long it loads, how soon a later submission begins to train, and how long the
 * event loop of the parent, which holds the chain's socket, is kept waiting meanwhile. Random weights of a real shape, the
 * tokenizer of the tiny base model.
 *
 *     npx tsx test/bench/submissions.ts 1.5b
 */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { TINY_BASE } from '../../src/local/tiny-base.ts';
import { LoraTrainer } from '../../src/trainer/lora-trainer.ts';
import { formatQwen2Config } from '../../src/trainer/model/config.ts';
import { writeSafetensors } from '../../src/trainer/model/safetensors.ts';
import { weightShapes } from '../../src/trainer/model/weights.ts';
import { randomWeight, SHAPES } from './shapes.ts';

const shape = process.argv[2] ?? '0.5b';
const config = SHAPES[shape]!;
const folder = await mkdtemp(join(tmpdir(), 'flock-off-submissions-'));
const row = {
  conversations: [{ role: 'user' as const, content: 'What is it? '.repeat(8) }],
  system: null,
  tools: null,
};
const rows = Array.from({ length: 4 }, (_, i) => ({
  ...row,
  conversations: [
    ...row.conversations,
    { role: 'assistant' as const, content: `It is ${i}, and it stays ${i}. `.repeat(20) },
  ],
}));
const recipe = { batchSize: 1, gradientAccumulation: 1, epochs: 1 };

try {
  await writeFile(join(folder, 'config.json'), JSON.stringify(formatQwen2Config(config, 'bfloat16')));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await copyFile(join(TINY_BASE, file), join(folder, file));
  const tensors = new Map(
    [...weightShapes(config)].map(([name, dims]) => [name, { shape: dims, read: () => randomWeight(name, dims).data }]),
  );
  await writeSafetensors({ path: join(folder, 'model.safetensors'), tensors, dtype: 'BF16' });

  for (const start of ['first start', 'second start']) {
    const loadedAt = performance.now();
    const trainer = await LoraTrainer.open({ model: folder, cacheDir: folder });
    console.log(
      `${start}: loaded in ${seconds(performance.now() - loadedAt)}; ${trainer.precision.reason}; ${trainer.weightStorage.reason.replace(folder, '')}`,
    );
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    for (let submission = 1; submission <= 2; submission++) {
      const startedAt = performance.now();
      const stepsAt: number[] = [];
      const trained = await trainer.train({
        rows,
        recipe,
        seed: submission,
        onProgress: () => stepsAt.push(performance.now()),
      });
      if (!trained.ok) throw new Error(trained.verdict.message);
      // Every step takes as long, but for the first of a process, which prepares the graph.
      const step = stepsAt.at(-1)! - stepsAt.at(-2)!;
      console.log(
        `submission ${submission}: ${seconds(stepsAt[0]! - startedAt - step)} before the first step, ${seconds(step)} a step`,
      );
    }
    delay.disable();
    console.log(
      `event loop of the parent while it trained: p50 ${(delay.percentile(50) / 1e6).toFixed(1)} ms, p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, most ${(delay.max / 1e6).toFixed(1)} ms`,
    );
    trainer.dispose();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
