import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { TINY_BASE } from '../../../src/local/tiny-base.ts';
import { loadLoraAdapter } from '../../../src/trainer/model/lora-adapter.ts';
import { LocalTrainer } from '../../../src/trainer/process/local-trainer.ts';
import { golden, goldenJson, loadQuietly, temporaryFolder } from '../golden/golden.ts';

const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const SHARD = 'model-00002-of-00002.safetensors';

interface TensorHeader {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Rewrites a safetensors file: `change` sees the header and the bytes behind it. */
async function alter(
  path: string,
  change: (header: Record<string, TensorHeader>, data: Buffer) => void,
): Promise<void> {
  const file = await readFile(path);
  const headerBytes = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.toString('utf8', 8, 8 + headerBytes));
  const data = file.subarray(8 + headerBytes);
  change(header, data);
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  await writeFile(path, Buffer.concat([prefix, json, data]));
}

async function alterJson(path: string, change: Record<string, unknown> | ((json: never) => unknown)): Promise<void> {
  const json = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify(typeof change === 'function' ? change(json as never) : { ...json, ...change }));
}

/** The same function, through values of another size: `up_proj` times `factor`, `down_proj` divided by it. */
async function widen(folder: string, factor: number): Promise<void> {
  await alter(join(folder, WEIGHTS), (header, data) => {
    for (const [name, { data_offsets: [from, to] = [0, 0] }] of Object.entries(header)) {
      const by = /up_proj/.test(name) ? factor : /down_proj/.test(name) ? 1 / factor : 1;
      if (by !== 1) for (let at = from; at < to; at += 4) data.writeFloatLE(data.readFloatLE(at) * by, at);
    }
  });
}

const NORM = 'model.norm.weight';
const QUERY = 'model.layers.1.self_attn.q_proj.weight';
const alterWeights = (change: Parameters<typeof alter>[1]) => (folder: string) => alter(join(folder, WEIGHTS), change);
const alterIn = (file: string, change: Parameters<typeof alterJson>[1]) => (folder: string) =>
  alterJson(join(folder, file), change);

type Damage = (folder: string) => Promise<unknown>;
const ONE_FILE: [what: string, damage: Damage, reason: string, code?: string][] = [
  ['weights that were cut', (folder) => truncate(join(folder, WEIGHTS), 100_000), 'its header describes 480104'],
  ['weights cut within the header', (folder) => truncate(join(folder, WEIGHTS), 500), 'does not fit'],
  ['empty weights', (folder) => truncate(join(folder, WEIGHTS), 0), 'the file ends at byte 0'],
  [
    'a folder in the place of the weights',
    async (folder) => {
      await rm(join(folder, WEIGHTS));
      await mkdir(join(folder, WEIGHTS));
    },
    'cannot be read',
    'disk',
  ],
  [
    'integers for weights',
    alterWeights((header) => {
      header[QUERY]!.dtype = 'I32';
    }),
    'has type I32, expected F32, BF16 or F16',
  ],
  [
    'a weight of another shape',
    alterWeights((header) => {
      header[QUERY]!.shape = [32, 128];
    }),
    'has shape [32,128], config.json asks for [64,64]',
  ],
  [
    'a weight outside of the file',
    alterWeights((header) => {
      for (const tensor of Object.values(header)) if (tensor.data_offsets) tensor.data_offsets[1] += 4;
    }),
    'its shape',
  ],
  [
    'two weights in one place',
    alterWeights((header) => {
      header[QUERY]!.data_offsets = [...header['model.layers.1.self_attn.o_proj.weight']!.data_offsets];
    }),
    'starts at byte',
  ],
  [
    'a weight that is not a number',
    alterWeights((header, data) => data.writeFloatLE(Number.NaN, header[NORM]!.data_offsets[0] + 8)),
    `tensor ${NORM} has a value that is infinite or NaN`,
  ],
  [
    'weights full of infinities',
    alterWeights((header, data) => data.fill(Buffer.from([0, 0, 128, 255]), ...header[QUERY]!.data_offsets)),
    `tensor ${QUERY} has a value that is infinite or NaN`,
  ],
  ['a configuration that is no object', (folder) => writeFile(join(folder, 'config.json'), '[]'), 'config'],
  [
    'rotary positions of an unknown kind',
    alterIn('config.json', { rope_parameters: { rope_theta: 1e6, rope_type: 'spiral' } }),
    'scaled rotary positions',
  ],
  [
    'the tokenizer of a larger model',
    (folder) => cp(join(TINY_BASE, 'tokenizer.json'), join(folder, 'tokenizer.json')),
    'has 1024 tokens, the model 512',
  ],
  [
    'a tokenizer without the tokens of a chat',
    alterIn('tokenizer.json', { added_tokens: [] }),
    'it has no token <|im_start|>',
  ],
  ['a tokenizer without a vocabulary', alterIn('tokenizer.json', { model: { type: 'BPE' } }), 'model.vocab'],
  [
    'a tokenizer of an unknown kind',
    alterIn('tokenizer.json', (json: { model: object }) => ({ ...json, model: { ...json.model, type: 'Magic' } })),
    'model.type',
  ],
  [
    'a tokenizer configuration that is not JSON',
    (folder) => writeFile(join(folder, 'tokenizer_config.json'), '{'),
    'tokenizer_config.json is not JSON',
  ],
];

