import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runCommand } from '../../src/setup/run-command.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-release-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const REPOSITORY = { type: 'git', url: 'git+https://github.com/Somebody/flock-off.git' };

/** What the check says of a package with this manifest, tag, and version in the changelog. */
async function check({
  manifest,
  tag = 'v1.2.3',
  changelog = '1.2.3',
  where = 'somebody/flock-off',
}: {
  manifest: object;
  tag?: string;
  changelog?: string;
  where?: string;
}): Promise<{ code: number | null; said: string }> {
  await writeFile(join(folder, 'package.json'), JSON.stringify({ version: '1.2.3', ...manifest }));
  await writeFile(join(folder, 'CHANGELOG.md'), `# Changelog\n\n## ${changelog}\n`);
  const { code, stdout, stderr } = await runCommand({
    command: process.execPath,
    args: [join(ROOT, '.ci/check-release.mjs')],
    cwd: folder,
    env: { ...process.env, RELEASE_TAG: tag, GITHUB_REPOSITORY: where },
    timeoutMs: 20_000,
  });
  return { code, said: stdout + stderr };
}

test('a package that names its repository, with tag and changelog of its version, is released', async () => {
  expect(await check({ manifest: { repository: REPOSITORY } })).toEqual({ code: 0, said: '' });
  expect(await check({ manifest: { repository: 'github:somebody/flock-off' } })).toEqual({ code: 0, said: '' });
});

test.each([
  ['no repository', { manifest: {} }, 'package.json has no "repository"'],
  ['an empty one', { manifest: { repository: { type: 'git' } } }, 'package.json has no "repository"'],
  ['another one', { manifest: { repository: REPOSITORY }, where: 'else/fork' }, 'runs in else/fork'],
  ['another tag', { manifest: { repository: REPOSITORY }, tag: 'v1.2.4' }, 'expected the tag v1.2.3'],
  ['no changes', { manifest: { repository: REPOSITORY }, changelog: 'Unreleased' }, 'no section "## 1.2.3"'],
])('%s: no release, and one sentence says why', async (_, parameters, said) => {
  const result = await check(parameters);
  expect(result.code).toBe(1);
  expect(result.said).toContain(`No release: `);
  expect(result.said).toContain(said);
  expect(result.said.trim().split('\n')).toHaveLength(1);
});

test('the workflow checks, tests on every Node line of `engines`, and publishes with provenance, in this order', async () => {
  const { jobs, permissions } = parse(await readFile(join(ROOT, '.github/workflows/release.yml'), 'utf8'));
  const runs = (job: { steps: { run?: string }[] }) => job.steps.flatMap(({ run }) => run ?? []);
  expect(runs(jobs.check)).toEqual(['node .ci/check-release.mjs']);
  expect(jobs.test.needs).toBe('check');
  expect(runs(jobs.test)).toEqual(['.ci/run']);
  const { engines } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const lines = [...engines.node.matchAll(/[\^=](\d+)/g)].map((match) => Number(match[1]));
  expect(jobs.test.strategy.matrix.node).toEqual(lines);
  expect(jobs.publish.needs).toBe('test');
  expect(runs(jobs.publish).at(-1)).toBe('npm publish --provenance --access public');
  // Only the job that signs may ask for a signature.
  expect(permissions).toEqual({ contents: 'read' });
  expect(jobs.publish.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
});
