import { requiredEntry } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import { adapterTensorName } from '../../model/lora-adapter.ts';
import { LINEARS, type LinearName, linearPath, linearShape, weightShapes } from '../../model/weights.ts';
import type { AlignedWeights } from './aligned-weights.ts';
import type { Rotation, Tiles } from './attention.ts';
import { VECTORS } from './attention-tiles.ts';
import { type DecoderLayer, type LayerContext, type LayerPass, layerBackward, layerForward } from './decoder-layer.ts';
import { drawnDropout } from './dropout.ts';
import { type DType, Graph, type MatrixType, type Value } from './graph.ts';
import type { LoraLinear } from './lora-linear.ts';
import { type HeadContext, headForward, headWithGradient } from './loss-head.ts';
import { Ops, type Variable } from './ops.ts';

export interface LoraGraphParameters {
  config: Qwen2Config;
  /** What base weights are kept in. Norms and biases are float32. */
  storage: MatrixType;
  /** What matrices are multiplied in. */
  matmul: MatrixType;
  /** Matrices that are read from this file as they are needed, instead of being fed: storage bfloat16, on a CPU. */
  mapped?: AlignedWeights;
}

/** What can be fetched. Each is one call of the session. */
export const FETCH = {
  /** Takes over all base weights that are fed. */
  loadWeights: 'load_weights',
  /** Takes over the adapter that is fed, and starts gradients and moments at zero. */
  loadAdapter: 'load_adapter',
  /** Takes over the adapter and the moments that are fed, and starts gradients at zero. */
  resume: 'resume',
  /** Adds a batch's gradient and gives its loss. */
  accumulate: 'accumulate',
  /** The same, but each layer is computed again for its gradient instead of being kept. */
  accumulateAgain: 'accumulate_again',
  /** Half of the squared norm of each gradient, [matrices]. */
  halfSquares: 'half_squares',
  /** Sets the gradients to zero. */
  clear: 'clear',
  /** Shrinks the adapter by the fed decay. */
  decay: 'decay',
  /** One AdamW step; then the gradients are zero again. */
  step: 'step',
  /** Loss of each target without dropout, [targets]. */
  evaluate: 'evaluate',
} as const;

/** Name under which a base weight or an adapter matrix is fed. */
export const fedAs = (name: string) => `fed/${name}`;
/** Names under which an adapter matrix and its gradient are fetched. */
export const adapterValueOf = (name: string) => `value/${name}`;
export const adapterGradientOf = (name: string) => `gradient/${name}`;
/** Names of a matrix's moments, to be fed and fetched with. */
export const firstMomentOf = (name: string) => `first_moment/${name}`;
export const secondMomentOf = (name: string) => `second_moment/${name}`;
/** Names of stages of the evaluation, for comparison with other implementations. */
export const stageOf = (stage: string) => `stage/${stage}`;

/**
 * The whole LoRA fine-tuning of a Qwen2 model as one TensorFlow graph: base weights, adapter, gradients and moments are
 * variables of its session, a batch is fed, and a loss comes back. Batch and sequence length, rank and scale are known only
 * when it runs. Gradients are written out by hand: the frozen base needs none of its own.
 */
