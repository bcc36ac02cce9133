import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { requiredEntry } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import { type LinearName, linearPath } from '../../model/weights.ts';
import type { PaddedBatch } from '../../tokens/batches.ts';
import { rotaryTables } from '../rotary.ts';
import type { Tf } from '../tensorflow.ts';

// Shapes: B rows, T tokens, H hidden size, D head dimension, N = B * T, V vocabulary, n positions with a loss.

/** Weights by their names in the file; variables where they are trained. */
export type WeightTensors = Map<string, Tensor>;

export interface ForwardParameters {
  tf: Tf;
  config: Qwen2Config;
  weights: WeightTensors;
  batch: PaddedBatch;
  /** What an adapter adds to the output of the linear layer at `path` for the input x `[N, in]`: `[N, out]`. */
  adapterOutput?: (x: Tensor2D, path: string) => Tensor2D;
}

/** Hidden states, each `[N, H]`. */
export type HiddenStates = {
  embedded: Tensor2D;
  /** Output of each decoder layer, before the final norm. */
  layers: Tensor2D[];
  normed: Tensor2D;
};

/** Qwen2 from token ids to the final norm. Call it inside a tidy. */
export function forward({ tf, config, weights, batch, adapterOutput }: ForwardParameters): HiddenStates {
  const { rows: B, length: T } = batch;
  const { heads, kvHeads, headDim: D } = config;
  const weight = (name: string) => requiredEntry(weights, name);

  const tables = rotaryTables(T, D, config.ropeTheta);
  const cos = tf.tensor4d(tables.cos, [1, 1, T, D]);
  const sin = tf.tensor4d(tables.sin, [1, 1, T, D]);
  const isFuture = tf.greater(tf.range(0, T).reshape([1, T]), tf.range(0, T).reshape([T, 1]));
  const causalMask = tf.mul(tf.cast(isFuture, 'float32'), -1e9); // [T, T]

  const linear = (x: Tensor2D, layer: number, name: LinearName): Tensor2D => {
    const path = linearPath(layer, name);
    const bias = weights.get(`${path}.bias`);
    let y: Tensor2D = tf.matMul(x, weight(`${path}.weight`) as Tensor2D, false, true); // [N, out]
    if (bias) y = tf.add<Tensor2D>(y, bias);
    return adapterOutput ? tf.add<Tensor2D>(y, adapterOutput(x, path)) : y;
  };

  const rmsNorm = (x: Tensor2D, name: string): Tensor2D => {
    const meanSquare = tf.mean(tf.square(x), -1, true); // [N, 1]
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(meanSquare, config.rmsNormEpsilon))), weight(name));
  };

  const splitHeads = (x: Tensor2D, count: number): Tensor4D =>
    tf.transpose(tf.reshape(x, [B, T, count, D]), [0, 2, 1, 3]); // [B, count, T, D]

  const rotate = (x: Tensor4D): Tensor4D => {
    const [first, second] = tf.split(x, 2, -1) as [Tensor4D, Tensor4D]; // [B, heads, T, D / 2] each
    return tf.add(tf.mul(x, cos), tf.mul(tf.concat([tf.neg(second), first], -1), sin));
  };

  const attention = (x: Tensor2D, layer: number): Tensor2D => {
    const q = rotate(splitHeads(linear(x, layer, 'self_attn.q_proj'), heads)); // [B, heads, T, D]
    const k = rotate(splitHeads(linear(x, layer, 'self_attn.k_proj'), kvHeads)); // [B, kvHeads, T, D]
    const v = splitHeads(linear(x, layer, 'self_attn.v_proj'), kvHeads); // [B, kvHeads, T, D]
    // Query heads that share a key/value head are neighbours: stack their rows instead of repeating K and V.
    const stacked = [B, kvHeads, (heads / kvHeads) * T];
    const scores = tf.mul(tf.matMul(tf.reshape(q, [...stacked, D]), k, false, true), 1 / Math.sqrt(D));
    const visible = tf.add(tf.reshape(scores, [B, heads, T, T]), causalMask);
    const shares = tf.reshape(tf.softmax(visible), [...stacked, T]);
    const context = tf.reshape(tf.matMul(shares, v), [B, heads, T, D]);
    const joined = tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [B * T, heads * D]) as Tensor2D;
    return linear(joined, layer, 'self_attn.o_proj'); // [N, H]
  };

  const mlp = (x: Tensor2D, layer: number): Tensor2D => {
    const gate = linear(x, layer, 'mlp.gate_proj');
    const up = linear(x, layer, 'mlp.up_proj');
    const activated = tf.mul(tf.mul(gate, tf.sigmoid(gate)), up) as Tensor2D; // SiLU(gate) * up
    return linear(activated, layer, 'mlp.down_proj'); // [N, H]
  };

  const decoderLayer = (x: Tensor2D, layer: number): Tensor2D => {
    const path = `model.layers.${layer}`;
    const attended = tf.add(x, attention(rmsNorm(x, `${path}.input_layernorm.weight`), layer)) as Tensor2D;
    return tf.add(attended, mlp(rmsNorm(attended, `${path}.post_attention_layernorm.weight`), layer));
  };

  const embedded = takeRows(tf, weight('model.embed_tokens.weight') as Tensor2D, batch.inputIds);
  const layers: Tensor2D[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    layers.push(tf.tidy(() => decoderLayer(layers.at(-1) ?? embedded, layer)));
  }
  return { embedded, layers, normed: rmsNorm(layers.at(-1) ?? embedded, 'model.norm.weight') };
}

/** The output head, `[V, H]`: the embedding table where the model ties them. */
export function headOf(config: Qwen2Config, weights: WeightTensors): Tensor2D {
  return weights.get(config.tiedHead ? 'model.embed_tokens.weight' : 'lm_head.weight') as Tensor2D;
}

/**
 * Negative log-likelihood of each target token in nats, `[n]`. Only positions with a target go through the vocabulary
 * head, which costs more than a decoder layer.
 */
export function tokenLosses(parameters: ForwardParameters): Tensor1D {
  const { tf, config, weights, batch } = parameters;
  const { normed } = forward(parameters);
  const labelled = takeRows(tf, normed, batch.targetPositions); // [n, H]
  const logits = tf.matMul(labelled, headOf(config, weights), false, true); // [n, V]
  const logProbabilities = tf.reshape(tf.logSoftmax(logits), [-1, 1]) as Tensor2D; // [n * V, 1]
  const atTargets = batch.targetIds.map((id, i) => i * config.vocabSize + id);
  return tf.neg(tf.reshape(takeRows(tf, logProbabilities, atTargets), [-1]) as Tensor1D);
}

/** Rows of a matrix by index. tf.gather's own gradient needs UnsortedSegmentSum, which the wasm backend lacks. */
function takeRows(tf: Tf, matrix: Tensor2D, indices: Int32Array): Tensor2D {
  const take = tf.customGrad((x) => ({
    value: tf.gather(x as Tensor2D, tf.tensor1d(indices, 'int32')),
    gradFunc: (dy: Tensor) => tf.scatterND(tf.tensor2d(indices, [indices.length, 1], 'int32'), dy, matrix.shape),
  }));
  return take(matrix) as Tensor2D;
}
