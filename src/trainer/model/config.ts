import { z } from 'zod';
import { FlockOffError } from '../../errors/flock-off-error.ts';

const NOT_SCALED = 'scaled rotary positions are not supported';
const one = z.literal(1, { error: NOT_SCALED }).nullish();
const unscaled = z.enum(['default', 'linear'], { error: NOT_SCALED }).nullish();

/** Rotary positions as they are: of the default type, or stretched by 1. What else could change them must be null. */
const Rotary = z
  .object({
    rope_theta: z.number().positive().nullish(),
    rope_type: unscaled,
    type: unscaled,
    factor: one,
    partial_rotary_factor: one,
    original_max_position_embeddings: z.unknown().optional(),
  })
  .catchall(z.null({ error: NOT_SCALED }).optional())
  .refine(({ rope_type, type, factor }) => (rope_type ?? type) !== 'linear' || factor === 1, { error: NOT_SCALED });

const fields = z.object({
  model_type: z.literal('qwen2'),
  vocab_size: z.int().positive(),
  hidden_size: z.int().positive(),
  intermediate_size: z.int().positive(),
  num_hidden_layers: z.int().positive(),
  num_attention_heads: z.int().positive(),
  num_key_value_heads: z.int().positive().optional(),
  head_dim: z.int().positive().nullish(),
  hidden_act: z.literal('silu'),
  rms_norm_eps: z.number().positive(),
  /** transformers' default. */
  max_position_embeddings: z.int().positive().default(32_768),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: Rotary.nullish(),
  /** Where transformers 5 writes rope_theta; it reads `rope_scaling` for it, too. */
  rope_parameters: Rotary.nullish(),
  use_sliding_window: z.literal(false, { error: 'sliding-window attention is not supported' }).optional(),
  tie_word_embeddings: z.boolean().default(false),
});

/** The sizes of a Qwen2 / Qwen2.5 model. */
export interface Qwen2Config {
  vocabSize: number;
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  /** Key/value heads; each serves `heads / kvHeads` query heads. */
  kvHeads: number;
  headDim: number;
  rmsNormEpsilon: number;
  ropeTheta: number;
  /** Tokens of the longest row that it was made for. */
  maxPositions: number;
  /** True when the output head is the embedding table. */
  tiedHead: boolean;
}

/**
 * Reads the contents of a Hugging Face `config.json`.
 * @throws FlockOffError `bad-model` for other architectures, scaled rotary positions, sliding windows and impossible sizes.
 */
export function parseQwen2Config(json: unknown): Qwen2Config {
  const parsed = fields.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw badConfig(`${issue?.path.join('.') || 'config'}: ${issue?.message}`);
  }
  const raw = parsed.data;
  const ropeTheta = ropeThetaOf(raw);
  const config: Qwen2Config = {
    vocabSize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    layers: raw.num_hidden_layers,
    heads: raw.num_attention_heads,
    kvHeads: raw.num_key_value_heads ?? raw.num_attention_heads,
    headDim: raw.head_dim ?? raw.hidden_size / raw.num_attention_heads,
    rmsNormEpsilon: raw.rms_norm_eps,
    ropeTheta,
    maxPositions: raw.max_position_embeddings,
    tiedHead: raw.tie_word_embeddings,
  };
  if (!Number.isInteger(config.headDim) || config.headDim % 2 !== 0) {
    throw badConfig(`the head dimension must be an even whole number, saw ${config.headDim}`);
  }
  if (config.heads % config.kvHeads !== 0) {
    throw badConfig(`${config.heads} heads cannot share ${config.kvHeads} key/value heads evenly`);
  }
  return config;
}

/** Transformers 4 reads the one at the top, 5 the one in `rope_scaling` or `rope_parameters`. */
function ropeThetaOf({ rope_theta, rope_parameters, rope_scaling }: z.infer<typeof fields>): number {
  const bases = [
    { name: 'rope_theta', base: rope_theta },
    { name: 'rope_parameters.rope_theta', base: rope_parameters?.rope_theta },
    { name: 'rope_scaling.rope_theta', base: rope_scaling?.rope_theta },
  ].flatMap(({ name, base }) => (typeof base === 'number' ? { name, base } : []));
  const first = bases[0];
  if (!first) throw badConfig('rope_theta is missing');
  const other = bases.find(({ base }) => base !== first.base);
  if (!other) return first.base;
  throw badConfig(
    `${first.name} is ${first.base} and ${other.name} is ${other.base}, of which versions of transformers read one or the other`,
  );
}

/** The contents of a `config.json` that {@link parseQwen2Config} and transformers read back as `config`. */
export function formatQwen2Config(config: Qwen2Config, torchDtype: 'float32' | 'bfloat16'): Record<string, unknown> {
  return {
    architectures: ['Qwen2ForCausalLM'],
    model_type: 'qwen2',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    hidden_act: 'silu',
    rms_norm_eps: config.rmsNormEpsilon,
    rope_theta: config.ropeTheta,
    max_position_embeddings: config.maxPositions,
    use_sliding_window: false,
    tie_word_embeddings: config.tiedHead,
    torch_dtype: torchDtype,
  };
}

function badConfig(reason: string): FlockOffError {
  return new FlockOffError({
    code: 'bad-model',
    what: `config.json does not describe a model this trainer runs: ${reason}`,
    fix: 'use a Qwen2 or Qwen2.5 model',
    facts: { reason },
  });
}
