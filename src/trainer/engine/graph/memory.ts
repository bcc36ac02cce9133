import { FlockOffError } from '../../../errors/flock-off-error.ts';
import type { Qwen2Config } from '../../model/config.ts';
import { weightShapes } from '../../model/weights.ts';
import { partition } from '../../tokens/batches.ts';
import { TILE_QUERIES } from './attention-tiles.ts';
import { outOf, stackShapes } from './linear-stack.ts';
import type { LoraGraphParameters } from './lora-graph.ts';
import { CHUNK_ROWS } from './loss-head.ts';

/** Where matrices are multiplied. */
export type Device = 'cpu' | 'gpu';

export interface TrainingMemoryParameters extends LoraGraphParameters {
  device: Device;
  /** Rank of the adapter. */
  rank: number;
  /** Tokens of each row that is computed at once. */
  lengths: number[];
  /** Gradient checkpointing: whether layers are recomputed in the backward pass. */
  checkpointing: 'none' | 'layer';
  /** Whether batches of many other lengths come too, as in real data. Default: false. */
  varied?: boolean;
}

const BYTES = { float32: 4, bfloat16: 2, float16: 2 };
/**
 * On a CPU Node, TensorFlow, and the graph with what TensorFlow prepares of it. On a GPU CUDA's context and the workspaces of
 * its libraries, which no card was there to measure.
 */
const RUNTIME_BYTES: Record<Device, number> = { cpu: 550e6, gpu: 700e6 };
/**
 * What oneDNN prepares for products of ever new shapes: it grows to this in the first hundred batches of real data, where two
 * threads begin operations.
 */
const PREPARED_BYTES: Record<Device, number> = { cpu: 850e6, gpu: 0 };
/** How often the head is in memory besides: a CPU's matrix library lays it out for itself, once for each of its two products. */
const HEAD_COPIES: Record<Device, number> = { cpu: 2, gpu: 0 };
/** Adapter and two moments; its gradient is in blocks. */
const ADAPTER_COPIES = 3;
/** How often logits are in memory: as such, their shares, and those in the matmul type. */
const LOGIT_COPIES = 3;
/** How often the shares of a tile of attention, and values of the width of a feed-forward part, are in memory. */
const SHARE_COPIES = 5;
const WIDE_COPIES = { evaluation: 6, training: 8 };

/** A batch that is only evaluated. */
export type EvaluationMemoryParameters = Omit<TrainingMemoryParameters, 'checkpointing'>;

/**
 * Bytes that training takes at its peak, resident, an upper estimate: weights, adapter with what the optimizer keeps, what
 * the forward pass leaves for the backward pass, and the largest working set. Checked against measured peaks by `npm run bench`.
 */
export function trainingBytes(parameters: TrainingMemoryParameters): number {
  const { config, lengths, matmul, checkpointing } = parameters;
  const { layers, hiddenSize: hidden, heads, kvHeads, headDim, intermediateSize: wide } = config;
  const tokens = tokensOf(lengths);
  const [queries, keys] = [heads * headDim, kvHeads * headDim];
  const residual = residualBytes(parameters);
  // What the backward pass of a layer reads besides its input: what attention added, in float32; the inputs of the linear
  // layers, q, k and v as projected and as turned, what attention gave, gate and up; a byte for each input of an adapter.
  const products = BYTES[matmul] * tokens * (2 * hidden + 3 * queries + 3 * keys + 2 * wide);
  const masks = tokens * (5 * hidden + queries + wide);
  const kept = residual + products + masks;
  // Of a layer that is computed again its input is kept, and what attention gave.
  const passes =
    checkpointing === 'none'
      ? layers * (residual + kept)
      : layers * (residual + BYTES[matmul] * tokens * queries) + kept;
  return fixedBytes(parameters) + passes + workingBytes(parameters, 'training');
}

/** The same of evaluation, which keeps nothing of a layer for later. */
export function evaluationBytes(parameters: EvaluationMemoryParameters): number {
  return fixedBytes(parameters) + workingBytes(parameters, 'evaluation');
}

/** What is there whatever is computed. */
function fixedBytes(parameters: EvaluationMemoryParameters): number {
  const { config, device, matmul, rank, varied = false } = parameters;
  return (
    RUNTIME_BYTES[device] +
    (varied ? PREPARED_BYTES[device] : 0) +
    weightBytes(parameters) +
    HEAD_COPIES[device] * BYTES[matmul] * config.vocabSize * config.hiddenSize +
    4 * ADAPTER_COPIES * adapterWeights(config, rank) +
    (4 + BYTES[matmul]) * blockWeights(config, rank)
  );
}

/** The largest working set: of a layer, or of the head. */
function workingBytes(parameters: EvaluationMemoryParameters, purpose: keyof typeof WIDE_COPIES): number {
  const { config, lengths } = parameters;
  const { vocabSize, heads, intermediateSize: wide } = config;
  const tokens = tokensOf(lengths);
  const longest = Math.max(...lengths);
  const shares = 4 * SHARE_COPIES * heads * Math.min(TILE_QUERIES, longest) * longest;
  const layer = shares + 4 * WIDE_COPIES[purpose] * tokens * wide + castWeights(parameters);
  const logits = 4 * LOGIT_COPIES * Math.min(tokens, CHUNK_ROWS) * vocabSize;
  return Math.max(layer, logits + 3 * residualBytes(parameters));
}

