import { describe, expect, it } from 'vitest';
import { Competition, LoraRecipe } from '../../src/schema/competition.ts';
import { WinRatesRules } from '../../src/schema/policy.ts';

describe('LoraRecipe', () => {
  it('is FLock OFF’s by default: rank 16, alpha 32, batch 2 x 4, 2 epochs, context 4096, AdamW 2e-4', () => {
    expect(LoraRecipe.parse({})).toEqual({
      rank: 16,
      alpha: 32,
      dropout: 0.1,
      batchSize: 2,
      gradientAccumulation: 4,
      epochs: 2,
      contextTokens: 4096,
      learningRate: 2e-4,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
      warmupSteps: 5,
      maxGradNorm: 1,
    });
  });

  it.each([
    { rank: 0 },
    { rank: 1.5 },
    { dropout: 1 },
    { dropout: -0.1 },
    { learningRate: 0 },
    { epochs: 0 },
    { warmupSteps: -1 },
    { alpha: Number.NaN },
  ])('refuses %j', (wrong) => {
    expect(LoraRecipe.safeParse(wrong).success).toBe(false);
  });
});

describe('Competition', () => {
  it('defect 10, 14: asks for 2 to 20,000 rows and caps file and line by default', () => {
    expect(Competition.parse({})).toEqual({
      id: '1',
      minRows: 2,
      maxRows: 20_000,
      maxBytes: 256 * 1024 * 1024,
      maxLineBytes: 1024 * 1024,
      maxTurns: 1024,
      maxCodePoints: 128 * 1024 * 1024,
      maxJsonNodes: 4 * 1024 * 1024,
      maxTokens: 20_000 * 256,
      minOwnRows: 32,
      evaluationRows: 'leave-out',
      baseline: 'contestant',
      blocksPerEpoch: 360,
      readableWithinBlocks: 50,
      claimBlocks: 50_400,
      maxBytesPerDay: 1024 ** 3,
      policy: { name: 'win-rates', parameters: WinRatesRules.parse({}) },
      recipe: LoraRecipe.parse({}),
    });
  });

  it('fills up a partly given recipe', () => {
    expect(Competition.parse({ recipe: { epochs: 1 } }).recipe).toEqual({ ...LoraRecipe.parse({}), epochs: 1 });
  });

  it.each([
    { id: '' },
    { id: '1234567890123' },
    { id: 'a:b' },
    { minRows: 0 },
    { maxBytes: 1.5 },
    { minOwnRows: 0 },
    { evaluationRows: 'forbid' },
    { baseline: true },
    { policy: 'win-rates' },
    { policy: { name: 'win-rates', parameters: { temperature: 'hot' } } },
    { claimBlocks: -1 },
    { maxBytesPerDay: 0 },
  ])('refuses %j', (wrong) => {
    expect(Competition.safeParse(wrong).success).toBe(false);
  });
});
