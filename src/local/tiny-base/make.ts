/**
 * Makes the tiny base model (tokenizer, configuration, weights) in this folder, and the evaluation set in eval_data/:
 *
 *     npx tsx src/local/tiny-base/make.ts            # everything, some minutes
 *     npx tsx src/local/tiny-base/make.ts --texts    # tokenizer and evaluation set only, seconds
 */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import type { TokenRow } from '../../trainer/tokens/chat.ts';
import { formatQwen2Config, type Qwen2Config } from '../../trainer/model/config.ts';
import { saveModelWeights } from '../../trainer/model/model-files.ts';
import { pretrain } from './pretrain.ts';
import { loadTensorFlow } from '../../trainer/engine/tensorflow.ts';
import { loadTokenizer } from '../../trainer/tokens/tokenizer.ts';
import { TINY_BASE } from '../tiny-base.ts';
import { formatTokenizer, formatTokenizerConfig, learnBpe, SPECIAL_TOKENS } from './bpe.ts';
import { Choices, carefulAnswer, drawPassage, drawRow, evaluationRows, FACTS } from './world.ts';

const CONFIG: Qwen2Config = {
  vocabSize: 1024,
  hiddenSize: 128,
  intermediateSize: 384,
  layers: 3,
  heads: 4,
  kvHeads: 2,
  headDim: 32,
  rmsNormEpsilon: 1e-6,
  ropeTheta: 1_000_000,
  maxPositions: 32_768,
  tiedHead: true,
};
const SEED = 7;
const ROWS = 6000;
const STEPS = 1500;

/** The training texts of the base model: mostly plain passages, and some chats that are answered in a word or two. */
function drawTexts(): string[] {
  const choices = new Choices(SEED);
  return Array.from({ length: ROWS }, () =>
    choices.chance(0.7)
      ? `${drawPassage(choices)}<|endoftext|>`
      : formatChat(drawRow(choices, ({ short }) => short)),
  );
}

function formatChat({ system, conversations }: DatasetRow): string {
  const turns = conversations.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`);
  return `${system ? `<|im_start|>system\n${system}<|im_end|>\n` : ''}${turns.join('')}`;
}

async function writeTexts(texts: string[]): Promise<void> {
  // The vocabulary also covers words of the evaluation set's style, which the model is never trained on.
  const words = [...texts, ...FACTS.map(carefulAnswer)].map((text) => text.replaceAll(/<\|\w+\|>/g, '\n'));
  const learned = learnBpe({ texts: words, size: CONFIG.vocabSize - SPECIAL_TOKENS.length });
  await writeJson(join(TINY_BASE, 'tokenizer.json'), formatTokenizer(learned));
  await writeJson(join(TINY_BASE, 'tokenizer_config.json'), formatTokenizerConfig(learned));
  await writeJson(join(TINY_BASE, 'config.json'), formatQwen2Config(CONFIG, 'bfloat16'));

  const evaluationSet = evaluationRows()
    .map((row) => `${JSON.stringify(row)}\n`)
    .join('');
  await writeFile(fileURLToPath(new URL('../../../eval_data/data.jsonl', import.meta.url)), evaluationSet);
  report(`evaluation set: sha256 ${createHash('sha256').update(evaluationSet).digest('hex')}`);
}

async function writeWeights(texts: string[]): Promise<void> {
  const tokenizer = await loadTokenizer({ folder: TINY_BASE });
  const rows = texts.map((text): TokenRow => {
    const inputIds = tokenizer.encode(text);
    return { inputIds, labels: inputIds };
  });
  const startedMs = performance.now();
  const weights = await pretrain({
    tensorflow: await loadTensorFlow(),
    config: CONFIG,
    rows,
    steps: STEPS,
    batchSize: 16,
    learningRate: 3e-3,
    seed: SEED,
    onStep: ({ step, lossNatsPerToken }) => {
      if (step % 50 > 0) return;
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
      report(`step ${step} of ${STEPS}: ${lossNatsPerToken.toFixed(3)} nats a token, ${seconds} s`);
    },
  });
  await saveModelWeights({ folder: TINY_BASE, weights, dtype: 'BF16' });
}

async function writeJson(path: string, json: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(json, null, 1)}\n`);
}

function report(line: string): void {
  process.stdout.write(`${line}\n`);
}

const texts = drawTexts();
await writeTexts(texts);
if (!process.argv.includes('--texts')) await writeWeights(texts);
