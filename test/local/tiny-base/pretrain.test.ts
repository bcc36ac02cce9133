import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pretrain } from '../../../src/local/tiny-base/pretrain.ts';
import { LoraTrainer } from '../../../src/trainer/lora-trainer.ts';
import { formatQwen2Config, parseQwen2Config } from '../../../src/trainer/model/config.ts';
import { saveModelWeights } from '../../../src/trainer/model/model-files.ts';
import { golden, goldenJson, goldenRows, loadQuietly, temporaryFolder } from '../../trainer/golden/golden.ts';

it('pretrain teaches a new model from nothing, and the saved folder is a base model', async () => {
  const tensorflow = await loadQuietly();
  const config = parseQwen2Config(goldenJson('tiny-qwen2', 'config.json'));
  const before = tensorflow.tf.memory().numTensors;
  const losses: number[] = [];
  const weights = await pretrain({
    tensorflow,
    config,
    rows: goldenRows('train').slice(0, 16),
    steps: 30,
    batchSize: 8,
    learningRate: 5e-3,
    warmupSteps: 5,
    seed: 1,
    onStep: ({ lossNatsPerToken }) => losses.push(lossNatsPerToken),
  });
  expect(tensorflow.tf.memory().numTensors).toBe(before);
  expect(losses[0]).toBeCloseTo(Math.log(config.vocabSize), 0);
  expect(losses.at(-1)).toBeLessThan(losses[0]! - 2);

  const folder = temporaryFolder();
  await saveModelWeights({ folder, weights, dtype: 'BF16' });
  await writeFile(join(folder, 'config.json'), JSON.stringify(formatQwen2Config(config, 'bfloat16')));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await cp(golden('tiny-qwen2', file), join(folder, file));
  const trainer = await LoraTrainer.open({ inline: true, model: folder });
  const row = {
    conversations: [
      { role: 'user' as const, content: 'hi' },
      { role: 'assistant' as const, content: 'Yes.' },
    ],
  };
  const evaluated = await trainer.evaluate({ rows: [row] });
  expect(evaluated.ok && evaluated.value.lossNatsPerToken).toBeLessThan(losses[0]!);
  trainer.dispose();
});
