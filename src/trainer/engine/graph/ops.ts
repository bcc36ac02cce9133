import { requiredItem } from '../../../shared/required.ts';
import type { Attribute, DType, Graph, Value } from './graph.ts';

/** A size known when the graph is written, or a scalar int32 known when it runs. */
export type Size = number | Value;

/** A variable of the session: its handle, and how its value is typed. */
export interface Variable {
  readonly handle: Value;
  readonly dtype: DType;
}

/** TensorFlow's number for the generator. */
const PHILOX = 1;

/** TensorFlow's operations as functions that write nodes into a graph. Types follow from the inputs. */
export class Ops {
  readonly graph: Graph;

  constructor(graph: Graph) {
    this.graph = graph;
  }

  /** [m, k] x [k, n]; either may come transposed. */
  matMul(a: Value, b: Value, { transposeA = false, transposeB = false } = {}): Value {
    return this.#same('MatMul', [a, b], { transpose_a: { bool: transposeA }, transpose_b: { bool: transposeB } });
  }

  /** The same over leading dimensions. */
  batchMatMul(a: Value, b: Value, { transposeA = false, transposeB = false } = {}): Value {
    return this.#same('BatchMatMulV2', [a, b], { adj_x: { bool: transposeA }, adj_y: { bool: transposeB } });
  }

  add(a: Value, b: Value): Value {
    return this.#same('AddV2', [a, b]);
  }

  subtract(a: Value, b: Value): Value {
    return this.#same('Sub', [a, b]);
  }

  multiply(a: Value, b: Value): Value {
    return this.#same('Mul', [a, b]);
  }

  minimum(a: Value, b: Value): Value {
    return this.#same('Minimum', [a, b]);
  }

  addAll(values: Value[]): Value {
    const [only, ...others] = values;
    if (only && others.length === 0) return only;
    return this.#same('AddN', values, { N: { int: values.length } });
  }

  square(x: Value): Value {
    return this.#same('Square', [x]);
  }

  reciprocalRoot(x: Value): Value {
    return this.#same('Rsqrt', [x]);
  }

  log(x: Value): Value {
    return this.#same('Log', [x]);
  }

  sigmoid(x: Value): Value {
    return this.#same('Sigmoid', [x]);
  }

  /** dy y (1 - y): the gradient of x where y = sigmoid(x). */
  sigmoidGradient(y: Value, dy: Value): Value {
    return this.#same('SigmoidGrad', [y, dy]);
  }

  /** Over the last dimension. */
  softmax(x: Value): Value {
    return this.#same('Softmax', [x]);
  }

  /** Half of the sum of the squares of all elements. */
  halfSquareSum(x: Value): Value {
    return this.#same('L2Loss', [x]);
  }

  zerosLike(x: Value): Value {
    return this.#same('ZerosLike', [x]);
  }

  /** Over the last dimension, which stays with size 1. */
  reduceLast(op: 'Mean' | 'Sum' | 'Max', x: Value): Value {
    const axis = this.graph.constant('int32', [-1]);
    return this.#same(op, [x, axis], { keep_dims: { bool: true }, Tidx: { type: 'int32' } });
  }

  /** Over one dimension, which goes away. */
  sumOver(x: Value, axis: number): Value {
    const axes = this.graph.constant('int32', [axis]);
    return this.#same('Sum', [x, axes], { keep_dims: { bool: false }, Tidx: { type: 'int32' } });
  }

  /** Sum of a vector. */
  sum(x: Value): Value {
    return this.sumOver(x, 0);
  }

  cast(x: Value, dtype: DType): Value {
    if (x.dtype === dtype) return x;
    const attributes = { SrcT: { type: x.dtype }, DstT: { type: dtype }, Truncate: { bool: false } };
    return this.graph.node({ op: 'Cast', inputs: [x], attributes, dtype });
  }

  /** The same bits as another type; a smaller one adds a last dimension, a larger one takes it away. */
  bitcast(x: Value, dtype: DType): Value {
    const attributes = { T: { type: x.dtype }, type: { type: dtype } };
    return this.graph.node({ op: 'Bitcast', inputs: [x], attributes, dtype });
  }

