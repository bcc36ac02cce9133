import type { Qwen2Config } from '../../src/trainer/model/config.ts';
import type { NamedTensor } from '../../src/trainer/model/weights.ts';

const common = { rmsNormEpsilon: 1e-6, ropeTheta: 1e6, maxPositions: 32_768, tiedHead: true };
/** Published sizes of Qwen2.5, and of the tiny model of the tests. */
export const SHAPES: Record<string, Qwen2Config> = {
  tiny: {
    ...common,
    vocabSize: 512,
    hiddenSize: 64,
    intermediateSize: 160,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 16,
  },
  '0.5b': {
    ...common,
    ...{ vocabSize: 151_936, hiddenSize: 896, intermediateSize: 4864, layers: 24, heads: 14, kvHeads: 2, headDim: 64 },
  },
  '1.5b': {
    ...common,
    ...{
      vocabSize: 151_936,
      hiddenSize: 1536,
      intermediateSize: 8960,
      layers: 28,
      heads: 12,
      kvHeads: 2,
      headDim: 128,
    },
  },
};

/** Numbers around 0 with the spread of fresh weights, made fast: the values do not matter for the time. */
export function randomWeight(name: string, shape: number[]): NamedTensor {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  if (/norm\.weight$/.test(name)) return { shape, data: data.fill(1) };
  let state = name.length;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    data[i] = state * 1.6e-11;
  }
  return { shape, data };
}

/**
 * Lengths of rows with a mean of 256 tokens: log-normal, sigma 0.8, 16 to 1024. `peft-case.py` draws the same: two rows of which
 * one has 1957 tokens take more than 24 GiB there.
 */
export function realLengths(rows: number): number[] {
  const SIGMA = 0.8;
  let state = 1;
  const draw = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Array.from({ length: rows }, () => {
    const normal = Math.sqrt(-2 * Math.log(draw())) * Math.cos(2 * Math.PI * draw());
    const length = Math.exp(Math.log(256) - SIGMA ** 2 / 2 + SIGMA * normal);
    return Math.min(1024, Math.max(16, Math.floor(length)));
  });
}
