import type { LinearName } from '../../model/weights.ts';
import { type AttentionContext, type AttentionPass, attentionBackward, attentionForward } from './attention.ts';
import type { Value } from './graph.ts';
import { type LinearContext, type LinearPass, type LoraLinear, linearBackward, linearForward } from './lora-linear.ts';
import type { Variable } from './ops.ts';
import { type NormPass, normBackward, normForward, normOutput } from './rms-norm.ts';

// The residual stream, norms, softmax and SiLU are float32; the linear layers compute in the matmul type.

export interface DecoderLayer {
  linears: Record<LinearName, LoraLinear>;
  inputNorm: Variable;
  postAttentionNorm: Variable;
}

export type LayerContext = AttentionContext &
  LinearContext & {
    /** Which inputs of a linear layer's adapter are kept, [N, in] bool; `null` keeps all. */
    dropout: (linear: LoraLinear) => Value | null;
  };

/** What the backward pass needs of a forward pass. */
export interface LayerPass {
  inputNorm: NormPass;
  q: LinearPass;
  k: LinearPass;
  v: LinearPass;
  attention: AttentionPass;
  o: LinearPass;
  postAttentionNorm: NormPass;
  gate: LinearPass;
  up: LinearPass;
  down: LinearPass;
  /** [N, H] float32 */
  y: Value;
}

/** One decoder layer of Qwen2: x [N, H] float32 to the same. */
export function layerForward(context: LayerContext, layer: DecoderLayer, x: Value): LayerPass {
  const { ops, config, matmul, dropout } = context;
  const linear = (name: LinearName, input: Value) =>
    linearForward(context, layer.linears[name], input, dropout(layer.linears[name]));
  const norm = (weight: Variable, input: Value) => normForward(ops, weight, config.rmsNormEpsilon, input);

  const inputNorm = norm(layer.inputNorm, x);
  const h = ops.cast(inputNorm.y, matmul);
  const q = linear('self_attn.q_proj', h);
  const k = linear('self_attn.k_proj', h);
  const v = linear('self_attn.v_proj', h);
  const attention = attentionForward(context, ops.concat([q.y, k.y, v.y], 1));
  const o = linear('self_attn.o_proj', attention.y);
  const attended = ops.add(x, ops.cast(o.y, 'float32'));

  const postAttentionNorm = norm(layer.postAttentionNorm, attended);
  const h2 = ops.cast(postAttentionNorm.y, matmul);
  const gate = linear('mlp.gate_proj', h2);
  const up = linear('mlp.up_proj', h2);
  const { activated } = silu(context, gate.y);
  const down = linear('mlp.down_proj', ops.cast(ops.multiply(activated, ops.cast(up.y, 'float32')), matmul));
  const y = ops.add(attended, ops.cast(down.y, 'float32'));
  return { inputNorm, q, k, v, attention, o, postAttentionNorm, gate, up, down, y };
}

export interface LayerGradients {
  /** [N, H] float32 */
  dx: Value;
  adapters: { linear: LoraLinear; da: Value; db: Value }[];
}

/**
 * Gradients from dy [N, H] float32. What elementwise operations give is computed again: kept, it would be most of the
 * memory of a step.
 */
export function layerBackward(context: LayerContext, layer: DecoderLayer, pass: LayerPass, dy: Value): LayerGradients {
  const { ops, matmul } = context;
  const adapters: LayerGradients['adapters'] = [];
  const back = (name: LinearName, of: LinearPass, x: Value, dOut: Value): Value => {
    const linear = layer.linears[name];
    const { dx, da, db } = linearBackward(context, linear, { ...of, x }, ops.cast(dOut, matmul));
    adapters.push({ linear, da, db });
    return dx;
  };
  const sum = (values: Value[]) => ops.cast(ops.addAll(values), 'float32');

  const { activated, slope } = silu(context, pass.gate.y);
  const up = ops.cast(pass.up.y, 'float32');
  const dActive = ops.cast(
    back('mlp.down_proj', pass.down, ops.cast(ops.multiply(activated, up), matmul), dy),
    'float32',
  );
  const dGate = ops.multiply(ops.multiply(dActive, up), slope);
  const dUp = ops.multiply(dActive, activated);
  const h2 = ops.cast(normOutput(ops, layer.postAttentionNorm, pass.postAttentionNorm), matmul);
  const dH2 = sum([back('mlp.gate_proj', pass.gate, h2, dGate), back('mlp.up_proj', pass.up, h2, dUp)]);
  const dAttended = ops.add(dy, normBackward(ops, layer.postAttentionNorm, pass.postAttentionNorm, dH2));

  const dContext = back('self_attn.o_proj', pass.o, pass.attention.y, dAttended);
  const { heads, kvHeads, headDim } = context.config;
  const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  const dProjected = attentionBackward(context, pass.attention, dContext);
  const [dq, dk, dv] = ops.splitInto(dProjected, widths, 1) as [Value, Value, Value];
  const h = ops.cast(normOutput(ops, layer.inputNorm, pass.inputNorm), matmul);
  const dH = sum([
    back('self_attn.q_proj', pass.q, h, dq),
    back('self_attn.k_proj', pass.k, h, dk),
    back('self_attn.v_proj', pass.v, h, dv),
  ]);
  return { dx: ops.add(dAttended, normBackward(ops, layer.inputNorm, pass.inputNorm, dH)), adapters };
}

/** SiLU(x) = x sigmoid(x), and its derivative sigmoid(x) + SiLU(x) (1 - sigmoid(x)), in float32. */
function silu({ ops }: LayerContext, x: Value): { activated: Value; slope: Value } {
  const exact = ops.cast(x, 'float32');
  const gate = ops.sigmoid(exact);
  const activated = ops.multiply(exact, gate);
  const slope = ops.add(gate, ops.subtract(activated, ops.multiply(activated, gate)));
  return { activated, slope };
}
