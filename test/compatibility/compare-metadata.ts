import { readFileSync } from 'node:fs';
import { polkadot } from '../../src/local/chain/description/polkadot.ts';
import type { Profile } from '../../src/local/chain/description/profile.ts';
import { RuntimeCodec } from '../../src/local/chain/state/codec.ts';
import { describeMetadata } from './describe-metadata.ts';

/** A line of the local chain's description that a runtime says otherwise, or not at all. */
export interface Difference {
  what: string;
  here: string;
  there: string | null;
}

/** The local chain's metadata, by version. */
export async function localMetadata(profile: Profile): Promise<RuntimeCodec['metadata']> {
  const limits = { cooldownBlocks: 100, maxSpaceBytes: 3_100, blockTimeMs: 250 };
  return new RuntimeCodec(await polkadot(), { profile, ...limits }).metadata;
}

/** What the local chain describes otherwise than a runtime. That a runtime has more is no difference: it always has. */
export async function compareWithLocal(blob: Uint8Array, profile: Profile): Promise<Difference[]> {
  const metadata = await localMetadata(profile);
  const here = describeMetadata(metadata(15)!);
  const there = describeMetadata(blob);
  return [...here]
    .map(([what, line]) => ({ what, here: line, there: there.get(what) ?? null }))
    .filter(({ here, there }) => here !== there);
}

/**
 * The newest metadata in a file: plain bytes, or any text in which it stands in hex. Of several, the one of the highest
 * version.
 */
export function findMetadata(file: string): Uint8Array {
  const content = readFileSync(file);
  if (content.subarray(0, 4).toString() === 'meta') return content;
  const found = [...content.toString('latin1').matchAll(/6d657461(0e|0f|10)(?:[0-9a-f]{2}){1000,}/g)];
  const newest = found.sort((a, b) => a[1]!.localeCompare(b[1]!)).at(-1);
  if (!newest) throw new Error(`${file} holds no metadata of version 14 to 16`);
  return Buffer.from(newest[0], 'hex');
}

export function printDifferences(differences: Difference[]): string {
  return differences
    .map(({ what, here, there }) => `${what}\n  here   ${here}\n  there  ${there ?? '(not there)'}`)
    .join('\n');
}

// npm run compare:metadata -- FILE [PROFILE]
if (process.argv[1] === import.meta.filename) {
  const [file, profile = 'latest'] = process.argv.slice(2);
  if (!file) throw new Error('Usage: npm run compare:metadata -- FILE [legacy | current | latest]');
  void compareWithLocal(findMetadata(file), profile as Profile).then((differences) => {
    console.log(printDifferences(differences));
    console.log(`${differences.length} differences`);
  });
}
