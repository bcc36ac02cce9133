import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareWithLocal, findMetadata, localMetadata, printDifferences } from './compare-metadata.ts';

test('a description differs in nothing from itself, of versions 15 and 16, in bytes or in hex; from an older one it does', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-metadata-'));
  try {
    const metadata = await localMetadata('latest');
    const [bytes, hex] = [join(folder, 'bytes'), join(folder, 'answers.json')];
    await writeFile(bytes, metadata(16)!);
    const versions = [metadata(14)!, metadata(15)!].map((one) => Buffer.from(one).toString('hex'));
    await writeFile(hex, JSON.stringify({ result: versions }));
    expect(await compareWithLocal(findMetadata(bytes), 'latest')).toEqual([]);
    expect(await compareWithLocal(findMetadata(hex), 'latest')).toEqual([]);
    const differences = await compareWithLocal(findMetadata(bytes), 'legacy');
    expect(printDifferences(differences)).toContain('storage SubtensorModule.WeightsMinStake\n');
    await writeFile(bytes, 'nothing');
    expect(() => findMetadata(bytes)).toThrow('no metadata');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
