import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCommand } from '../../src/setup/run-command.ts';

const BOOTSTRAP = fileURLToPath(new URL('../../src/setup/bootstrap.mjs', import.meta.url));

const bootstrap = (script: string, { nodeArgs = [] as string[], env = {} as NodeJS.ProcessEnv } = {}) =>
  runCommand({
    command: process.execPath,
    args: [...nodeArgs, script],
    env: { ...process.env, ...env },
    timeoutMs: 60_000,
  });

describe('a clone without its packages', () => {
  let root: string;
  let script: string;
  const lock = (packages: Record<string, object>) =>
    writeFile(
      join(root, 'package-lock.json'),
      JSON.stringify({ name: 'clone', version: '1.0.0', lockfileVersion: 3, packages }),
    );

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'flock-off-clone-'));
    script = join(root, 'src', 'setup', 'bootstrap.mjs');
    await mkdir(join(root, 'src', 'setup'), { recursive: true });
    await copyFile(BOOTSTRAP, script);
    await writeFile(join(root, 'package.json'), JSON.stringify({ name: 'clone', version: '1.0.0' }));
    await lock({ '': { name: 'clone', version: '1.0.0' } });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  test('an old Node is refused with the versions that work', async () => {
    const pretend =
      'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.18.3"}})';
    const { code, stdout, stderr } = await bootstrap(script, { nodeArgs: ['--import', pretend] });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'flock-off needs Node 20.19 or later, 22.12 or later, or 24 and up; this is 20.18.3. Install one from https://nodejs.org.\n',
    );
  });

  test('packages are installed again when an earlier installation was broken off', async () => {
    await mkdir(join(root, 'node_modules', 'half-unpacked'), { recursive: true });
    expect((await bootstrap(script)).stdout).toContain('Installing the npm packages');
    await mkdir(join(root, 'node_modules'), { recursive: true });
    await writeFile(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: {} }));
    expect((await bootstrap(script)).stdout).toBe('');
  });

  test('an unreachable registry ends set-up with one sentence', async () => {
    const name = 'a-package-that-is-not-cached';
    await writeFile(
      join(root, 'package.json'),
      JSON.stringify({ name: 'clone', version: '1.0.0', dependencies: { [name]: '1.0.0' } }),
    );
    await lock({
      '': { name: 'clone', version: '1.0.0', dependencies: { [name]: '1.0.0' } },
      [`node_modules/${name}`]: { version: '1.0.0' },
    });
    const env = { npm_config_registry: 'http://127.0.0.1:9/', npm_config_fetch_retries: '0' };
    const { code, stderr } = await bootstrap(script, { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^npm ci failed \(.*(ECONNREFUSED|127\.0\.0\.1:9).*\)\. Check the route to the npm registry.*\n$/,
    );
  });
});

// Outside `npm test` set-up may have to install packages below the feet of the running tests.
const underNpmTest = process.env.npm_lifecycle_event === 'test';
if (!underNpmTest) console.warn('The second run of set-up is tested by "npm test" only.');

test.skipIf(!underNpmTest)(
  'a second run says which TensorFlow is used, in one line and under two seconds',
  async () => {
    const startMs = performance.now();
    const { code, stdout } = await bootstrap(BOOTSTRAP);
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^TensorFlow(\.js)? \d+\.\d+\.\d+.*\n$/);
  },
);
