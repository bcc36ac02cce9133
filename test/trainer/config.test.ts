import { describe, expect, it } from 'vitest';
import { formatQwen2Config, parseQwen2Config } from '../../src/trainer/config.ts';
import { goldenJson } from './golden.ts';

const json = goldenJson('tiny-qwen2', 'config.json');

describe('parseQwen2Config', () => {
  it('reads the sizes', () => {
    expect(parseQwen2Config(json)).toEqual({
      vocabSize: 512,
      hiddenSize: 64,
      intermediateSize: 160,
      layers: 2,
      heads: 4,
      kvHeads: 2,
      headDim: 16,
      rmsNormEpsilon: 1e-6,
      ropeTheta: 1e6,
      maxPositions: 32_768,
      tiedHead: true,
    });
  });

  it('reads what formatQwen2Config writes', () => {
    const config = parseQwen2Config(json);
    expect(parseQwen2Config(formatQwen2Config(config, 'float32'))).toEqual(config);
  });

  it('reads rope_theta where transformers 5 writes it', () => {
    const { rope_theta, ...rest } = json;
    expect(parseQwen2Config({ ...rest, rope_parameters: { rope_theta, rope_type: 'default' } }).ropeTheta).toBe(1e6);
  });

  it.each([
    ['another architecture', { model_type: 'llama' }, 'model_type'],
    ['scaled positions', { rope_scaling: { type: 'yarn', factor: 4 } }, 'scaled rotary positions'],
    [
      'scaled positions of transformers 5',
      { rope_parameters: { rope_theta: 1e6, rope_type: 'yarn' } },
      'scaled rotary positions',
    ],
    ['a sliding window', { use_sliding_window: true }, 'sliding-window'],
    ['another activation', { hidden_act: 'gelu' }, 'hidden_act'],
    ['no rope_theta', { rope_theta: undefined }, 'rope_theta is missing'],
    ['heads that do not divide', { num_key_value_heads: 3 }, 'key/value heads'],
    ['a fractional head', { num_attention_heads: 3, num_key_value_heads: 3 }, 'head dimension'],
    ['no size', { hidden_size: undefined }, 'hidden_size'],
  ])('refuses %s', (_what, change, reason) => {
    expect(() => parseQwen2Config({ ...json, ...change })).toThrow(reason);
  });
});