const SHARDS: typeof ONE_FILE = [
  ['an index that is not JSON', (folder) => writeFile(join(folder, INDEX), '{"weight_map"'), `${INDEX} cannot be read`],
  ['an index of something else', (folder) => writeFile(join(folder, INDEX), '{}'), 'is not an index of safetensors'],
  [
    'an index that leads out of the folder',
    alterIn(INDEX, { weight_map: { [NORM]: '../secret.safetensors' } }),
    'is not an index of safetensors',
  ],
  ['a missing shard', (folder) => rm(join(folder, SHARD)), `${SHARD} is missing`],
  ['a shard that was cut', (folder) => truncate(join(folder, SHARD), 10_000), 'its header describes'],
  [
    'a tensor in two shards',
    async (folder) => {
      await cp(join(folder, SHARD), join(folder, 'again.safetensors'));
      await alterJson(join(folder, INDEX), (json: { weight_map: object }) => ({
        weight_map: { ...json.weight_map, extra: 'again.safetensors' },
      }));
    },
    'is in two of its files',
  ],
  [
    'a tensor that no shard has',
    (folder) =>
      alter(join(folder, SHARD), (header) => {
        const [name] = Object.keys(header).filter((key) => key.startsWith('model.layers.'));
        header[`${name}.renamed`] = header[name!]!;
        delete header[name!];
      }),
    'is missing',
  ],
  [
    'a bfloat16 that is infinite',
    (folder) =>
      alter(join(folder, SHARD), (header, data) => {
        const [, { data_offsets }] = Object.entries(header).find(([name]) => name.endsWith('proj.weight'))!;
        data.writeUInt16LE(0x7f80, data_offsets[1] - 2);
      }),
    'infinite or NaN',
  ],
];

let tensors: () => number;
beforeAll(async () => {
  const { tf } = await loadQuietly();
  tensors = () => tf.memory().numTensors;
});

describe.each([
  ['tiny-qwen2', ONE_FILE],
  ['tiny-qwen2-bf16', SHARDS],
])('a model is refused, and neither the folder nor memory is touched: %s with', (model, cases) => {
  it.each(cases)('%s', async (_what, damage, reason, code = 'bad-model') => {
    const folder = temporaryFolder();
    await cp(golden(model), folder, { recursive: true });
    await damage(folder);
    const [files, before] = [await readdir(folder), tensors()];
    await expect(LocalTrainer.load(folder, { cacheDir: temporaryFolder() })).rejects.toMatchObject({
      code,
      transient: false,
      message: expect.stringContaining(reason),
    });
    expect(await readdir(folder)).toEqual(files);
    expect(tensors()).toBe(before);
  });
});

it('a tensor that config.json does not ask for harms nobody', async () => {
  const folder = temporaryFolder();
  await cp(golden('tiny-qwen2'), folder, { recursive: true });
  await alter(join(folder, WEIGHTS), (header, data) => {
    header['lm_head.weight'] = { dtype: 'F32', shape: [0, 64], data_offsets: [data.length, data.length] };
  });
  (await LocalTrainer.load(folder, { cacheDir: temporaryFolder() })).dispose();
});

describe('a call is refused', () => {
  const rows = [
    {
      conversations: [
        { role: 'user' as const, content: 'hi' },
        { role: 'assistant' as const, content: 'Yes.' },
      ],
    },
  ];
  let trainer: LocalTrainer;
  beforeAll(async () => {
    trainer = await LocalTrainer.load(golden('tiny-qwen2'), { cacheDir: temporaryFolder() });
    return () => trainer.dispose();
  });

  it('that wants more context than the model has', async () => {
    const { max_position_embeddings: positions } = goldenJson('tiny-qwen2', 'config.json');
    const contextTokens = positions + 1;
    const refused = {
      code: 'bad-argument',
      message: expect.stringContaining(`rows of ${contextTokens} tokens are asked for, the base model`),
    };
    const load = LocalTrainer.load(golden('tiny-qwen2'), { cacheDir: temporaryFolder(), recipe: { contextTokens } });
    await expect(load).rejects.toMatchObject(refused);
    await expect(trainer.train({ rows, recipe: { contextTokens }, seed: 1 })).rejects.toMatchObject(refused);
    await expect(trainer.evaluate({ rows, contextTokens })).rejects.toMatchObject(refused);
    expect((await trainer.evaluate({ rows, contextTokens: positions })).ok).toBe(true);
  });

  it('with an adapter of another base model, or of some linear layers only', async () => {
    const other = await loadLoraAdapter({ folder: golden('lora/untied-r16-nonzero') });
    await expect(trainer.evaluate({ rows, adapter: other })).rejects.toMatchObject({ code: 'bad-model' });
    const some = await loadLoraAdapter({ folder: golden('lora/tiny-r4-nonzero') });
    for (const name of some.tensors.keys()) if (!/[qv]_proj/.test(name)) some.tensors.delete(name);
    await expect(trainer.evaluate({ rows, adapter: some })).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('k_proj.lora_A.weight is missing'),
    });
    const ranked = await loadLoraAdapter({ folder: golden('lora/tiny-r4-nonzero') });
    await expect(trainer.evaluate({ rows, adapter: { ...ranked, rank: 8 } })).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('has shape [4,64], the model needs [8,64]'),
    });
  });
});

it.each([
  [1, 'float16', 'as asked for'],
  [2 ** 14, 'float32', 'this base model exceeds the range of float16'],
] as const)(
  'float16 gives way where the base model exceeds it: values %d times as large',
  async (factor, matmul, reason) => {
    const folder = temporaryFolder();
    await cp(golden('tiny-qwen2'), folder, { recursive: true });
    await widen(folder, factor);
    const trainer = await LocalTrainer.load(folder, { cacheDir: temporaryFolder(), matmul: 'float16' });
    expect(trainer.facts.precision).toEqual({ matmul, xla: false, reason });
    trainer.dispose();
  },
);
