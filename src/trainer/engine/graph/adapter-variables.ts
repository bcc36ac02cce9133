import { requiredItem } from '../../../shared/required.ts';
import type { Value } from './graph.ts';
import { type LinearContext, type LinearStack, matrixOf, outOfBlocks, writeBlocks } from './linear-stack.ts';
import { adapterGradientOf, adapterValueOf, FETCH, fedAs, firstMomentOf, secondMomentOf } from './names.ts';
import type { Variable } from './ops.ts';

/** A stack with what training keeps beside its adapter. */
interface AdapterVariables {
  stack: LinearStack;
  a: MatrixVariables;
  b: MatrixVariables;
  /** Assignments that start a run, and that go on with one. */
  started: Value[];
  resumed: Value[];
}

interface MatrixVariables {
  value: Variable;
  /** Sum so far, in blocks (linear-stack.ts): they are taken apart once a step. */
  gradient: Variable;
  firstMoment: Variable;
  secondMoment: Variable;
}

export function adapterVariables(context: LinearContext, stack: LinearStack): AdapterVariables {
  const { ops } = context;
  const starts = (['A', 'B'] as const).map((matrix) =>
    ops.graph.placeholder(fedAs(matrixOf(stack, matrix)), 'float32', [-1, -1]),
  ) as [Value, Value];
  const { blocksOfA, blocksOfB, written } = writeBlocks(context, stack, { a: starts[0], b: starts[1] });
  const matrices = (['A', 'B'] as const).map((matrix, i) => {
    const name = matrixOf(stack, matrix);
    const fed = (what: string) => ops.graph.placeholder(fedAs(what), 'float32', [-1, -1]);
    const variables: MatrixVariables = {
      value: matrix === 'A' ? stack.a : stack.b,
      gradient: ops.variable(`adapter/gradient/${name}`, 'float32'),
      firstMoment: ops.variable(`adapter/first_moment/${name}`, 'float32'),
      secondMoment: ops.variable(`adapter/second_moment/${name}`, 'float32'),
    };
    const start = requiredItem(starts, i);
    const zeros = ops.zerosLike(start);
    for (const [kind, variable] of [
      [adapterValueOf(name), variables.value],
      [firstMomentOf(name), variables.firstMoment],
      [secondMomentOf(name), variables.secondMoment],
    ] as const)
      ops.identity(ops.read(variable), { name: kind });
    const assign = (first: Value, second: Value) => [
      ops.assign(variables.value, start),
      ops.assign(variables.gradient, ops.zerosLike(matrix === 'A' ? blocksOfA : blocksOfB)),
      ops.assign(variables.firstMoment, first),
      ops.assign(variables.secondMoment, second),
    ];
    const started = assign(zeros, zeros);
    const resumed = assign(fed(firstMomentOf(name)), fed(secondMomentOf(name)));
    return { variables, started, resumed };
  });
  const [a, b] = matrices as [(typeof matrices)[0], (typeof matrices)[0]];
  const adapter = { stack, a: a.variables, b: b.variables };
  const { da, db } = gradientsOf(context, adapter);
  ops.identity(da, { name: adapterGradientOf(matrixOf(stack, 'A')) });
  ops.identity(db, { name: adapterGradientOf(matrixOf(stack, 'B')) });
  return {
    stack,
    a: a.variables,
    b: b.variables,
    started: [...a.started, ...b.started, ...written],
    resumed: [...a.resumed, ...b.resumed, ...written],
  };
}

/** The gradients of a stack's adapter so far, as its matrices are. They hang on the fed scale. */
export function gradientsOf(
  context: LinearContext,
  { stack, a, b }: Pick<AdapterVariables, 'stack' | 'a' | 'b'>,
): Record<'da' | 'db', Value> {
  const { ops } = context;
  return outOfBlocks(context, stack, { da: ops.read(a.gradient), db: ops.read(b.gradient) });
}

/**
 * What multiplies gradients with one that is kept. It lies in the first moments, which nothing else needs meanwhile: memory
 * for another adapter would be taken in every run.
 */
export function writeProducts(context: LinearContext, adapters: AdapterVariables[]): void {
  const { ops } = context;
  const pairs = adapters.flatMap((adapter) => {
    const { da, db } = gradientsOf(context, adapter);
    return [
      { ...adapter.a, sum: da },
      { ...adapter.b, sum: db },
    ];
  });
  const taken = pairs.map(({ sum, firstMoment }) => ops.assign(firstMoment, sum));
  ops.identity(ops.graph.constant('int32', 0), { name: FETCH.keep, after: taken });
  const products = pairs.map(({ sum, firstMoment }) =>
    ops.sum(ops.reshape(ops.multiply(sum, ops.read(firstMoment)), [-1])),
  );
  ops.identity(ops.pack(products), { name: FETCH.products });
}

/**
 * AdamW as in torch.optim.AdamW. TensorFlow's Adam knows no bias correction of its own step size here: the fed learning
 * rate and epsilon hold it, lr sqrt(1 - beta2^t) / (1 - beta1^t) and epsilon sqrt(1 - beta2^t).
 */
export function writeOptimizer(context: LinearContext, adapters: AdapterVariables[]): void {
  const { ops } = context;
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
  for (const { stack, a, b } of adapters) {
    const { da, db } = gradientsOf(context, { stack, a, b });
    const moved = [
      { ...a, sum: da },
      { ...b, sum: db },
    ].map(({ value, gradient, firstMoment, secondMoment, sum }) => {
      decayed.push(ops.assign(value, ops.multiply(ops.read(value), decay)));
      const moved = ops.applyAdam({ value, firstMoment, secondMoment }, rates, ops.multiply(sum, factor));
      stepped.push(ops.assign(gradient, ops.zerosLike(ops.read(gradient)), [moved]));
      return moved;
    });
    stepped.push(
      ...graph.after(moved, () => writeBlocks(context, stack, { a: ops.read(stack.a), b: ops.read(stack.b) }).written),
    );
  }
  const done = graph.constant('int32', 0);
  ops.identity(done, { name: FETCH.decay, after: decayed });
  ops.identity(done, { name: FETCH.step, after: stepped });
}
