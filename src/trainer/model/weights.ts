import type { Qwen2Config } from './config.ts';

/** A tensor outside of TensorFlow: row-major float32 values and their shape, as in PyTorch (`[out, in]`). */
export interface NamedTensor {
  shape: number[];
  data: Float32Array;
}

/** The seven linear layers of a decoder layer, in the order of the forward pass. */
export const LINEARS = [
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'mlp.gate_proj',
  'mlp.up_proj',
  'mlp.down_proj',
] as const;
export type LinearName = (typeof LINEARS)[number];

/** Name of a linear layer as transformers spells it, e.g. `model.layers.0.self_attn.q_proj`. */
export function linearPath(layer: number, linear: LinearName): string {
  return `model.layers.${layer}.${linear}`;
}

/** `[out, in]` of each linear layer. */
export function linearShape(config: Qwen2Config, linear: LinearName): [out: number, in_: number] {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = config;
  switch (linear) {
    case 'self_attn.q_proj':
      return [heads * headDim, hiddenSize];
    case 'self_attn.k_proj':
    case 'self_attn.v_proj':
      return [kvHeads * headDim, hiddenSize];
    case 'self_attn.o_proj':
      return [hiddenSize, heads * headDim];
    case 'mlp.gate_proj':
    case 'mlp.up_proj':
      return [intermediateSize, hiddenSize];
    case 'mlp.down_proj':
      return [hiddenSize, intermediateSize];
  }
}

/** Of a matrix; a vector has no columns. */
export type WeightShape = [rows: number, ...columns: number[]];

/** Every weight of the model: name as in the file, and shape. A tied head has no tensor of its own. */
export function weightShapes(config: Qwen2Config): Map<string, WeightShape> {
  const shapes = new Map<string, WeightShape>([['model.embed_tokens.weight', [config.vocabSize, config.hiddenSize]]]);
  for (let layer = 0; layer < config.layers; layer++) {
    for (const linear of LINEARS) {
      const [out, in_] = linearShape(config, linear);
      shapes.set(`${linearPath(layer, linear)}.weight`, [out, in_]);
      if (/[qkv]_proj$/.test(linear)) shapes.set(`${linearPath(layer, linear)}.bias`, [out]);
    }
    shapes.set(`model.layers.${layer}.input_layernorm.weight`, [config.hiddenSize]);
    shapes.set(`model.layers.${layer}.post_attention_layernorm.weight`, [config.hiddenSize]);
  }
  shapes.set('model.norm.weight', [config.hiddenSize]);
  if (!config.tiedHead) shapes.set('lm_head.weight', [config.vocabSize, config.hiddenSize]);
  return shapes;
}

/** How many numbers the weights of a model are. */
export function countWeights(config: Qwen2Config): number {
  let count = 0;
  for (const shape of weightShapes(config).values()) count += shape.reduce((product, size) => product * size, 1);
  return count;
}

/** Weights up to which threads wait for each other longer than they compute: with a hidden size of 64, half of a step. */
const TINY = 1_000_000;

/** Whether a model is of the size of those in tests, not of one that anybody would use. */
export function isTiny(config: Qwen2Config): boolean {
  return countWeights(config) < TINY;
}
