import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { parseQwen2Config } from '../../../src/trainer/model/config.ts';
import {
  checkAdapterFits,
  createLoraAdapter,
  loadLoraAdapter,
  saveLoraAdapter,
} from '../../../src/trainer/model/lora-adapter.ts';
import { golden, goldenJson, temporaryFolder } from '../golden/golden.ts';

const config = parseQwen2Config(goldenJson('tiny-qwen2', 'config.json'));
const create = (seed: number) =>
  createLoraAdapter({ config, rank: 8, alpha: 16, dropout: 0.1, random: new MersenneTwister(seed) });

describe('createLoraAdapter', () => {
  it('fills A uniformly within ±1/sqrt(in), and B with zeros', () => {
    for (const [name, { data, shape }] of create(1).tensors) {
      if (name.includes('lora_B')) {
        expect(data.every((value) => value === 0)).toBe(true);
        continue;
      }
      const bound = 1 / Math.sqrt(shape[1]!);
      const variance = data.reduce((sum, value) => sum + value ** 2, 0) / data.length;
      expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(bound);
      expect(Math.abs(variance / (bound ** 2 / 3) - 1)).toBeLessThan(0.15);
    }
  });

  it('is the same for the same seed and another for another', () => {
    expect(create(1)).toEqual(create(1));
    expect(create(1)).not.toEqual(create(2));
  });

  it('has the tensors that PEFT has for this model', async () => {
    const peft = await loadLoraAdapter({ folder: golden('lora/tiny-r4-std') });
    expect([...create(1).tensors.keys()].sort()).toEqual([...peft.tensors.keys()].sort());
    expect(() => checkAdapterFits(peft, config)).not.toThrow();
  });
});

describe('saving and loading', () => {
  it('gives the same adapter back', async () => {
    const folder = temporaryFolder();
    const adapter = create(3);
    await saveLoraAdapter({ adapter, folder, baseModel: 'tiny-qwen2' });
    const loaded = await loadLoraAdapter({ folder });
    expect({ ...loaded, tensors: new Map([...loaded.tensors].sort()) }).toEqual({
      ...adapter,
      tensors: new Map([...adapter.tensors].sort()),
    });
  });

  it.each(['lora/tiny-r4-nonzero', 'lora/untied-r16-nonzero'])('names the modules as PEFT does in %s', async (peft) => {
    const folder = temporaryFolder();
    const adapter = await loadLoraAdapter({ folder: golden(peft) });
    await saveLoraAdapter({ adapter, folder, baseModel: 'x' });
    const { target_modules } = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'));
    expect(target_modules).toEqual(goldenJson(peft, 'adapter_config.json').target_modules);
  });

  it.each([
    ['DoRA', { use_dora: true }],
    ['rank patterns', { rank_pattern: { q_proj: 8 } }],
    ['biases', { bias: 'all' }],
    ['another method', { peft_type: 'IA3' }],
    ['a start that changed the base model', { init_lora_weights: 'pissa' }],
    ['layers used twice', { layer_replication: [[0, 2]] }],
    ['a rank that is no number', { r: '8' }],
  ])('refuses %s', async (_what, change) => {
    const folder = temporaryFolder();
    await saveLoraAdapter({ adapter: create(1), folder, baseModel: 'x' });
    const path = join(folder, 'adapter_config.json');
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...change }));
    await expect(loadLoraAdapter({ folder })).rejects.toMatchObject({ code: 'bad-model' });
  });
});

describe('an adapter folder that is incomplete', () => {
  it('is refused while its configuration or its tensors are missing, or cut', async () => {
    const folder = temporaryFolder();
    const damaged = { code: 'bad-model', transient: false };
    await expect(loadLoraAdapter({ folder })).rejects.toMatchObject(damaged);
    await saveLoraAdapter({ adapter: create(1), folder, baseModel: 'x' });
    await truncate(join(folder, 'adapter_model.safetensors'), 5000);
    await expect(loadLoraAdapter({ folder })).rejects.toMatchObject(damaged);
    await rm(join(folder, 'adapter_model.safetensors'));
    await expect(loadLoraAdapter({ folder })).rejects.toMatchObject(damaged);
  });

  it('is what a save that fails leaves, never old parameters beside new tensors', async () => {
    const folder = temporaryFolder();
    await saveLoraAdapter({ adapter: create(1), folder, baseModel: 'x' });
    const refused = create(2);
    Object.defineProperty([...refused.tensors.values()][3]!, 'data', {
      get: () => {
        throw new Error('no space left');
      },
    });
    await expect(saveLoraAdapter({ adapter: refused, folder, baseModel: 'x' })).rejects.toMatchObject({ code: 'disk' });
    expect(await readdir(folder)).toEqual(['adapter_model.safetensors']);
    await expect(loadLoraAdapter({ folder })).rejects.toMatchObject({ code: 'bad-model' });
  });

  it('is a fault of the disk where the folder cannot be made', async () => {
    const file = join(temporaryFolder(), 'file');
    await writeFile(file, '');
    const saving = saveLoraAdapter({ adapter: create(1), folder: join(file, 'adapter'), baseModel: 'x' });
    await expect(saving).rejects.toMatchObject({ code: 'disk' });
  });
});

describe('checkAdapterFits', () => {
  it('names the tensor that is missing, has another shape, or is too many', async () => {
    const other = await loadLoraAdapter({ folder: golden('lora/untied-r16-nonzero') });
    expect(() => checkAdapterFits({ ...other, rank: 4 }, config)).toThrow('has shape [16,64], the model needs [4,64]');
    expect(() => checkAdapterFits(other, config)).toThrow('it has 42 tensors');
    const fewer = create(1);
    fewer.tensors.delete([...fewer.tensors.keys()][0]!);
    expect(() => checkAdapterFits(fewer, config)).toThrow('q_proj.lora_A.weight is missing');
  });
});
