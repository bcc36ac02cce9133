import { type AttentionContext, type AttentionPass, attentionBackward, attentionForward } from './attention.ts';
import type { Value } from './graph.ts';
import {
  type LinearContext,
  type LinearPass,
  type LinearStack,
  linearBackward,
  linearForward,
  type StackName,
} from './linear-stack.ts';
import type { Variable } from './ops.ts';
import { type NormPass, normBackward, normForward } from './rms-norm.ts';

// The residual stream, norms, softmax and SiLU are float32; the linear layers compute in the matmul type.

export interface DecoderLayer {
  stacks: Record<StackName, LinearStack>;
  inputNorm: Variable;
  postAttentionNorm: Variable;
}

export type LayerContext = AttentionContext & LinearContext;

/** Which inputs of the adapters of each stack are kept, [N, p * in] bool. */
export type KeptInputs = Record<StackName, Value>;

/** What the backward pass needs of a forward pass. */
export interface LayerPass {
  inputNorm: NormPass;
  /** What linear layers read, in the matmul type: [N, H]. */
  h: Value;
  qkv: LinearPass;
  attention: AttentionPass;
  o: LinearPass;
  postAttentionNorm: NormPass;
  h2: Value;
  gateUp: LinearPass;
  down: LinearPass;
  /** [N, H] float32 */
  y: Value;
}

export interface LayerForwardOptions {
  /** Without it there is no dropout. */
  kept?: KeptInputs;
  /** What attention gave when the layer was computed before: it is most of the time of a layer with a long row. */
  attended?: Value;
}

/** One decoder layer of Qwen2: x [N, H] float32 to the same. */
export function layerForward(
  context: LayerContext,
  layer: DecoderLayer,
  x: Value,
  { kept, attended: known }: LayerForwardOptions = {},
): LayerPass {
  const { ops, config, matmul } = context;
  const linear = (name: StackName, input: Value) => linearForward(context, layer.stacks[name], input, kept?.[name]);
  const norm = (weight: Variable, input: Value) => normForward(ops, weight, config.rmsNormEpsilon, input);

  const inputNorm = norm(layer.inputNorm, x);
  const h = ops.cast(inputNorm.y, matmul);
  const qkv = linear('qkv', h);
  const attention = attentionForward(context, qkv.y, known);
  const o = linear('o', attention.y);
  const attended = ops.add(x, ops.cast(o.y, 'float32'));

  const postAttentionNorm = norm(layer.postAttentionNorm, attended);
  const h2 = ops.cast(postAttentionNorm.y, matmul);
  const gateUp = linear('gateUp', h2);
  const { activated, up } = silu(context, gateUp.y);
  const down = linear('down', ops.cast(ops.multiply(activated, up), matmul));
  const y = ops.add(attended, ops.cast(down.y, 'float32'));
  return { inputNorm, h, qkv, attention, o, postAttentionNorm, h2, gateUp, down, y };
}

export interface LayerGradients {
  /** [N, H] float32 */
  dx: Value;
  adapters: { stack: LinearStack; da: Value; db: Value }[];
}

/**
 * Gradients from dy [N, H] float32. What has the width of the feed-forward part is computed again where elementwise
 * operations give it: kept, it would be most of the memory of a step.
 */
export function layerBackward(
  context: LayerContext,
  layer: DecoderLayer,
  pass: LayerPass & { kept: KeptInputs },
  dy: Value,
): LayerGradients {
  const { ops, matmul } = context;
  const adapters: LayerGradients['adapters'] = [];
  const back = (name: StackName, x: Value, dOut: Value): Value => {
    const stack = layer.stacks[name];
    const { low } = pass[name];
    const kept = pass.kept[name];
    const { dx, da, db } = linearBackward(context, stack, { x, kept, low }, ops.cast(dOut, matmul));
    adapters.push({ stack, da, db });
    return dx;
  };
  const exact = (x: Value) => ops.cast(x, 'float32');

  const { activated, up, slope } = silu(context, pass.gateUp.y);
  const dActive = exact(back('down', ops.cast(ops.multiply(activated, up), matmul), dy));
  const dGate = ops.multiply(ops.multiply(dActive, up), slope);
  const dUp = ops.multiply(dActive, activated);
  const dH2 = exact(back('gateUp', pass.h2, ops.concat([ops.cast(dGate, matmul), ops.cast(dUp, matmul)], 1)));
  const dAttended = ops.add(dy, normBackward(ops, layer.postAttentionNorm, pass.postAttentionNorm, dH2));

  const dContext = back('o', pass.attention.y, dAttended);
  const dH = exact(back('qkv', pass.h, attentionBackward(context, pass.attention, dContext)));
  return { dx: ops.add(dAttended, normBackward(ops, layer.inputNorm, pass.inputNorm, dH)), adapters };
}

/** SiLU(x) = x sigmoid(x) of the gate, and its derivative sigmoid(x) + x sigmoid(x) (1 - sigmoid(x)), in float32. */
function silu({ ops, config }: LayerContext, gateUp: Value): { activated: Value; up: Value; slope: Value } {
  const halves = [config.intermediateSize, config.intermediateSize];
  const [gate, up] = ops.splitInto(gateUp, halves, 1).map((half) => ops.cast(half, 'float32')) as [Value, Value];
  const open = ops.sigmoid(gate);
  const activated = ops.multiply(gate, open);
  const slope = ops.add(open, ops.sigmoidGradient(open, gate));
  return { activated, up, slope };
}
