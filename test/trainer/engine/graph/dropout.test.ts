import { expect, it } from 'vitest';
import { drawnDropout } from '../../../../src/trainer/engine/graph/dropout.ts';
import { Graph } from '../../../../src/trainer/engine/graph/graph.ts';
import { Ops } from '../../../../src/trainer/engine/graph/ops.ts';
import { GraphSession, integer } from '../../../../src/trainer/engine/graph/session.ts';
import { loadQuietly } from '../../golden/golden.ts';

const LINEARS = [
  { path: 'a', in_: 304 },
  { path: 'b', in_: 304 },
];

/** What is kept (1) and dropped (0) of 200 x 304 inputs of both layers. */
async function draw(
  seed: number,
  droppedBelow: number,
  { firstPosition = 0, positions = 200 } = {},
): Promise<Float32Array[]> {
  const { tf } = await loadQuietly();
  const graph = new Graph();
  const ops = new Ops(graph);
  const dropout = drawnDropout(ops, LINEARS, graph.placeholder('positions', 'int32', []));
  for (const linear of LINEARS) ops.identity(ops.cast(dropout(linear), 'float32'), { name: `out_${linear.path}` });
  const session = await GraphSession.open(tf, graph);
  try {
    return session.run(
      {
        positions: integer(positions),
        first_position: integer(firstPosition),
        seed: integer(seed),
        dropped_below: integer(droppedBelow),
      },
      LINEARS.map(({ path }) => `out_${path}`),
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

it('draws the same for the same seed, another mask for another seed and for another layer', async () => {
  const [a, b] = await draw(7, 6554);
  expect(await draw(7, 6554)).toEqual([a, b]);
  expect(b).not.toEqual(a);
  expect((await draw(8, 6554))[0]).not.toEqual(a);
});

it('draws for a part of the positions what it draws for them in the whole', async () => {
  const whole = await draw(7, 6554);
  const part = await draw(7, 6554, { firstPosition: 150, positions: 50 });
  expect(part).toEqual(whole.map((mask) => mask.slice(150 * 304)));
});
