import { requiredItem } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import { type LinearName, linearPath, linearShape } from '../../model/weights.ts';
import type { DType, Value } from './graph.ts';
import type { Ops, Variable } from './ops.ts';

/** Linear layers that read the same input. They are computed as one, whose outputs lie side by side. */
const STACKS = {
  qkv: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  o: ['self_attn.o_proj'],
  gateUp: ['mlp.gate_proj', 'mlp.up_proj'],
  down: ['mlp.down_proj'],
} as const satisfies Record<string, readonly LinearName[]>;
export type StackName = keyof typeof STACKS;
export const STACK_NAMES = Object.keys(STACKS) as StackName[];

/** Where a stack is, and the linear layers in it from the first output to the last. */
export interface StackShape {
  name: StackName;
  /** Such as `model.layers.0.qkv`. */
  path: string;
  in_: number;
  parts: { path: string; out: number }[];
}

export function stackShape(config: Qwen2Config, layer: number, name: StackName): StackShape {
  const parts = STACKS[name].map((linear) => ({
    path: linearPath(layer, linear),
    out: linearShape(config, linear)[0],
  }));
  return { name, path: `model.layers.${layer}.${name}`, in_: linearShape(config, STACKS[name][0])[1], parts };
}

export function stackShapes(config: Qwen2Config): StackShape[] {
  return Array.from({ length: config.layers }, (_, layer) =>
    STACK_NAMES.map((name) => stackShape(config, layer, name)),
  ).flat();
}

// Shapes: N tokens, p linear layers of the stack, out all their outputs, r the adapter's rank. Matrices are as in PyTorch.
// Each linear layer has a dropout and an adapter of its own, so that the stack reads its input p times, [N, p * in], with
// A block by block on the diagonal, [p * r, p * in], and B likewise, [out, p * r]. Both are made once a step.

/** A frozen stack with its adapter. */
export interface LinearStack extends StackShape {
  /** [out, in] */
  weight: Variable;
  /** [out] in the type of the products. */
  bias: Variable | null;
  /** float32: the As one below the other, [p * r, in], and the Bs, [out, r]. */
  a: Variable;
  b: Variable;
  /** In the type of the products: A and B in blocks, B times the adapter's scale. */
  blocksOfA: Variable;
  blocksOfB: Variable;
}

export interface LinearContext {
  ops: Ops;
  /** What matrices are multiplied in. */
  matmul: DType;
  /** Scalar in the type of the products: 0, which is what adapters see of a dropped input. */
  dropped: Value;
  /** Scalar float32: alpha / rank, and in training also 1 / (1 - dropout). */
  adapterScale: Value;
  /** Of each stack. */
  blocks: Record<StackName, Blocks>;
}

/** Which elements of a stack's blocks belong to the adapters, float32. */
export interface Blocks {
  /** [p, 1, p, 1] of the As: 1 on the diagonal. */
  ofA: Value;
  /** [out, p, 1] of the Bs: where an output belongs to a linear layer, the adapter's scale. */
  ofB: Value;
}

export function blocksOf(ops: Ops, { parts }: StackShape, adapterScale: Value): Blocks {
  const { graph } = ops;
  const p = parts.length;
  const isSame = (i: number, j: number) => (i === j ? 1 : 0);
  const cells = parts.flatMap((_, i) => parts.map((_, j) => isSame(i, j)));
  const rows = parts.map(({ out }, i) => {
    const row = graph.constant(
      'float32',
      parts.map((_, j) => isSame(i, j)),
    );
    return ops.tile(ops.reshape(row, [1, p, 1]), [out, 1, 1]);
  });
  return {
    ofA: ops.reshape(graph.constant('float32', cells), [p, 1, p, 1]),
    ofB: ops.multiply(p === 1 ? requiredItem(rows, 0) : ops.concat(rows, 0), adapterScale),
  };
}

/** What the backward pass needs of a forward pass, besides its input. */
export interface LinearPass {
  /** [N, p * r] output of A. */
  low: Value;
  /** [N, out] */
  y: Value;
}

/** y = x W^T + bias + scale * (kept x) A^T B^T; `kept` [N, p * in] bool: inputs of the adapters that are not dropped. */
export function linearForward(context: LinearContext, stack: LinearStack, x: Value, kept?: Value): LinearPass {
  const { ops, matmul } = context;
  const plain = ops.matMul(x, weightOf(context, stack), { transposeB: true });
  const low = kept
    ? ops.matMul(seenBy(context, stack, x, kept), ops.read(stack.blocksOfA), { transposeB: true })
    : ops.matMul(x, ops.cast(ops.read(stack.a), matmul), { transposeB: true });
  const adapted = ops.add(plain, ops.matMul(low, ops.read(stack.blocksOfB), { transposeB: true }));
  const y = stack.bias ? ops.add(adapted, ops.read(stack.bias)) : adapted;
  return { low, y };
}