export function writeLoraGraph({ config, storage, matmul, mapped }: LoraGraphParameters): Graph {
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
  for (const [name, shape] of weightShapes(config)) {
    const dtype = shape.length === 2 ? storage : 'float32';
    const variable = ops.variable(`base/${name}`, dtype);
    base.set(name, variable);
    fedWeights.push(ops.assign(variable, fedWeight(ops, name, shape, dtype, mapped?.offsets.has(name) ?? false)));
  }
  const layers = Array.from({ length: config.layers }, (_, layer) => decoderLayer(ops, config, base, layer));
  const linears = layers.flatMap((layer) => LINEARS.map((name) => layer.linears[name]));
  const matrices = linears.flatMap(({ path, a, b }) => [
    trainable(ops, adapterTensorName(path, 'A'), a),
    trainable(ops, adapterTensorName(path, 'B'), b),
  ]);

  const embeddings = requiredEntry(base, 'model.embed_tokens.weight');
  const context: LayerContext & HeadContext = {
    ops,
    config,
    matmul,
    tokens,
    rotation: rotation(ops, config),
    tiles: tiles(ops),
    adapterScale: scalar('adapter_scale', 'float32'),
    dropout: () => null,
    finalNorm: requiredEntry(base, 'model.norm.weight'),
    epsilon: config.rmsNormEpsilon,
    head: config.tiedHead ? embeddings : requiredEntry(base, 'lm_head.weight'),
    targetPositions: graph.placeholder('target_positions', 'int32', [-1]),
    targetIds: graph.placeholder('target_ids', 'int32', [-1]),
    targets: scalar('targets', 'int32'),
    chunkRows: scalar('chunk_rows', 'int32'),
  };
  const embed = () => ops.cast(ops.gatherRows(ops.read(embeddings), inputIds), 'float32');

  // Training: forward, then backward layer by layer, each adding to its gradients at once.
  const training = { ...context, dropout: drawnDropout(ops, linears, tokens) };
  let residual = embed();
  const steps = layers.map((layer): ForwardStep => {
    const input = residual;
    const pass = inTurn(graph, training, layer, input);
    residual = pass.y;
    return { layer, input, pass };
  });
  const { losses, dHidden } = headWithGradient(training, residual, lossScale);
  const loss = ops.multiply(ops.sum(losses), lossScale);
  const gradientOf = new Map(matrices.map(({ value, gradient }) => [value, gradient]));
  const backward = (passOf: (step: ForwardStep) => LayerPass): Value[] => {
    const added: Value[] = [];
    let dy = dHidden;
    for (const step of steps.toReversed()) {
      const { dx, adapters } = graph.after([dy], () => layerBackward(training, step.layer, passOf(step), dy));
      for (const { linear, da, db } of adapters) {
        added.push(ops.assignAdd(requiredEntry(gradientOf, linear.a), da));
        added.push(ops.assignAdd(requiredEntry(gradientOf, linear.b), db));
      }
      dy = dx;
    }
    return added;
  };
  const passAgain = ({ layer, input }: ForwardStep) => layerForward(training, layer, ops.identity(input));
  ops.identity(loss, { name: FETCH.accumulate, after: backward(({ pass }) => pass) });
  ops.identity(loss, { name: FETCH.accumulateAgain, after: backward(passAgain) });

  // The optimizer.
  ops.identity(ops.pack(matrices.map(({ gradient }) => ops.halfSquareSum(ops.read(gradient)))), {
    name: FETCH.halfSquares,
  });
  const cleared = matrices.map(({ gradient }) => ops.assign(gradient, ops.zerosLike(ops.read(gradient))));
  ops.identity(graph.constant('int32', 0), { name: FETCH.clear, after: cleared });
  writeOptimizer(ops, matrices);

  // Evaluation: the same without dropout and gradients.
  let hidden = ops.identity(embed(), { name: stageOf('embed') });
  layers.forEach((layer, i) => {
    hidden = ops.identity(inTurn(graph, context, layer, hidden).y, { name: stageOf(`layer${i}`) });
  });
  const evaluated = headForward(context, hidden);
  evaluated.logits.forEach((logits, i) => void ops.identity(logits, { name: stageOf(`logits${i}`) }));
  ops.identity(evaluated.losses, { name: FETCH.evaluate });

  const done = graph.constant('int32', 0);
  ops.identity(done, { name: FETCH.loadWeights, after: fedWeights });
  ops.identity(done, { name: FETCH.loadAdapter, after: matrices.flatMap(({ started }) => started) });
  ops.identity(done, { name: FETCH.resume, after: matrices.flatMap(({ resumed }) => resumed) });
  return graph;
}

/** What the forward pass of training leaves of a layer. */
interface ForwardStep {
  layer: DecoderLayer;
  input: Value;
  pass: LayerPass;
}

/** A layer of which nothing is computed before its input is there, such as weights in another type for all layers at once. */
function inTurn(graph: Graph, context: LayerContext, layer: DecoderLayer, x: Value): LayerPass {
  return graph.after([x], () => layerForward(context, layer, x));
}

/** A matrix of the adapter with what training keeps beside it. */
interface Trainable {
  value: Variable;
  gradient: Variable;
  firstMoment: Variable;
  secondMoment: Variable;
  /** Assignments that start a run, and that go on with one. */
  started: Value[];
  resumed: Value[];
}

