/**
 * One case of the trainer's benchmark: LoRA r16 on random weights of a real shape. Prints one JSON object with the same
 * fields as peft-case.py beside it, which is given the same arguments.
 *
 *     npx tsx test/bench/trainer-case.ts --shape 0.5b --batch 2 --tokens 256 --dtype bfloat16 --steps 5
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { LoraRecipe } from '../../src/schema/competition.ts';
import { MersenneTwister } from '../../src/shared/random.ts';
import { collate } from '../../src/trainer/batches.ts';
import type { Qwen2Config } from '../../src/trainer/config.ts';
import { clipFactor } from '../../src/trainer/gradients.ts';
import { GraphEngine } from '../../src/trainer/graph/graph-engine.ts';
import { createLoraAdapter } from '../../src/trainer/lora-adapter.ts';
import { floatsToBfloat16 } from '../../src/trainer/safetensors.ts';
import { loadTensorFlow } from '../../src/trainer/tensorflow.ts';
import { TfjsEngine } from '../../src/trainer/tfjs-engine.ts';
import { type NamedTensor, weightShapes } from '../../src/trainer/weights.ts';

const { values: options } = parseArgs({
  options: {
    shape: { type: 'string', default: 'tiny' },
    batch: { type: 'string', default: '1' },
    tokens: { type: 'string', default: '256' },
    dtype: { type: 'string', default: 'float32' },
    storage: { type: 'string' },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '5' },
    checkpointing: { type: 'boolean', default: false },
    evaluate: { type: 'boolean', default: false },
    engine: { type: 'string', default: 'graph' },
  },
});

const common = { rmsNormEpsilon: 1e-6, ropeTheta: 1e6, tiedHead: true };
const SHAPES: Record<string, Qwen2Config> = {
  tiny: {
    ...common,
    vocabSize: 512,
    hiddenSize: 64,
    intermediateSize: 160,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 16,
  },
  '0.5b': {
    ...common,
    ...{ vocabSize: 151_936, hiddenSize: 896, intermediateSize: 4864, layers: 24, heads: 14, kvHeads: 2, headDim: 64 },
  },
  '1.5b': {
    ...common,
    ...{
      vocabSize: 151_936,
      hiddenSize: 1536,
      intermediateSize: 8960,
      layers: 28,
      heads: 12,
      kvHeads: 2,
      headDim: 128,
    },
  },
};

/** Numbers around 0 with the spread of fresh weights, made fast: the values do not matter for the time. */
function randomWeight(name: string, shape: number[]): NamedTensor {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  if (/norm\.weight$/.test(name)) return { shape, data: data.fill(1) };
  let state = name.length;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    data[i] = state * 1.6e-11;
  }
  return { shape, data };
}

function peakMiB(): number {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024);
}

process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
process.env.TF_NUM_INTRAOP_THREADS = options.threads;
const config = SHAPES[options.shape]!;
const [batchSize, tokens, steps] = [options.batch, options.tokens, options.steps].map(Number) as [
  number,
  number,
  number,
];
const dtype = options.dtype === 'bfloat16' ? 'bfloat16' : 'float32';
const { tf } = await loadTensorFlow();
const shapes = weightShapes(config);
const read = async (name: string) => randomWeight(name, shapes.get(name)!);
const loadedAt = performance.now();
const engine =
  options.engine === 'plain'
    ? await TfjsEngine.create(tf, config, read)
    : await GraphEngine.create(
        tf,
        config,
        { read, readBfloat16: async (name) => floatsToBfloat16((await read(name)).data) },
        {
          storage: options.storage === 'bfloat16' ? 'bfloat16' : dtype,
          matmul: dtype,
          checkpointing: options.checkpointing ? 'layer' : 'none',
        },
      );
const loadMs = performance.now() - loadedAt;

const random = new MersenneTwister(0);
const inputIds = Array.from({ length: tokens }, () => random.nextUint32() % config.vocabSize);
const labels = inputIds.map((id, i) => (i < tokens / 2 ? -100 : id)); // the first half is the question
const batch = collate(Array.from({ length: batchSize }, () => ({ inputIds, labels })));
const adapter = createLoraAdapter({ config, rank: 16, alpha: 32, dropout: 0.1, random });
const run = options.evaluate ? null : engine.startTraining({ adapter, optimizer: LoraRecipe.parse({}), random });
const evaluation = options.evaluate ? engine.startEvaluation(adapter) : null;

async function step(): Promise<number> {
  if (evaluation)
    return (await evaluation.tokenLosses(batch)).reduce((sum, loss) => sum + loss, 0) / batch.targetIds.length;
  const loss = await run!.accumulate(batch, 1 / batch.targetIds.length);
  run!.step(2e-4, clipFactor(await run!.gradNorm(), 1));
  return loss;
}

if (typeof gc === 'function') gc();
writeFileSync('/proc/self/clear_refs', '5'); // the peak of loading does not count
const firstAt = performance.now();
await step(); // the first one prepares the graph
const firstMs = performance.now() - firstAt;
const timesMs: number[] = [];
let loss = 0;
for (let i = 0; i < steps; i++) {
  const startMs = performance.now();
  loss = await step();
  timesMs.push(performance.now() - startMs);
}
const msPerStep = timesMs.toSorted((a, b) => a - b)[Math.floor(steps / 2)]!;
const round = (value: number, digits = 2) => Number(value.toFixed(digits));
console.log(
  JSON.stringify({
    msPerStep: round(msPerStep),
    tokensPerSecond: round((1000 * batchSize * tokens) / msPerStep, 1),
    peakMiB: peakMiB(),
    timesMs: timesMs.map((ms) => round(ms)),
    firstMs: round(firstMs),
    loadMs: round(loadMs),
    loss: round(loss, 6),
  }),
);
