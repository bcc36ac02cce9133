import { messageOf } from '../../../errors/flock-off-error.ts';
import { requiredItem } from '../../../shared/required.ts';
import type { Tf } from '../tensorflow.ts';
import { canRunGraphs } from './binding.ts';
import { type DType, Graph, type Value } from './graph.ts';
import { Ops, type Variable } from './ops.ts';
import { type Feed, GraphSession, integer } from './session.ts';

/** One of the operations that training stands on, tried alone. */
export interface OperationProbe {
  /** TensorFlow's name for it. */
  operation: string;
  dtype: DType;
  /** Name of its node in TensorFlow's log, which says where it ran. */
  node: string;
  /** Why it does not run, or what it got wrong; else `null`. */
  problem: string | null;
}

interface KeyOperation {
  operation: string;
  dtype: DType;
  /** Writes it into a graph as the training graph has it; `ones` is [SIZE, SIZE] float32, `zero` a scalar int32, both fed. */
  write(ops: Ops, ones: Value, zero: Value): Written;
  /** Half of the sum of the squares of the result. */
  expected: number;
}

interface Written {
  operation: Value;
  /** What came of it. Default: its output. */
  result?: Value;
}

const SIZE = 64;
const CELLS = SIZE * SIZE;
const ROUNDING = 1e-3;
/** The first four numbers of Philox 4x32-10 for key 0 and counter 0. Source: known answers of the library Random123. */
const PHILOX_NUMBERS = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];

const KEY_OPERATIONS: KeyOperation[] = [
  ...(['float32', 'bfloat16', 'float16'] as const).flatMap((dtype) => [
    {
      operation: 'MatMul',
      dtype,
      write: (ops: Ops, x: Value) => ({ operation: ops.matMul(ops.cast(x, dtype), ops.cast(x, dtype)) }),
      expected: (CELLS * SIZE ** 2) / 2,
    },
    {
      operation: 'BatchMatMulV2',
      dtype,
      write: (ops: Ops, x: Value) => {
        const batch = ops.reshape(ops.cast(x, dtype), [4, SIZE / 4, SIZE]);
        return { operation: ops.batchMatMul(batch, batch, { transposeB: true }) };
      },
      expected: (4 * (SIZE / 4) ** 2 * SIZE ** 2) / 2,
    },
  ]),
  {
    operation: 'Softmax',
    dtype: 'float32',
    write: (ops, x) => ({ operation: ops.softmax(x) }),
    expected: CELLS / SIZE ** 2 / 2,
  },
  {
    operation: 'GatherV2',
    dtype: 'bfloat16',
    write: (ops, x) => ({ operation: ops.gatherRows(ops.cast(x, 'bfloat16'), countUp(ops)) }),
    expected: CELLS / 2,
  },
  {
    operation: 'UnsortedSegmentSum',
    dtype: 'float32',
    write: (ops, x) => ({ operation: ops.scatterRows(x, countUp(ops), ops.graph.constant('int32', SIZE)) }),
    expected: CELLS / 2,
  },
  {
    operation: 'StatelessRandomUniformFullIntV2',
    dtype: 'uint32',
    // From a key that is known only when it runs: TensorFlow computes constants before, on the CPU.
    write: (ops, _, zero) => ({
      operation: ops.randomNumbers(ops.graph.constant('int32', [PHILOX_NUMBERS.length]), {
        key: [zero, zero],
        counter: [zero, zero, zero, zero],
      }),
    }),
    expected: PHILOX_NUMBERS.reduce((sum, number) => sum + number ** 2 / 2, 0),
  },
  {
    operation: 'GreaterEqual',
    dtype: 'uint16',
    write: (ops, x) => {
      const ones = ops.cast(x, 'uint16');
      return { operation: ops.compare('GreaterEqual', ones, ones) };
    },
    expected: CELLS / 2,
  },
  {
    operation: 'ResourceApplyAdam',
    dtype: 'float32',
    // Gradient 1, rates and betas below: the first moment is 1/2, the second 1/4, so ones become 1 - (1/2)(1/2)/(1/2).
    write: (ops, x) => {
      const { graph } = ops;
      const number = (value: number) => graph.constant('float32', value);
      const [value, firstMoment, secondMoment] = ['value', 'first', 'second'].map((name) =>
        ops.variable(`${name}_of_adam`, 'float32'),
      ) as [Variable, Variable, Variable];
      const zero = ops.zerosLike(x);
      const ready = [ops.assign(value, x), ops.assign(firstMoment, zero), ops.assign(secondMoment, zero)];
      const rates = { learningRate: number(0.5), beta1: number(0.5), beta2: number(0.75), epsilon: number(0) };
      const operation = ops.applyAdam({ value, firstMoment, secondMoment }, rates, x, ready);
      return { operation, result: graph.after([operation], () => ops.read(value)) };
    },
    expected: CELLS / 4 / 2,
  },
];

/**
 * Runs each of them once, where TensorFlow itself wants to, and checks what comes out. None can be run without the native
 * addon: then the list is empty.
 */
export async function probeOperations(tf: Tf): Promise<OperationProbe[]> {
  if (!canRunGraphs(tf)) return [];
  const probes: OperationProbe[] = [];
  for (const key of KEY_OPERATIONS) {
    const graph = new Graph(`${key.operation}_${key.dtype}_`);
    const ops = new Ops(graph);
    const [ones, zero] = [graph.placeholder('ones', 'float32', [SIZE, SIZE]), graph.placeholder('zero', 'int32', [])];
    const { operation, result = operation } = key.write(ops, ones, zero);
    ops.identity(ops.halfSquareSum(ops.cast(result, 'float32')), { name: 'result' });
    const problem = await run(tf, graph, key.expected).catch((error) => messageOf(error).replace(/\n.*/s, ''));
    probes.push({ operation: key.operation, dtype: key.dtype, node: operation.name, problem });
  }
  return probes;
}

async function run(tf: Tf, graph: Graph, expected: number): Promise<string | null> {
  const session = await GraphSession.open(tf, graph);
  try {
    const ones: Feed = { dtype: 'float32', shape: [SIZE, SIZE], data: new Float32Array(CELLS).fill(1) };
    const seen = requiredItem(requiredItem(session.run({ ones, zero: integer(0) }, ['result']), 0), 0);
    const right = Math.abs(seen - expected) <= ROUNDING * expected;
    return right ? null : `it gives ${seen} instead of ${expected}`;
  } finally {
    session.close();
  }
}

const countUp = (ops: Ops) => ops.range(ops.graph.constant('int32', SIZE));