/** What goes from layer to layer. */
function residualBytes({ config, lengths }: EvaluationMemoryParameters): number {
  return 4 * tokensOf(lengths) * config.hiddenSize;
}

const tokensOf = (lengths: number[]) => lengths.reduce((sum, length) => sum + length, 0);

function weightBytes({ config, storage }: LoraGraphParameters): number {
  let bytes = 0;
  for (const [rows, columns] of weightShapes(config).values())
    bytes += columns === undefined ? 4 * rows : BYTES[storage] * rows * columns;
  return bytes;
}

/** Weights in another type than they are kept in: the head, or two of the widest layers. */
function castWeights({ config, storage, matmul }: LoraGraphParameters): number {
  if (storage === matmul) return 0;
  return BYTES[matmul] * config.hiddenSize * Math.max(config.vocabSize, 2 * config.intermediateSize);
}

function adapterWeights(config: Qwen2Config, rank: number): number {
  let weights = 0;
  for (const [name, [out, in_]] of weightShapes(config))
    if (in_ !== undefined && name.startsWith('model.layers.')) weights += rank * (out + in_);
  return weights;
}

/** The adapters in blocks, as they are multiplied, and as gradients are added up. */
function blockWeights(config: Qwen2Config, rank: number): number {
  return stackShapes(config).reduce((sum, stack) => {
    const wide = stack.parts.length * rank;
    return sum + wide * (stack.parts.length * stack.in_ + outOf(stack));
  }, 0);
}

/** Gradient checkpointing. `auto` keeps the activations where they fit into memory, and recomputes them otherwise. */
export type Checkpointing = 'auto' | 'none' | 'layer';

/** How a batch is computed within what memory there is. */
export interface BatchPlan {
  /** Rows of each part: one part where there is memory for it. The gradient of more is the same, up to the order of its sums. */
  parts: number[];
  /** Whether that is for want of memory. */
  divided: boolean;
  checkpointing: 'none' | 'layer';
}

export interface PlanBatchParameters extends Omit<TrainingMemoryParameters, 'checkpointing'> {
  checkpointing: Checkpointing;
  /** What training may take in all. */
  memoryBytes: number;
}

/**
 * Computing layers again costs a third of the time and changes nothing; so that comes first, and rows are divided only where
 * it is not enough.
 * @throws FlockOffError `out-of-memory` when a single row is too much.
 */
export function planBatch({ checkpointing: wanted, memoryBytes, ...batch }: PlanBatchParameters): BatchPlan {
  const { lengths } = batch;
  const ways = wanted === 'auto' ? (['none', 'layer'] as const) : [wanted];
  const tokens = tokensOf(lengths);
  for (let count = 1; count <= lengths.length; count++) {
    const parts = count === 1 ? [lengths] : partition(lengths, (length) => length, Math.ceil(tokens / count));
    for (const checkpointing of ways) {
      if (parts.every((part) => trainingBytes({ ...batch, lengths: part, checkpointing }) <= memoryBytes))
        return { parts: parts.map((part) => part.length), divided: parts.length > 1, checkpointing };
    }
  }
  const longest = Math.max(...lengths);
  const checkpointing = wanted === 'auto' ? 'layer' : wanted;
  const neededBytes = trainingBytes({ ...batch, lengths: [longest], checkpointing });
  requireBytes(`training a row of ${longest} tokens`, neededBytes, { ...batch, memoryBytes }, wanted);
  return { parts: lengths.map(() => 1), divided: lengths.length > 1, checkpointing };
}

/** @throws FlockOffError `out-of-memory` when a batch is too much to evaluate. */
export function requireEvaluationMemory(batch: Omit<PlanBatchParameters, 'checkpointing'>): void {
  const { lengths } = batch;
  const rows = lengths.length === 1 ? 'a row' : `${lengths.length} rows`;
  requireBytes(`evaluating ${rows} of ${Math.max(...lengths)} tokens`, evaluationBytes(batch), batch);
}

function requireBytes(
  what: string,
  bytes: number,
  batch: Omit<PlanBatchParameters, 'checkpointing'>,
  checkpointing?: Checkpointing,
): void {
  const { memoryBytes, mapped, lengths } = batch;
  // A mapped file is read again where there is no memory to hold it: slow, but it runs.
  const neededBytes = bytes - (mapped ? weightBytes(batch) : 0);
  if (neededBytes <= memoryBytes) return;
  throw new FlockOffError({
    code: 'out-of-memory',
    what: `${what} takes ${inGiB(neededBytes)}, there are ${inGiB(memoryBytes)} for it`,
    fix: `${adviceFor(batch, checkpointing)}free memory, or use a machine that has more`,
    facts: { neededBytes, memoryBytes, length: Math.max(...lengths) },
  });
}

function adviceFor({ storage }: LoraGraphParameters, checkpointing?: Checkpointing): string {
  if (checkpointing === 'none') return "set checkpointing to 'auto', ";
  return storage === 'float32' ? "set matmul to 'bfloat16', " : '';
}

const inGiB = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
