import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { LoraTrainer } from '../../../../src/trainer/lora-trainer.ts';
import { golden, temporaryFolder } from '../../golden/golden.ts';

const { TMPDIR } = process.env;
afterEach(() => {
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
});

it.each(['a folder that is missing', 'a file'])(
  'a TMPDIR that is %s is a fault of the disk that names it',
  async (what) => {
    const path = join(temporaryFolder(), 'tmp');
    if (what === 'a file') await writeFile(path, '');
    process.env.TMPDIR = path;
    await expect(LoraTrainer.open({ model: golden('tiny-qwen2'), inline: true })).rejects.toMatchObject({
      code: 'disk',
      message: expect.stringMatching(/^TensorFlow's graph cannot be written in .+tmp \(E.+\)\. .+ set TMPDIR to/),
    });
  },
);
