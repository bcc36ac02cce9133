import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sha256OfFile } from '../../src/shared/sha256-of-file.ts';

it('digests a file, says null for a missing one, and throws what else the disk refuses', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-sha-'));
  try {
    await writeFile(join(folder, 'abc'), 'abc');
    // FIPS 180-2, appendix B.1.
    expect(await sha256OfFile(join(folder, 'abc'))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(await sha256OfFile(join(folder, 'missing'))).toBeNull();
    await expect(sha256OfFile(folder)).rejects.toMatchObject({ code: 'EISDIR' });
  } finally {
    await rm(folder, { recursive: true });
  }
});