function trainable(ops: Ops, name: string, value: Variable): Trainable {
  const [gradient, firstMoment, secondMoment] = ['gradient', 'first_moment', 'second_moment'].map((kind) =>
    ops.variable(`adapter/${kind}/${name}`, 'float32'),
  ) as [Variable, Variable, Variable];
  const fed = (what: string) => ops.graph.placeholder(fedAs(what), 'float32', [-1, -1]);
  const start = fed(name);
  const zeros = ops.zerosLike(start);
  for (const [kind, variable] of [
    [adapterValueOf(name), value],
    [adapterGradientOf(name), gradient],
    [firstMomentOf(name), firstMoment],
    [secondMomentOf(name), secondMoment],
  ] as const)
    ops.identity(ops.read(variable), { name: kind });
  const assign = (first: Value, second: Value) => [
    ops.assign(value, start),
    ops.assign(gradient, zeros),
    ops.assign(firstMoment, first),
    ops.assign(secondMoment, second),
  ];
  const started = assign(zeros, zeros);
  const resumed = assign(fed(firstMomentOf(name)), fed(secondMomentOf(name)));
  return { value, gradient, firstMoment, secondMoment, started, resumed };
}

/**
 * AdamW as in torch.optim.AdamW. TensorFlow's Adam knows no bias correction of its own step size here: the fed learning
 * rate and epsilon hold it, lr sqrt(1 - beta2^t) / (1 - beta1^t) and epsilon sqrt(1 - beta2^t).
 */
function writeOptimizer(ops: Ops, matrices: Trainable[]): void {
  const { graph } = ops;
  const fed = (name: string) => graph.placeholder(name, 'float32', []);
  const [factor, decay] = [fed('gradient_factor'), fed('decay_factor')];
  const rates = {
    learningRate: fed('learning_rate'),
    beta1: fed('beta1'),
    beta2: fed('beta2'),
    epsilon: fed('epsilon'),
  };
  const decayed: Value[] = [];
  const stepped: Value[] = [];
  for (const { value, gradient, firstMoment, secondMoment } of matrices) {
    decayed.push(ops.assign(value, ops.multiply(ops.read(value), decay)));
    const sum = ops.read(gradient);
    const moved = ops.applyAdam({ value, firstMoment, secondMoment }, rates, ops.multiply(sum, factor));
    stepped.push(ops.assign(gradient, ops.zerosLike(sum), [moved]));
  }
  const done = graph.constant('int32', 0);
  ops.identity(done, { name: FETCH.decay, after: decayed });
  ops.identity(done, { name: FETCH.step, after: stepped });
}

/** Two bytes a value come as pairs of bfloat16 in int32, the only integers that are uploaded without a copy per element. */
function fedWeight(ops: Ops, name: string, shape: number[], dtype: DType, mapped: boolean): Value {
  if (dtype === 'float32' || mapped) return ops.graph.placeholder(fedAs(name), dtype, shape);
  const pairs = ops.graph.placeholder(fedAs(name), 'int32', [-1]);
  return ops.cast(ops.reshape(ops.bitcast(pairs, 'bfloat16'), shape), dtype);
}

function decoderLayer(ops: Ops, config: Qwen2Config, base: Map<string, Variable>, layer: number): DecoderLayer {
  const linear = (name: LinearName): LoraLinear => {
    const path = linearPath(layer, name);
    return {
      path,
      in_: linearShape(config, name)[1],
      weight: requiredEntry(base, `${path}.weight`),
      bias: base.get(`${path}.bias`) ?? null,
      a: ops.variable(`adapter/${adapterTensorName(path, 'A')}`, 'float32'),
      b: ops.variable(`adapter/${adapterTensorName(path, 'B')}`, 'float32'),
    };
  };
  return {
    linears: Object.fromEntries(LINEARS.map((name) => [name, linear(name)])) as Record<LinearName, LoraLinear>,
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
  const query = ops.add(ops.reshape(ops.range(mostQueries), [-1, 1]), mostKeys);
  const isFuture = ops.compare('Greater', ops.reshape(ops.range(ops.add(mostKeys, mostQueries)), [1, -1]), query);
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
