import { expect, it } from 'vitest';
import { drawnDropout } from '../../../../src/trainer/engine/graph/dropout.ts';
import { Graph } from '../../../../src/trainer/engine/graph/graph.ts';
import type { StackShape } from '../../../../src/trainer/engine/graph/linear-stack.ts';
import { Ops } from '../../../../src/trainer/engine/graph/ops.ts';
import { GraphSession, integer } from '../../../../src/trainer/engine/graph/session.ts';
import { loadQuietly } from '../../golden/golden.ts';

const PART = { path: '', out: 1 };
/** Two layers: one of a stack of two linear layers and one of a single one, and one of another. */
const LAYERS: StackShape[][] = [
  [
    { name: 'gateUp', path: 'a', in_: 152, parts: [PART, PART] },
    { name: 'down', path: 'b', in_: 304, parts: [PART] },
  ],
  [{ name: 'o', path: 'c', in_: 304, parts: [PART] }],
];
const PATHS = LAYERS.flat().map(({ path }) => path);

/** What is kept (1) and dropped (0) of 200 x 304 inputs of each stack. */
async function draw(
  seed: number,
  droppedBelow: number,
  { firstPosition = 0, positions = 200 } = {},
): Promise<Float32Array[]> {
  const { tf } = await loadQuietly();
  const graph = new Graph();
  const ops = new Ops(graph);
  const dropout = drawnDropout(ops, LAYERS, graph.placeholder('positions', 'int32', []));
  LAYERS.forEach((stacks, layer) => {
    const kept = dropout(layer);
    for (const { name, path } of stacks) ops.identity(ops.cast(kept[name], 'float32'), { name: `out_${path}` });
  });
  const session = await GraphSession.open(tf, graph);
  try {
    return session.run(
      {
        positions: integer(positions),
        first_position: integer(firstPosition),
        seed: integer(seed),
        dropped_below: integer(droppedBelow),
      },
      PATHS.map((path) => `out_${path}`),
    );
  } finally {
    session.close();
  }
}

it('drops the asked share of inputs', async () => {
  for (const share of [0.1, 0.5]) {
    const [mask] = await draw(7, Math.round(share * 65_536));
    expect(mask).toHaveLength(60_800);
    const dropped = mask!.filter((kept) => kept === 0).length / mask!.length;
    // Four standard deviations of 60,800 draws.
    expect(Math.abs(dropped - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / 60_800));
  }
  expect((await draw(7, 0))[0]!.every((kept) => kept === 1)).toBe(true);
});

it('draws the same for the same seed, another mask for another seed, stack and layer', async () => {
  const [a, b, c] = await draw(7, 6554);
  expect(await draw(7, 6554)).toEqual([a, b, c]);
  expect(b).not.toEqual(a);
  expect(c).not.toEqual(a);
  expect(c).not.toEqual(b);
  expect((await draw(8, 6554))[0]).not.toEqual(a);
});

it('draws for a part of the positions what it draws for them in the whole', async () => {
  const whole = await draw(7, 6554);
  const part = await draw(7, 6554, { firstPosition: 150, positions: 50 });
  expect(part).toEqual(whole.map((mask) => mask.slice(150 * 304)));
});
