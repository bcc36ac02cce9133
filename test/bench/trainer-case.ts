/**
 * One case of the trainer's benchmark: LoRA r16 on random weights of a real shape. Prints one JSON object with the same
 * fields as peft-case.py beside it, which is given the same arguments.
 *
 *     npx tsx test/bench/trainer-case.ts --shape 0.5b --batch 2 --tokens 256 --dtype bfloat16 --steps 5
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { LoraRecipe } from '../../src/schema/competition.ts';
import { MersenneTwister } from '../../src/shared/random.ts';
import { alignWeights } from '../../src/trainer/engine/graph/aligned-weights.ts';
import { GraphEngine } from '../../src/trainer/engine/graph/graph-engine.ts';
import { evaluationBytes, trainingBytes } from '../../src/trainer/engine/graph/memory.ts';
import { TfjsEngine } from '../../src/trainer/engine/plain/tfjs-engine.ts';
import { loadTensorFlow } from '../../src/trainer/engine/tensorflow.ts';
import { KnownHashes } from '../../src/trainer/model/known-hashes.ts';
import { createLoraAdapter } from '../../src/trainer/model/lora-adapter.ts';
import { floatsToBfloat16 } from '../../src/trainer/model/safetensors.ts';
import { weightShapes } from '../../src/trainer/model/weights.ts';
import { setThreads } from '../../src/trainer/process/set-up-tensorflow.ts';
import { clipFactor } from '../../src/trainer/run/clip.ts';
import { collate, partition, type TokenBatch } from '../../src/trainer/tokens/batches.ts';
import type { TokenRow } from '../../src/trainer/tokens/chat.ts';
import { neededFlops, productsPerSecond } from './products.ts';
import { randomWeight, realLengths, SHAPES } from './shapes.ts';

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
    /** Chooses how to compute a batch, within so many GiB. */
    memory: { type: 'string' },
    /** Reads base weights from a file, which is made in this folder. */
    mapped: { type: 'string' },
    evaluate: { type: 'boolean', default: false },
    /** Optimizer steps of 8 rows of real lengths, instead of equal ones. */
    real: { type: 'boolean', default: false },
    engine: { type: 'string', default: 'graph' },
  },
});

function peakMiB(): number {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024);
}

/** Watches the memory that is not a file's, which the system keeps no peak of. Steps block this thread. */
function watchAnonymous(): () => number {
  const peak = new SharedArrayBuffer(8);
  const watch = `
    const { readFileSync } = require('node:fs');
    const peak = new Float64Array(require('node:worker_threads').workerData);
    setInterval(() => {
      const [, kib] = /RssAnon:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
      peak[0] = Math.max(peak[0], kib / 1024);
    }, 10);`;
  new Worker(watch, { eval: true, workerData: peak }).unref();
  return () => Math.round(new Float64Array(peak)[0]!);
}

process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
const config = SHAPES[options.shape]!;
setThreads(config);
process.env.TF_NUM_INTRAOP_THREADS ??= options.threads;
const [batchSize, tokens, steps] = [options.batch, options.tokens, options.steps].map(Number) as number[] as [
  number,
  number,
  number,
];
const dtype: 'float32' | 'bfloat16' = options.dtype === 'bfloat16' ? 'bfloat16' : 'float32';
const storage: typeof dtype = options.storage === 'bfloat16' ? 'bfloat16' : dtype;
const { tf } = await loadTensorFlow();
const shapes = weightShapes(config);
const read = async (name: string) => randomWeight(name, shapes.get(name)!);
const loadedAt = performance.now();
const readBfloat16 = async (name: string) => floatsToBfloat16((await read(name)).data);
const mapped = options.mapped
  ? await alignWeights({
      config,
      weights: { readBfloat16 },
      baseSha256: options.shape,
      cacheDir: options.mapped,
      hashes: new KnownHashes(options.mapped),
    })
  : undefined;
const engine =
  options.engine === 'plain'
    ? await TfjsEngine.create(tf, config, read)
    : await GraphEngine.create(
        tf,
        config,
        { read, readBfloat16 },
        {
          storage,
          mapped,
          matmul: dtype,
          checkpointing: options.memory ? 'auto' : options.checkpointing ? 'layer' : 'none',
          memoryBytes: Number(options.memory ?? Number.POSITIVE_INFINITY) * 2 ** 30,
        },
      );
const loadMs = performance.now() - loadedAt;

