import { describe, expect, it } from 'vitest';
import type { FlockOffError } from '../../../src/errors/flock-off-error.ts';
import { formatQwen2Config, parseQwen2Config } from '../../../src/trainer/model/config.ts';
import { goldenJson } from '../golden/golden.ts';

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
    ['none', { rope_scaling: null }],
    ['no parameters', { rope_parameters: null }],
    ['the default', { rope_scaling: { rope_type: 'default' } }],
    ['the default under its old name', { rope_scaling: { type: 'default' } }],
    ['the default under both names', { rope_scaling: { rope_type: 'default', type: 'default' } }],
    ['the same base again', { rope_scaling: { rope_type: 'default', rope_theta: 1e6 } }],
    ['the same base in two places', { rope_parameters: { rope_type: 'default', rope_theta: 1e6 } }],
    ['a stretch by 1', { rope_scaling: { type: 'linear', factor: 1 } }],
    ['what is null', { rope_scaling: { rope_type: 'default', factor: null, attention_factor: null } }],
  ])('takes scaled positions that are none: %s', (_what, change) => {
    expect(parseQwen2Config({ ...json, ...change })).toEqual(parseQwen2Config(json));
  });

  it('refuses two rotary bases, and names both', () => {
    const reason = (change: object) => {
      try {
        return parseQwen2Config({ ...json, ...change });
      } catch (error) {
        return (error as FlockOffError).sentence;
      }
    };
    expect(reason({ rope_parameters: { rope_theta: 10_000, rope_type: 'default' } })).toBe(
      'config.json does not describe a model this trainer runs: rope_theta is 1000000 and rope_parameters.rope_theta is 10000, of which versions of transformers read one or the other. Use a Qwen2 or Qwen2.5 model.',
    );
    expect(reason({ rope_scaling: { rope_theta: 10_000, type: 'default' } })).toContain(
      'rope_theta is 1000000 and rope_scaling.rope_theta is 10000',
    );
    const both = { rope_theta: null, rope_parameters: { rope_theta: 5 }, rope_scaling: { rope_theta: 6 } };
    expect(reason(both)).toContain('rope_parameters.rope_theta is 5 and rope_scaling.rope_theta is 6');
  });

  it.each([
    ['another architecture', { model_type: 'llama' }, 'model_type'],
    ['scaled positions', { rope_scaling: { type: 'yarn', factor: 4 } }, 'scaled rotary positions'],
    [
      'scaled positions of transformers 5',
      { rope_parameters: { rope_theta: 1e6, rope_type: 'yarn' } },
      'scaled rotary positions',
    ],
    ['a linear stretch', { rope_scaling: { rope_type: 'linear', factor: 4 } }, 'scaled rotary positions'],
    ['a linear stretch by nobody knows what', { rope_scaling: { type: 'linear' } }, 'scaled rotary positions'],
    ['a stretch without a type', { rope_scaling: { factor: 2 } }, 'scaled rotary positions'],
    ['a dynamic stretch', { rope_scaling: { rope_type: 'dynamic', factor: 1 } }, 'scaled rotary positions'],
    ['positions in sections', { rope_scaling: { type: 'default', mrope_section: [1] } }, 'scaled rotary positions'],
    [
      'positions of half a head',
      { rope_parameters: { rope_theta: 1e6, partial_rotary_factor: 0.5 } },
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