export interface LinearGradients {
  /** [N, in] */
  dx: Value;
  /** In blocks, float32: [p * r, p * in] and [out, p * r], not yet times the scale. What is off the diagonal means nothing. */
  da: Value;
  db: Value;
}

/** The frozen weight needs no gradient of its own: dx = dy W, and the adapter's two. */
export function linearBackward(
  context: LinearContext,
  stack: LinearStack,
  { x, kept, low }: Pick<LinearPass, 'low'> & { x: Value; kept: Value },
  dy: Value,
): LinearGradients {
  const { ops, dropped } = context;
  const p = stack.parts.length;
  const dLow = ops.matMul(dy, ops.read(stack.blocksOfB));
  const dSeen = ops.select(kept, ops.matMul(dLow, ops.read(stack.blocksOfA)), dropped);
  const dKept = p === 1 ? dSeen : ops.sumOver(ops.reshape(dSeen, [-1, p, stack.in_]), 1);
  const exact = (product: Value) => ops.cast(product, 'float32');
  return {
    dx: ops.add(ops.matMul(dy, weightOf(context, stack)), dKept),
    da: exact(ops.matMul(dLow, seenBy(context, stack, x, kept), { transposeA: true })),
    db: exact(ops.matMul(dy, low, { transposeA: true })),
  };
}

/** Makes the blocks of an adapter's matrices. Returns what to wait for, and the blocks, float32. */
export function writeBlocks(context: LinearContext, stack: LinearStack, { a, b }: Record<'a' | 'b', Value>) {
  const { ops, matmul } = context;
  const { ofA, ofB } = context.blocks[stack.name];
  const p = stack.parts.length;
  const eachOfA = ops.multiply(ops.reshape(a, [p, -1, 1, stack.in_]), ofA);
  const eachOfB = ops.multiply(ops.reshape(b, [outOf(stack), 1, -1]), ofB);
  const blocksOfA = ops.reshape(eachOfA, [-1, p * stack.in_]);
  const blocksOfB = ops.reshape(eachOfB, [outOf(stack), -1]);
  const written = [
    ops.assign(stack.blocksOfA, ops.cast(blocksOfA, matmul)),
    ops.assign(stack.blocksOfB, ops.cast(blocksOfB, matmul)),
  ];
  return { blocksOfA, blocksOfB, written };
}

/** The gradients [p * r, in] and [out, r] out of those in blocks. */
export function outOfBlocks(context: LinearContext, stack: LinearStack, { da, db }: Record<'da' | 'db', Value>) {
  return { da: aOfBlocks(context, stack, da), db: bOfBlocks(context, stack, db) };
}

function aOfBlocks({ ops, blocks }: LinearContext, { name, parts: { length: p }, in_ }: LinearStack, of: Value): Value {
  if (p === 1) return of;
  const onDiagonal = ops.multiply(ops.reshape(of, [p, -1, p, in_]), blocks[name].ofA);
  return ops.reshape(ops.sumOver(onDiagonal, 2), [-1, in_]);
}

function bOfBlocks({ ops, blocks, adapterScale }: LinearContext, stack: LinearStack, of: Value): Value {
  const p = stack.parts.length;
  if (p === 1) return ops.multiply(of, adapterScale);
  const byPart = ops.reshape(of, [outOf(stack), p, -1]);
  return ops.sumOver(ops.multiply(byPart, blocks[stack.name].ofB), 1);
}

/** What the adapters see, [N, p * in]: each an input of its own. */
function seenBy(context: LinearContext, { parts: { length: p }, in_ }: LinearStack, x: Value, kept: Value): Value {
  const { ops, dropped } = context;
  if (p === 1) return ops.select(kept, x, dropped);
  const each = ops.select(ops.reshape(kept, [-1, p, in_]), ops.reshape(x, [-1, 1, in_]), dropped);
  return ops.reshape(each, [-1, p * in_]);
}

function weightOf({ ops, matmul }: LinearContext, { weight }: LinearStack): Value {
  return ops.cast(ops.read(weight), matmul);
}

/** The As or Bs of a stack, one below the other. */
export const matrixOf = ({ path }: Pick<StackShape, 'path'>, matrix: 'A' | 'B') => `${path}.lora_${matrix}`;

export function outOf({ parts }: Pick<StackShape, 'parts'>): number {
  return parts.reduce((sum, { out }) => sum + out, 0);
}