  reshape(x: Value, shape: Size[]): Value {
    return this.reshapeTo(x, this.#sizes(shape));
  }

  /** To a shape that is a vector int32. */
  reshapeTo(x: Value, shape: Value): Value {
    return this.#same('Reshape', [x, shape], { Tshape: { type: 'int32' } });
  }

  /** Repeated along each dimension. */
  tile(x: Value, times: number[]): Value {
    return this.#same('Tile', [x, this.graph.constant('int32', times)], { Tmultiples: { type: 'int32' } });
  }

  /** float32. */
  zeros(shape: Size[]): Value {
    const attributes: Record<string, Attribute> = { T: { type: 'float32' }, index_type: { type: 'int32' } };
    const inputs = [this.#sizes(shape), this.graph.constant('float32', 0)];
    return this.graph.node({ op: 'Fill', inputs, attributes, dtype: 'float32' });
  }

  transpose(x: Value, order: number[]): Value {
    return this.#same('Transpose', [x, this.graph.constant('int32', order)], { Tperm: { type: 'int32' } });
  }

  /** `size` rows from `begin` on; all other dimensions whole. */
  sliceRows(x: Value, begin: Size, size: Size, rank: 1 | 2): Value {
    const whole = rank === 1 ? [] : [-1];
    const from = this.#sizes([begin, ...whole.map(() => 0)]);
    return this.#same('Slice', [x, from, this.#sizes([size, ...whole])], { Index: { type: 'int32' } });
  }

  /** A box of `size` from `begin` on, vectors int32 of the rank; size -1: up to the end. */
  slice(x: Value, begin: Value | number[], size: Value | number[]): Value {
    const vector = (of: Value | number[]) => (Array.isArray(of) ? this.graph.constant('int32', of) : of);
    return this.#same('Slice', [x, vector(begin), vector(size)], { Index: { type: 'int32' } });
  }

  /** What is at place `at` of the first dimension, which goes away: `at` and `next`, which is one more, are [1] int32. */
  pick(x: Value, at: Value, next: Value): Value {
    const none = { int: 0 };
    return this.#same('StridedSlice', [x, at, next, this.graph.constant('int32', [1])], {
      ...{ Index: { type: 'int32' }, shrink_axis_mask: { int: 1 } },
      ...{ begin_mask: none, end_mask: none, ellipsis_mask: none, new_axis_mask: none },
    });
  }

  /** The parts along the first dimension, which goes away, of a tensor that has `count` of them. */
  unpack(x: Value, count: number): Value[] {
    const first = this.#same('Unpack', [x], { num: { int: count }, axis: { int: 0 } });
    return Array.from({ length: count }, (_, i) => (i === 0 ? first : this.graph.output(first, i)));
  }

  /** Cut along a dimension into parts of these sizes: floats, on a GPU. */
  splitInto(x: Value, sizes: number[], axis: number): Value[] {
    const inputs = [x, this.graph.constant('int32', sizes), this.graph.constant('int32', axis)];
    const first = this.#same('SplitV', inputs, { num_split: { int: sizes.length }, Tlen: { type: 'int32' } });
    return sizes.map((_, i) => (i === 0 ? first : this.graph.output(first, i)));
  }

  /** With zeros around it: `paddings` [rank, 2] int32. */
  pad(x: Value, paddings: Value): Value {
    return this.#same('Pad', [x, paddings], { Tpaddings: { type: 'int32' } });
  }

  /** A list of `count` tensors (scalar int32), each put into its place by {@link setItem}. */
  list(dtype: DType, count: Value): Value {
    const inputs = [this.graph.constant('int32', -1), count];
    const attributes: Record<string, Attribute> = { element_dtype: { type: dtype }, shape_type: { type: 'int32' } };
    return this.graph.node({ op: 'TensorListReserve', inputs, attributes, dtype: 'variant' });
  }

  setItem(list: Value, at: Value, item: Value): Value {
    return this.graph.node({
      op: 'TensorListSetItem',
      inputs: [list, at, item],
      attributes: { element_dtype: { type: item.dtype } },
      dtype: 'variant',
    });
  }

  /** The tensors of a list, one after the other; `shape` is that of each, -1 where they differ: in their first dimension. */
  concatList(list: Value, dtype: DType, shape: number[]): Value {
    return this.graph.node({
      op: 'TensorListConcat',
      inputs: [list],
      attributes: { element_dtype: { type: dtype }, element_shape: { shape } },
      dtype,
    });
  }

  /** The two halves of the last dimension, exchanged. */
  swapHalves(x: Value, rank: number): Value {
    const axis = this.graph.constant('int32', rank - 1);
    const attributes = { num_split: { int: 2 }, T: { type: x.dtype } };
    const first = this.graph.node({ op: 'Split', inputs: [axis, x], attributes, dtype: x.dtype });
    return this.concat([this.graph.output(first, 1), first], rank - 1);
  }

  concat(values: Value[], axis: number): Value {
    const inputs = [...values, this.graph.constant('int32', axis)];
    const { dtype } = requiredItem(values, 0);
    const attributes: Record<string, Attribute> = {
      N: { int: values.length },
      T: { type: dtype },
      Tidx: { type: 'int32' },
    };
    return this.graph.node({ op: 'ConcatV2', inputs, attributes, dtype });
  }

  /** Scalars of one type as a vector. */
  pack(scalars: Value[]): Value {
    return this.#same('Pack', scalars, { N: { int: scalars.length }, axis: { int: 0 } });
  }

  /** Rows of a matrix by index. */
  gatherRows(matrix: Value, indices: Value): Value {
    return this.graph.node({
      op: 'GatherV2',
      inputs: [matrix, indices, this.graph.constant('int32', 0)],
      attributes: {
        batch_dims: { int: 0 },
        Tparams: { type: matrix.dtype },
        Tindices: { type: 'int32' },
        Taxis: { type: 'int32' },
      },
      dtype: matrix.dtype,
    });
  }

