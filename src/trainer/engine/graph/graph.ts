import { requiredItem } from '../../../shared/required.ts';
import { bytesField, integerField, join } from './protobuf.ts';

/** Numbers of TensorFlow's `DataType`. */
export const DTYPES = {
  float32: 1,
  int32: 3,
  bool: 10,
  bfloat16: 14,
  uint16: 17,
  float16: 19,
  resource: 20,
  variant: 21,
  uint32: 22,
  uint64: 23,
} as const;
export type DType = keyof typeof DTYPES;

/** What matrices can be kept and multiplied in. */
export type MatrixType = 'float32' | 'bfloat16' | 'float16';

/** One output of a node. */
export interface Value {
  /** `node`, or `node:1` for its second output. */
  readonly name: string;
  readonly dtype: DType;
  /** The loop that it is computed in; none outside of loops. */
  readonly loop?: Loop;
}

/** A part of a graph that runs again and again. Values from outside come in by an `Enter` node each. */
export interface Loop {
  readonly name: string;
  readonly entered: Map<string, Value>;
}

/** Value of an attribute, as TensorFlow's `AttrValue` holds it. */
export type Attribute =
  | { type: DType }
  | { int: number }
  | { bool: boolean }
  | { string: string }
  /** -1 is any size; `null` any shape. */
  | { shape: number[] | null }
  | { tensor: Uint8Array };

export interface NodeParameters {
  op: string;
  inputs?: Value[];
  attributes?: Record<string, Attribute>;
  /** Type of the output asked for. */
  dtype: DType;
  /** Default: made up. */
  name?: string;
  /** Further nodes that must have run before. */
  after?: Value[];
}

/**
 * A TensorFlow graph that is written down node by node and then stored as a SavedModel. The protocol buffers are those of
 * TensorFlow's `graph.proto`, `node_def.proto`, `attr_value.proto`, `tensor.proto` and `saved_model.proto`.
 */
export class Graph {
  readonly #nodes: Uint8Array[] = [];
  readonly #constants = new Map<string, Value>();
  #controls: Value[] = [];
  #loop: Loop | undefined;
  #device: string | null = null;
  readonly #prefix: string;

  /** Names that are made up start with `prefix`. */
  constructor(prefix = 'n') {
    this.#prefix = prefix;
  }

  /** Nodes so far. */
  get size(): number {
    return this.#nodes.length;
  }