const random = new MersenneTwister(0);
const rowOf = (length: number): TokenRow => {
  const inputIds = Array.from({ length }, () => random.nextUint32() % config.vocabSize);
  return { inputIds, labels: inputIds.map((id, i) => (i < length / 2 ? -100 : id)) }; // the first half is the question
};
const ROWS_A_STEP = 8;
const lengths = options.real
  ? realLengths((steps + 1) * ROWS_A_STEP)
  : new Array<number>((steps + 1) * batchSize).fill(tokens);
/** The rows of each optimizer step, as they are computed at once. */
const batches = Array.from({ length: steps + 1 }, (_, step) => {
  const size = lengths.length / (steps + 1);
  const rows = lengths.slice(step * size, (step + 1) * size).map(rowOf);
  const mostTokens = options.real ? engine.callTokens : Number.POSITIVE_INFINITY;
  return partition(rows, ({ inputIds }) => inputIds.length, mostTokens).map(collate);
});
const adapter = createLoraAdapter({ config, rank: 16, alpha: 32, dropout: 0.1, random });
const run = options.evaluate ? null : engine.startTraining({ adapter, optimizer: LoraRecipe.parse({}), random });
const evaluation = options.evaluate ? engine.startEvaluation(adapter) : null;

async function step(parts: TokenBatch[]): Promise<number> {
  const targets = parts.reduce((sum, { targetIds }) => sum + targetIds.length, 0);
  let loss = 0;
  for (const batch of parts) {
    if (run) loss += await run.accumulate(batch, 1 / targets);
    else for (const one of await evaluation!.tokenLosses(batch)) loss += one / targets;
  }
  run?.step(2e-4, clipFactor(await run.gradNorm(), 1));
  return loss;
}

if (typeof gc === 'function') gc();
writeFileSync('/proc/self/clear_refs', '5'); // the peak of loading does not count
const anonymousMiB = watchAnonymous();
const firstAt = performance.now();
let loss = await step(batches[0]!); // the first one prepares the graph
const firstMs = performance.now() - firstAt;
const timesMs: number[] = [];
const cpu = process.cpuUsage();
for (const parts of batches.slice(1)) {
  const startMs = performance.now();
  loss = await step(parts);
  timesMs.push(performance.now() - startMs);
}
const { user, system } = process.cpuUsage(cpu);
// Steps of real lengths differ: their mean; else the median.
const mean = timesMs.reduce((sum, ms) => sum + ms, 0) / steps;
const median = timesMs.toSorted((a, b) => a - b)[Math.floor(steps / 2)];
const msPerStep = (options.real ? mean : median) || firstMs;
const tokensOf = (parts: TokenBatch[][]) => parts.flat().reduce((sum, { inputIds }) => sum + inputIds.length, 0);
const tokensPerStep = steps > 0 ? tokensOf(batches.slice(1)) / steps : tokensOf(batches);
const round = (value: number, digits = 2) => Number(value.toFixed(digits));
const largest = Math.max(
  ...batches.flat().map(({ lengths }) => {
    const { checkpointing } = options;
    const estimate = {
      config,
      storage,
      matmul: dtype,
      rank: 16,
      lengths,
      device: 'cpu' as const,
      varied: options.real,
    };
    return options.evaluate
      ? evaluationBytes(estimate)
      : trainingBytes({ ...estimate, checkpointing: checkpointing ? 'layer' : 'none' });
  }),
);
const peak = { peakMiB: peakMiB(), anonymousMiB: anonymousMiB() };
const productsOf = ({ lengths, targetIds }: TokenBatch) => ({
  ...{ config, rank: 16, lengths, targets: targetIds.length, evaluate: options.evaluate },
});
const measured = (steps > 0 ? batches.slice(1) : batches).flat();
const flopsPerStep = measured.reduce((sum, batch) => sum + neededFlops(productsOf(batch)), 0) / Math.max(1, steps);
const tflops = (flopsPerStep / msPerStep) * 1e-9;
const ofProducts = options.engine === 'plain' ? 0 : await productsPerSecond(tf, dtype, productsOf(measured[0]!));
console.log(
  JSON.stringify({
    msPerStep: round(msPerStep),
    tokensPerSecond: round((1000 * tokensPerStep) / msPerStep, 1),
    ...peak,
    estimateMiB: options.memory ? null : Math.round(largest / 2 ** 20),
    tflops: round(tflops, 4),
    productsTflops: round(ofProducts / 1e12, 4),
    cpuMsPerStep: round((user + system) / 1000 / Math.max(1, steps)),
    timesMs: timesMs.map((ms) => round(ms)),
    firstMs: round(firstMs),
    loadMs: round(loadMs),
    loss: round(loss, 6),
  }),
);
