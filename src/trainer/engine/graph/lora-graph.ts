import { requiredEntry, requiredItem } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import { adapterVariables, gradientsOf, writeOptimizer, writeProducts } from './adapter-variables.ts';
import type { AlignedWeights } from './aligned-weights.ts';
import type { Rotation, Tiles } from './attention.ts';
import { VECTORS } from './attention-tiles.ts';
import { baseWeights, biasOf, weightOf } from './base-weights.ts';
import { type DecoderLayer, type LayerContext, layerBackward, layerForward } from './decoder-layer.ts';
import { drawnDropout } from './dropout.ts';
import { type DType, Graph, type MatrixType, type Value } from './graph.ts';
import {
  type Blocks,
  blocksOf,
  type LinearStack,
  matrixOf,
  STACK_NAMES,
  type StackName,
  stackShape,
} from './linear-stack.ts';
import { type HeadContext, headForward, headLogits, headWithGradient } from './loss-head.ts';
import { FETCH, fedAs, stageOf } from './names.ts';
import { Ops, type Variable } from './ops.ts';

export interface LoraGraphParameters {
  config: Qwen2Config;
  /** What base weights are kept in. Norms are float32, and biases as they are added. */
  storage: MatrixType;
  /** What matrices are multiplied in. */
  matmul: MatrixType;
  /** Whether a call computes one row, as long as its bucket: for XLA, which compiles each size of a batch anew. Default: no. */
  buckets?: boolean;
  /** Matrices that are read from this file as they are needed, instead of being fed: storage bfloat16, on a CPU. */
  mapped?: AlignedWeights;
}

/**
 * The whole LoRA fine-tuning of a Qwen2 model as one TensorFlow graph: base weights, adapter, gradients and moments are
 * variables of its session, a batch is fed, and a loss comes back. Batch and sequence length, rank and scale are known only
 * when it runs. Gradients are written out by hand: the frozen base needs none of its own.
 */
export function writeLoraGraph({ config, storage, matmul, buckets, mapped }: LoraGraphParameters): Graph {
  const graph = new Graph();
  const ops = new Ops(graph);
  const scalar = (name: string, dtype: DType) => graph.placeholder(name, dtype, []);

  // The batch.
  const inputIds = graph.placeholder('input_ids', 'int32', [-1]);
  const tokens = scalar('tokens', 'int32');
  const lossScale = scalar('loss_scale', 'float32');

  // The model.
  const base = new Map<string, Variable>();
  const fedWeights: Value[] = [];
  for (const { name, shape, sources } of baseWeights(config)) {
    const dtype = shape.length === 2 ? storage : name.endsWith('.bias') ? matmul : 'float32';
    const variable = ops.variable(`base/${name}`, dtype);
    base.set(name, variable);
    const isMapped = sources.some((source) => mapped?.offsets.has(source));
    fedWeights.push(ops.assign(variable, fedWeight(ops, name, shape, dtype, isMapped)));
  }
  const layers = Array.from({ length: config.layers }, (_, layer) =>
    decoderLayer({ ops, config, matmul }, base, layer),
  );
  const stacks = layers.flatMap(stacksOf);

  const embeddings = requiredEntry(base, 'model.embed_tokens.weight');
  const adapterScale = scalar('adapter_scale', 'float32');
  const context: LayerContext & HeadContext = {
    ops,
    config,
    matmul,
    tokens,
    rotation: rotation(ops, config),
    tiles: tiles(ops),
    dropped: ops.cast(graph.constant('float32', 0), matmul),
    adapterScale,
    blocks: Object.fromEntries(
      STACK_NAMES.map((name) => [name, blocksOf(ops, stackShape(config, 0, name), adapterScale)]),
    ) as Record<StackName, Blocks>,
    finalNorm: requiredEntry(base, 'model.norm.weight'),
    epsilon: config.rmsNormEpsilon,
    head: config.tiedHead ? embeddings : requiredEntry(base, 'lm_head.weight'),
    targetPositions: graph.placeholder('target_positions', 'int32', [-1]),
    targetIds: graph.placeholder('target_ids', 'int32', [-1]),
    targetWeights: buckets ? graph.placeholder('target_weights', 'float32', [-1, 1]) : null,
    targets: scalar('targets', 'int32'),
    chunks: scalar('chunks', 'int32'),
  };
  const adapters = stacks.map((stack) => adapterVariables(context, stack));
  const embed = () => ops.cast(ops.gatherRows(ops.read(embeddings), inputIds), 'float32');

  // Training: forward, then backward layer by layer, each adding to its gradients at once.
  const dropout = drawnDropout(ops, layers.map(stacksOf), tokens);
  const forward = (index: number, x: Value, attended?: Value) => {
    const kept = dropout(index);
    return { ...layerForward(context, requiredItem(layers, index), x, { kept, attended }), kept };
  };
  let residual = embed();
  const steps = layers.map((layer, index) => {
    const input = residual;
    const pass = graph.after([input], () => forward(index, input));
    residual = pass.y;
    return { index, layer, input, pass };
  });
  const { losses, dHidden } = headWithGradient(context, residual, lossScale);
  const loss = ops.multiply(ops.sum(losses), lossScale);
  const adapterOf = new Map(adapters.map((adapter) => [adapter.stack, adapter]));
  const backward = (passOf: (step: (typeof steps)[number]) => ReturnType<typeof forward>): Value[] => {
    const added: Value[] = [];
    let dy = dHidden;
    for (const step of steps.toReversed()) {
      const gradients = graph.after([dy], () => layerBackward(context, step.layer, passOf(step), dy));
      for (const { stack, da, db } of gradients.adapters) {
        const { a, b } = requiredEntry(adapterOf, stack);
        added.push(ops.assignAdd(a.gradient, da), ops.assignAdd(b.gradient, db));
      }
      dy = gradients.dx;
    }
    return added;
  };
  const passAgain = ({ index, input, pass }: (typeof steps)[number]) =>
    forward(index, ops.identity(input), pass.attention.y);
  ops.identity(loss, { name: FETCH.accumulate, after: backward(({ pass }) => pass) });
  ops.identity(loss, { name: FETCH.accumulateAgain, after: backward(passAgain) });

  // The optimizer.
  const matrices = adapters.flatMap(({ a, b }) => [a, b]);
  const gradients = adapters.flatMap((adapter) => Object.values(gradientsOf(context, adapter)));
  ops.identity(ops.pack(gradients.map((gradient) => ops.halfSquareSum(gradient))), { name: FETCH.halfSquares });
  const cleared = matrices.map(({ gradient }) => ops.assign(gradient, ops.zerosLike(ops.read(gradient))));
  ops.identity(graph.constant('int32', 0), { name: FETCH.clear, after: cleared });
  writeOptimizer(context, adapters);
  writeProducts(context, adapters);

  // Evaluation: the same without dropout and gradients.
  let hidden = ops.identity(embed(), { name: stageOf('embed') });
  layers.forEach((layer, i) => {
    const x = hidden;
    const { y } = graph.after([x], () => layerForward(context, layer, x));
    hidden = ops.identity(y, { name: stageOf(`layer${i}`) });
  });
  ops.identity(headForward(context, hidden), { name: FETCH.evaluate });
  ops.identity(headLogits(context, hidden), { name: stageOf('logits') });

  const done = graph.constant('int32', 0);
  ops.identity(done, { name: FETCH.loadWeights, after: fedWeights });
  ops.identity(done, { name: FETCH.loadAdapter, after: adapters.flatMap(({ started }) => started) });
  ops.identity(done, { name: FETCH.resume, after: adapters.flatMap(({ resumed }) => resumed) });
  return graph;
}