  /** A matrix of `count` rows that has row i of `rows` at place indices[i], and zeros elsewhere. */
  scatterRows(rows: Value, indices: Value, count: Value): Value {
    return this.#same('UnsortedSegmentSum', [rows, indices, count], {
      Tindices: { type: 'int32' },
      Tnumsegments: { type: 'int32' },
    });
  }

  /**
   * Random uint32 from the counter-based generator Philox 4x32-10, which gives 4 numbers for each value of its counter:
   * the same for the same key and counter, on every device. `key` two int32, `counter` four, lowest first.
   */
  randomNumbers(shape: Value, { key, counter }: { key: Value[]; counter: Value[] }): Value {
    const inputs = [
      shape,
      this.reshape(this.bitcast(this.pack(key), 'uint64'), [1]),
      this.bitcast(this.reshape(this.pack(counter), [2, 2]), 'uint64'),
      this.graph.constant('int32', PHILOX),
    ];
    const attributes: Record<string, Attribute> = { dtype: { type: 'uint32' }, Tshape: { type: 'int32' } };
    return this.graph.node({ op: 'StatelessRandomUniformFullIntV2', inputs, attributes, dtype: 'uint32' });
  }

  /** 0, 1, ... count - 1. */
  range(count: Value): Value {
    const inputs = [this.graph.constant('int32', 0), count, this.graph.constant('int32', 1)];
    return this.graph.node({ op: 'Range', inputs, attributes: { Tidx: { type: 'int32' } }, dtype: 'int32' });
  }

  compare(op: 'Greater' | 'GreaterEqual' | 'Less', a: Value, b: Value): Value {
    return this.graph.node({ op, inputs: [a, b], attributes: { T: { type: a.dtype } }, dtype: 'bool' });
  }

  /** `x` where `isKept` [bool] is true, `otherwise` elsewhere. */
  select(isKept: Value, x: Value, otherwise: Value): Value {
    const attributes = { T: { type: x.dtype } };
    return this.graph.node({ op: 'SelectV2', inputs: [isKept, x, otherwise], attributes, dtype: x.dtype });
  }

  identity(x: Value, { name, after }: { name?: string; after?: Value[] } = {}): Value {
    return this.graph.node({
      op: 'Identity',
      inputs: [x],
      attributes: { T: { type: x.dtype } },
      dtype: x.dtype,
      name,
      after,
    });
  }

  /** A variable that lives as long as the session. */
  variable(name: string, dtype: DType): Variable {
    const handle = this.graph.node({
      op: 'VarHandleOp',
      attributes: {
        dtype: { type: dtype },
        shape: { shape: null },
        shared_name: { string: name },
        container: { string: '' },
      },
      dtype: 'resource',
      name,
    });
    return { handle, dtype };
  }

  read({ handle, dtype }: Variable): Value {
    return this.graph.node({ op: 'ReadVariableOp', inputs: [handle], attributes: { dtype: { type: dtype } }, dtype });
  }

  /**
   * One step of Adam without bias correction, which the learning rate and epsilon may hold: scalars float32. Returns what
   * to wait for.
   */
  applyAdam(
    { value, firstMoment, secondMoment }: Record<'value' | 'firstMoment' | 'secondMoment', Variable>,
    { learningRate, beta1, beta2, epsilon }: Record<'learningRate' | 'beta1' | 'beta2' | 'epsilon', Value>,
    gradient: Value,
    after: Value[] = [],
  ): Value {
    // The kernel's own correction, from the powers of the betas, is without effect at 0.
    const none = this.graph.constant('float32', 0);
    return this.graph.node({
      op: 'ResourceApplyAdam',
      inputs: [
        ...[value.handle, firstMoment.handle, secondMoment.handle, none, none],
        ...[learningRate, beta1, beta2, epsilon, gradient],
      ],
      attributes: { T: { type: 'float32' }, use_locking: { bool: false }, use_nesterov: { bool: false } },
      dtype: 'float32',
      after,
    });
  }

  /** Returns what to wait for. */
  assign(variable: Variable, value: Value, after: Value[] = []): Value {
    return this.#update('AssignVariableOp', variable, value, after);
  }

  assignAdd(variable: Variable, value: Value): Value {
    return this.#update('AssignAddVariableOp', variable, value, []);
  }

  #update(op: string, { handle, dtype }: Variable, value: Value, after: Value[]): Value {
    return this.graph.node({ op, inputs: [handle, value], attributes: { dtype: { type: dtype } }, dtype, after });
  }

  #same(op: string, inputs: Value[], attributes: Record<string, Attribute> = {}): Value {
    const { dtype } = requiredItem(inputs, 0);
    return this.graph.node({ op, inputs, attributes: { T: { type: dtype }, ...attributes }, dtype });
  }

  #sizes(sizes: Size[]): Value {
    if (sizes.every((size) => typeof size === 'number')) return this.graph.constant('int32', sizes);
    const scalars = sizes.map((size) => (typeof size === 'number' ? this.graph.constant('int32', size) : size));
    // Sizes are there from the start: they may be shared by all parts of the graph.
    return this.graph.after([], () => this.pack(scalars));
  }
}
