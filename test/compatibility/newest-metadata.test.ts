import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Profile } from '../../src/local/chain/description/profile.ts';
import { compareWithLocal, findMetadata, localMetadata, printDifferences } from './compare-metadata.ts';
import { describeMetadata } from './describe-metadata.ts';
import { slow, usePython } from './python.ts';

// The metadata of spec 461, in versions 14 and 15, comes with the sources of Python's `bittensor` 11.3.0.

const python = usePython('bittensor-11');
/** The blob is of spec 461; this is what the profile has of the fourteen after it, and what it does not imitate. */
const ON_PURPOSE = [
  'type pallet_subtensor::pallet::EpochConsensus',
  'storage SubtensorModule.SubnetEpochConsensus',
  'storage Commitments.TimelockRevealCursor',
  'api TransactionPaymentApi.query_info',
];
/** Seven errors came in between, so those behind have another place there: the test below knows them all. */
const FIRST_NEW_ERROR = 160;

test('the latest profile is described as the newest metadata that a registry has, but for what is meant to differ', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-metadata-'));
  try {
    const download = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', ':all:', '--dest', folder];
    const { code, output } = await python.run([...download, 'bittensor==11.3.0'], { timeoutMs: 120_000 });
    if (code !== 0)
      return console.log(`skipped: the sources could not be downloaded: ${output.trim().split('\n').at(-1)}`);
    const [archive] = await readdir(folder);
    const unpack = 'import sys, tarfile; tarfile.open(sys.argv[1]).extract(sys.argv[2], sys.argv[3])';
    const file = 'bittensor-11.3.0/tests/fixtures/golden.json';
    await python.run(['-c', unpack, join(folder, archive!), file, folder]);
    const differences = await compareWithLocal(findMetadata(join(folder, file)), 'latest');
    console.log(printDifferences(differences));
    const unexpected = differences.filter(({ what, here }) => {
      const isNewError = what.startsWith('error SubtensorModule.') && Number.parseInt(here, 10) >= FIRST_NEW_ERROR;
      return !isNewError && !ON_PURPOSE.includes(what);
    });
    expect(unexpected).toEqual([]);
    expect(ON_PURPOSE.filter((what) => !differences.some((one) => one.what === what))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 240_000);

describe('errors have their places, by which a node names them', { timeout: 240_000 }, () => {
  /** "Pallet.Error" with its place, of a profile. */
  async function errorsHere(profile: Profile): Promise<Map<string, string>> {
    const metadata = await localMetadata(profile);
    const errors = [...describeMetadata(metadata(15)!)].filter(([what]) => what.startsWith('error '));
    return new Map(errors.map(([what, line]) => [what.slice('error '.length), String(Number.parseInt(line, 10))]));
  }
  /** The same in a wheel of `bittensor` 11, which is generated from metadata. */
  const READ = `
import json, re, sys, zipfile
text = zipfile.ZipFile(sys.argv[1]).read("bittensor/_generated/errors.py").decode()
print(json.dumps(re.findall(r"\\(\\d+, (\\d+)\\): ErrorInfo\\('(\\w+)', '(\\w+)'", text)))`;

  test.each<[Profile, spec: number, release: string]>([
    ['current', 432, '11.0.0'],
    ['latest', 475, '11.3.0'],
  ])('in %s those of spec %i', async (profile, _spec, release) => {
    const folder = await mkdtemp(join(tmpdir(), 'flock-off-errors-'));
    try {
      const download = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '--dest', folder];
      const { code, output } = await python.run([...download, `bittensor==${release}`], { timeoutMs: 120_000 });
      if (code !== 0) return console.log(`skipped: no wheel could be downloaded: ${output.trim().split('\n').at(-1)}`);
      const [wheel] = await readdir(folder);
      const listed = await python.json<[string, string, string][]>(['-c', READ, join(folder, wheel!)]);
      const there = new Map(listed.map(([place, pallet, name]) => [`${pallet}.${name}`, place]));
      const here = await errorsHere(profile);
      expect([...here].filter(([name, place]) => there.get(name) !== place)).toEqual([]);
      const ofSubtensor = (names: Map<string, string>) => [...names.keys()].filter((name) => name.startsWith('Subt'));
      expect(ofSubtensor(here)).toEqual(ofSubtensor(there));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  slow('in legacy those of spec 219', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flock-off-errors-'));
    try {
      execFileSync('npm', ['pack', '--silent', '@bitgo/sdk-coin-tao@1.16.4'], { cwd: folder, stdio: 'pipe' });
      const [archive] = await readdir(folder);
      execFileSync('tar', ['xzf', archive!], { cwd: folder });
      const file = join(folder, 'package', 'dist', 'src', 'resources', 'mainnet.js');
      const differences = await compareWithLocal(findMetadata(file), 'legacy');
      expect(differences.filter(({ what }) => what.startsWith('error '))).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
