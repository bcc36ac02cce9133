import type { Value } from './graph.ts';
import { type LinearContext, type LinearStack, matrixOf, writeBlocks } from './linear-stack.ts';
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
  gradient: Variable;
  firstMoment: Variable;
  secondMoment: Variable;
}

export function adapterVariables(context: LinearContext, stack: LinearStack): AdapterVariables {
  const { ops } = context;
  const matrices = (['A', 'B'] as const).map((matrix) => {
    const name = matrixOf(stack, matrix);
    const fed = (what: string) => ops.graph.placeholder(fedAs(what), 'float32', [-1, -1]);
    const variables: MatrixVariables = {
      value: matrix === 'A' ? stack.a : stack.b,
      gradient: ops.variable(`adapter/gradient/${name}`, 'float32'),
      firstMoment: ops.variable(`adapter/first_moment/${name}`, 'float32'),
      secondMoment: ops.variable(`adapter/second_moment/${name}`, 'float32'),
    };
    const start = fed(name);
    const zeros = ops.zerosLike(start);
    for (const [kind, variable] of [
      [adapterValueOf(name), variables.value],
      [adapterGradientOf(name), variables.gradient],
      [firstMomentOf(name), variables.firstMoment],
      [secondMomentOf(name), variables.secondMoment],
    ] as const)
      ops.identity(ops.read(variable), { name: kind });
    const assign = (first: Value, second: Value) => [
      ops.assign(variables.value, start),
      ops.assign(variables.gradient, zeros),
      ops.assign(variables.firstMoment, first),
      ops.assign(variables.secondMoment, second),
    ];
    const started = assign(zeros, zeros);
    const resumed = assign(fed(firstMomentOf(name)), fed(secondMomentOf(name)));
    return { variables, start, started, resumed };
  });
  const [a, b] = matrices as [(typeof matrices)[0], (typeof matrices)[0]];
  const blocks = writeBlocks(context, stack, { a: a.start, b: b.start });
  return {
    stack,
    a: a.variables,
    b: b.variables,
    started: [...a.started, ...b.started, ...blocks],
    resumed: [...a.resumed, ...b.resumed, ...blocks],
  };
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
    const moved = [a, b].map(({ value, gradient, firstMoment, secondMoment }) => {
      decayed.push(ops.assign(value, ops.multiply(ops.read(value), decay)));
      const sum = ops.read(gradient);
      const moved = ops.applyAdam({ value, firstMoment, secondMoment }, rates, ops.multiply(sum, factor));
      stepped.push(ops.assign(gradient, ops.zerosLike(sum), [moved]));
      return moved;
    });
    stepped.push(
      ...graph.after(moved, () => writeBlocks(context, stack, { a: ops.read(stack.a), b: ops.read(stack.b) })),
    );
  }
  const done = graph.constant('int32', 0);
  ops.identity(done, { name: FETCH.decay, after: decayed });
  ops.identity(done, { name: FETCH.step, after: stepped });
}
