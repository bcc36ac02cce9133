import { expect, it } from 'vitest';
import { writeLoraGraph } from '../../../../src/trainer/engine/graph/lora-graph.ts';
import { FETCH } from '../../../../src/trainer/engine/graph/names.ts';
import { SHAPES } from '../../../bench/shapes.ts';

/** Fields of a protocol buffer message: numbers, and bytes. */
function fieldsOf(message: Uint8Array): { field: number; value: number; bytes: Uint8Array }[] {
  let at = 0;
  const varint = () => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = message[at++]!;
      value += (byte & 127) * factor;
      factor *= 128;
      if (byte < 128) return value;
    }
  };
  const fields = [];
  while (at < message.length) {
    const key = varint();
    const value = varint();
    const isBytes = (key & 7) === 2;
    fields.push({ field: key >> 3, value, bytes: isBytes ? message.subarray(at, at + value) : new Uint8Array(0) });
    if (isBytes) at += value;
  }
  return fields;
}

const only = (message: Uint8Array, field: number) => fieldsOf(message).find((one) => one.field === field)!.bytes;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

interface Node {
  op: string;
  inputs: string[];
  isInt32: boolean;
}

function nodesOf(savedModel: Uint8Array): Map<string, Node> {
  const nodes = new Map<string, Node>();
  for (const { field, bytes } of fieldsOf(only(only(savedModel, 2), 2))) {
    if (field !== 1) continue;
    const parts = fieldsOf(bytes);
    const typed = parts.find((part) => part.field === 5 && text(only(part.bytes, 1)) === 'T');
    nodes.set(text(only(bytes, 1)), {
      op: text(only(bytes, 2)),
      inputs: parts.filter((part) => part.field === 3).map((part) => text(part.bytes).replace(/^\^|:\d+$/g, '')),
      isInt32: typed !== undefined && fieldsOf(only(typed.bytes, 2))[0]?.value === 3,
    });
  }
  return nodes;
}

/** Operations that launch nothing: they name, order, or look at the same bytes in another way, or are computed on the host. */
const FREE = new Set(
  'Const Placeholder PlaceholderWithDefault VarHandleOp ReadVariableOp Identity Reshape Bitcast Pack Range Enter Exit Merge Switch NextIteration LoopCond TensorListReserve TensorListSetItem'.split(
    ' ',
  ),
);

it.each([
  [FETCH.accumulate, 5800],
  [FETCH.accumulateAgain, 7400],
])('%s of the 1.5B shape and one tile of attention launches at most %d operations', (fetch, most) => {
  const nodes = nodesOf(
    writeLoraGraph({ config: SHAPES['1.5b']!, storage: 'bfloat16', matmul: 'bfloat16' }).savedModel(),
  );
  const needed = new Set<string>();
  const open: string[] = [fetch];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    open.push(...nodes.get(name)!.inputs);
  }
  const launched = [...needed].map((name) => nodes.get(name)!).filter(({ op, isInt32 }) => !FREE.has(op) && !isInt32);
  if (process.env.SHOW_LAUNCHES) console.log(fetch, launched.length, 'of', needed.size);
  expect(launched.length).toBeGreaterThan(most / 2);
  expect(launched.length).toBeLessThanOrEqual(most);
});

// It writes over them then: a block of 128 x 151936 in float32 less.
it('softmax of the head is the last that reads its logits', () => {
  const nodes = nodesOf(writeLoraGraph({ config: SHAPES.tiny!, storage: 'float32', matmul: 'float32' }).savedModel());
  const heads = [...nodes.values()].filter(({ op, inputs }) => op === 'Max' && nodes.get(inputs[0]!)!.op !== 'Softmax');
  expect(heads.length).toBeGreaterThan(0);
  for (const { inputs } of heads) {
    const logits = inputs[0]!;
    const [shares, ...others] = [...nodes.values()].filter((node) => node.inputs.includes(logits) && node.op !== 'Max');
    expect(others).toEqual([]);
    expect(shares!.op).toBe('Softmax');
    const largest = nodes.get(shares!.inputs[1]!)!;
    expect(nodes.get(largest.inputs[0]!)).toMatchObject({ op: 'Max', inputs: [logits, expect.any(String)] });
  }
});
