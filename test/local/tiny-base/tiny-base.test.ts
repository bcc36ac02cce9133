import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AutoTokenizer } from '@huggingface/transformers';
import { expect, test } from 'vitest';
import { loadEvaluationSet } from '../../../src/dataset/load-rows.ts';
import { TINY_BASE } from '../../../src/local/tiny-base.ts';
import { LoraTrainer } from '../../../src/trainer/lora-trainer.ts';

const evaluationSet = fileURLToPath(new URL('../../../eval_data/data.jsonl', import.meta.url));

test('the folder is small enough to come with the package', () => {
  const bytes = readdirSync(TINY_BASE).reduce((sum, name) => sum + statSync(join(TINY_BASE, name)).size, 0);
  expect(bytes).toBeLessThanOrEqual(3 * 1024 * 1024);
});

test('the folder is found from the built package too', () => {
  const built = new URL('../../../dist/local/index.js', import.meta.url);
  expect(fileURLToPath(new URL('../../src/local/tiny-base/', built))).toBe(TINY_BASE);
  expect(existsSync(join(TINY_BASE, 'model.safetensors'))).toBe(true);
});

test('the tokenizer gives every text back, also text from outside of its world', async () => {
  const tokenizer = await AutoTokenizer.from_pretrained(TINY_BASE, { local_files_only: true });
  for (const text of [
    'Good question! The fox is red. It lives in the forest.',
    '<|im_start|>user\nWhat is 7 plus 8?<|im_end|>\n',
    "Zürich, 北京, 🦊 and \t tabs; it's 1024 tokens.",
  ]) {
    const ids = tokenizer.encode(text, { add_special_tokens: false });
    expect(Math.max(...ids)).toBeLessThan(1024);
    expect(tokenizer.decode(ids, { skip_special_tokens: false })).toBe(text);
  }
});

test('words of the world are one token each, special tokens too', async () => {
  const tokenizer = await AutoTokenizer.from_pretrained(TINY_BASE, { local_files_only: true });
  expect(tokenizer.encode('<|im_start|>', { add_special_tokens: false })).toHaveLength(1);
  expect(tokenizer.encode('The fox lives in the forest.', { add_special_tokens: false })).toHaveLength(7);
});

test('the base model has the loss on the evaluation set that the README states', async () => {
  const readme = readFileSync(join(TINY_BASE, 'README.md'), 'utf8');
  const stated = Number(/base model alone[^\d]*(\d+\.\d+)/.exec(readme)?.[1]);
  const trainer = await LoraTrainer.open({ inline: true, model: TINY_BASE });
  try {
    const evaluated = await trainer.evaluate({ rows: (await loadEvaluationSet({ path: evaluationSet })).rows });
    expect(evaluated.ok && Math.abs(evaluated.value.lossNatsPerToken - stated)).toBeLessThan(1e-3);
  } finally {
    trainer.dispose();
  }
});