  node({ op, inputs = [], attributes = {}, dtype, name, after = [] }: NodeParameters): Value {
    const sources = inputs.map((input) => this.#inLoop(input));
    const ownName = name ?? this.#madeUpName();
    const controls = new Set([...this.#controls, ...after].map((value) => `^${value.name.split(':')[0]}`));
    const fields = [bytesField(1, ownName), bytesField(2, op)];
    for (const source of sources) fields.push(bytesField(3, source.name));
    for (const control of controls) fields.push(bytesField(3, control));
    if (this.#device !== null) fields.push(bytesField(4, this.#device));
    for (const [key, value] of Object.entries(attributes))
      fields.push(bytesField(5, join([bytesField(1, key), bytesField(2, attributeValue(value))])));
    this.#nodes.push(bytesField(1, join(fields)));
    return { name: ownName, dtype, loop: this.#loop };
  }

  /** A further output of a node. */
  output(node: Value, index: number, dtype: DType = node.dtype): Value {
    return { ...node, name: `${node.name}:${index}`, dtype };
  }

  /**
   * Runs `body` with the state it gave the last time, one time after the other, as long as `goesOn` of the state: a scalar
   * bool. Gives the last state.
   */
  loop<State extends Value[]>(start: State, goesOn: (state: State) => Value, body: (state: State) => State): State {
    const loop: Loop = { name: this.#madeUpName(), entered: new Map() };
    const typed = (dtype: DType) => ({ T: { type: dtype } });
    const entered = start.map((value) => this.#enter(loop, value, false));
    // What comes back is written down last: its names are known from the first.
    const back = start.map((_, i) => `${loop.name}/back${i}`);
    return this.#inside(loop, () => {
      const merged = start.map(({ dtype }, i) =>
        this.node({
          ...{ op: 'Merge', attributes: { ...typed(dtype), N: { int: 2 } }, dtype },
          inputs: [requiredItem(entered, i), { name: requiredItem(back, i), dtype, loop }],
        }),
      );
      const condition = this.node({ op: 'LoopCond', inputs: [goesOn(merged as State)], dtype: 'bool' });
      const switched = merged.map((value) =>
        this.node({ op: 'Switch', inputs: [value, condition], attributes: typed(value.dtype), dtype: value.dtype }),
      );
      const next = body(switched.map((value) => this.output(value, 1)) as State);
      next.forEach(
        (value, i) =>
          void this.node({
            ...{ op: 'NextIteration', inputs: [value], attributes: typed(value.dtype), dtype: value.dtype },
            name: requiredItem(back, i),
          }),
      );
      return switched.map((value): Value => {
        const { dtype } = value;
        const { name } = this.node({ op: 'Exit', inputs: [value], attributes: typed(dtype), dtype });
        return { name, dtype };
      }) as State;
    });
  }

  /** What is written down by `build` is part of this loop, and waits for nothing but its inputs. */
  #inside<T>(loop: Loop | undefined, build: () => T): T {
    const before = this.#loop;
    this.#loop = loop;
    try {
      return this.after([], build);
    } finally {
      this.#loop = before;
    }
  }

  #inLoop(value: Value): Value {
    const loop = this.#loop;
    if (value.loop === loop) return value;
    if (!loop || value.loop) throw new RangeError(`${value.name} belongs to another loop`);
    const entered = loop.entered.get(value.name) ?? this.#inside(undefined, () => this.#enter(loop, value, true));
    loop.entered.set(value.name, entered);
    return entered;
  }

  #enter(loop: Loop, value: Value, isConstant: boolean): Value {
    const attributes: Record<string, Attribute> = {
      T: { type: value.dtype },
      frame_name: { string: loop.name },
      is_constant: { bool: isConstant },
      parallel_iterations: { int: 1 },
    };
    return { ...this.node({ op: 'Enter', inputs: [value], attributes, dtype: value.dtype }), loop };
  }

  #madeUpName(): string {
    return `${this.#prefix}${this.#nodes.length}`;
  }

  /**
   * Everything that `build` writes down runs only after these values are there. Besides order this decides about memory:
   * TensorFlow merges equal nodes, and what the backward pass computes anew would else be kept from the forward pass.
   */
  after<T>(values: Value[], build: () => T): T {
    const before = this.#controls;
    this.#controls = values;
    try {
      return build();
    } finally {
      this.#controls = before;
    }
  }

  /** Everything that `build` writes down runs on this device, such as `/device:GPU:0`, or the graph does not run at all. */
  on<T>(device: string, build: () => T): T {
    const before = this.#device;
    this.#device = device;
    try {
      return build();
    } finally {
      this.#device = before;
    }
  }

  constant(dtype: 'float32' | 'int32', values: number | number[]): Value {
    const shape = typeof values === 'number' ? [] : [values.length];
    const list = typeof values === 'number' ? [values] : values;
    const key = `${dtype} ${JSON.stringify(values)}`;
    const known = this.#constants.get(key);
    if (known) return known;
    const content = dtype === 'float32' ? Float32Array.from(list) : Int32Array.from(list);
    const tensor = join([
      integerField(1, DTYPES[dtype]),
      bytesField(2, shapeMessage(shape)),
      bytesField(4, new Uint8Array(content.buffer)),
    ]);
    // A constant waits for nothing: it may be shared by all parts of the graph.
    const constant = this.#inside(undefined, () =>
      this.node({ op: 'Const', attributes: { dtype: { type: dtype }, value: { tensor } }, dtype }),
    );
    this.#constants.set(key, constant);
    return constant;
  }

  placeholder(name: string, dtype: DType, shape: number[] | null): Value {
    return this.node({ op: 'Placeholder', attributes: { dtype: { type: dtype }, shape: { shape } }, dtype, name });
  }

  /** The contents of `saved_model.pb`. */
  savedModel(): Uint8Array {
    const versions = integerField(1, PRODUCER);
    const graphDef = join([...this.#nodes, bytesField(4, versions)]);
    const metaGraph = join([bytesField(1, bytesField(4, SERVE)), bytesField(2, graphDef)]);
    return join([integerField(1, 1), bytesField(2, metaGraph)]);
  }
}

/** Tag under which the graph is stored. */
export const SERVE = 'serve';
/** Version of the GraphDef format, that of TensorFlow 2.9; later ones read it. */
const PRODUCER = 1087;

function attributeValue(value: Attribute): Uint8Array {
  if ('type' in value) return integerField(6, DTYPES[value.type]);
  if ('int' in value) return integerField(3, value.int);
  if ('bool' in value) return integerField(5, value.bool);
  if ('string' in value) return bytesField(2, value.string);
  if ('tensor' in value) return bytesField(8, value.tensor);
  return bytesField(7, value.shape === null ? integerField(3, true) : shapeMessage(value.shape));
}

function shapeMessage(dimensions: number[]): Uint8Array {
  return join(dimensions.map((size) => bytesField(2, integerField(1, size))));
}