/**
 * Bits come as int32: the addon uploads them without a copy per element, and leaves them on the host. Floats it would put on
 * a GPU at once, take back, and send again.
 */
function fedWeight(ops: Ops, name: string, shape: number[], dtype: DType, mapped: boolean): Value {
  if (mapped) return ops.graph.placeholder(fedAs(name), dtype, shape);
  const bits = ops.graph.placeholder(fedAs(name), 'int32', [-1]);
  // Vectors come as float32, whatever they are added in.
  const fed = dtype === 'float32' || shape.length === 1 ? 'float32' : 'bfloat16';
  return ops.cast(ops.reshape(ops.bitcast(bits, fed), shape), dtype);
}

const stacksOf = ({ stacks }: DecoderLayer) => STACK_NAMES.map((name) => stacks[name]);

function decoderLayer(
  { ops, config, matmul }: Pick<LayerContext, 'ops' | 'config' | 'matmul'>,
  base: Map<string, Variable>,
  layer: number,
): DecoderLayer {
  const stacks = STACK_NAMES.map((name): [StackName, LinearStack] => {
    const shape = stackShape(config, layer, name);
    const adapter = (kind: string, matrix: 'A' | 'B', dtype: DType) =>
      ops.variable(`adapter/${kind}/${matrixOf(shape, matrix)}`, dtype);
    const stack: LinearStack = {
      ...shape,
      weight: requiredEntry(base, weightOf(shape)),
      bias: base.get(biasOf(shape)) ?? null,
      a: adapter('value', 'A', 'float32'),
      b: adapter('value', 'B', 'float32'),
      blocksOfA: adapter('blocks', 'A', matmul),
      blocksOfB: adapter('blocks', 'B', matmul),
    };
    return [name, stack];
  });
  return {
    stacks: Object.fromEntries(stacks) as DecoderLayer['stacks'],
    inputNorm: requiredEntry(base, `model.layers.${layer}.input_layernorm.weight`),
    postAttentionNorm: requiredEntry(base, `model.layers.${layer}.post_attention_layernorm.weight`),
  };
}

/** The rotary tables [places, D], which are fed, at the place of each token in its row. */
function rotation(ops: Ops, { headDim }: Qwen2Config): Rotation {
  const places = ops.graph.placeholder('places', 'int32', [-1]);
  const ofTokens = (name: string) => {
    const table = ops.graph.placeholder(name, 'float32', [-1, headDim]);
    return ops.reshape(ops.gatherRows(table, places), [1, -1, headDim]);
  };
  return { cos: ofTokens('cos'), sin: ofTokens('sin') };
}

function tiles(ops: Ops): Tiles {
  const { graph } = ops;
  const scalar = (name: string) => graph.placeholder(name, 'int32', []);
  const [mostQueries, mostKeys] = [scalar('most_queries'), scalar('most_keys')];
  // A tile's mask is cut out of this one so that its own keys begin at column mostKeys.
  // As floats, which a GPU compares itself.
  const count = (to: Value) => ops.cast(ops.range(to), 'float32');
  const query = ops.add(ops.reshape(count(mostQueries), [-1, 1]), ops.cast(mostKeys, 'float32'));
  const isFuture = ops.compare('Greater', ops.reshape(count(ops.add(mostKeys, mostQueries)), [1, -1]), query);
  return {
    count: scalar('tiles'),
    lastKeys: scalar('last_keys'),
    vectors: graph.placeholder('tile_vectors', 'int32', [-1, VECTORS.length, 3]),
    paddings: graph.placeholder('tile_paddings', 'int32', [-1, 3, 2]),
    mask: ops.multiply(
      ops.cast(ops.reshape(isFuture, [1, mostQueries, -1]), 'float32'),
      graph.constant('float32', -1e9),
    ),
  };
}
