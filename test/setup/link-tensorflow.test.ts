import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeTensorFlow, linkTensorFlow, wasmWarning } from '../../src/setup/link-tensorflow.ts';
import type { PinnedWheels } from '../../src/setup/pinned-wheels.ts';
import { runCommand } from '../../src/setup/run-command.ts';
import type { TensorFlowPackage } from '../../src/setup/tensorflow-package.ts';
import { startForwardProxy } from '../shared/forward-proxy.ts';
import { isLinked, makePackage, makeWheel, missingTool, pin, pipEnvironment, startIndex } from './fake-tensorflow.ts';

const missing = missingTool();
if (missing) console.warn(`Linking is not tested here: ${missing}.`);

// The real pip, compiler and Node work on a wheel and a package of a few kilobytes that look like TensorFlow's.
describe.skipIf(missing)('linking TensorFlow', () => {
  let root: string;
  let index: Awaited<ReturnType<typeof startIndex>>;
  let tensorflow: TensorFlowPackage;
  let cacheFolder: string;
  let pinned: PinnedWheels;
  let count = 0;
  let lines: string[];
  const log = (line: string) => lines.push(line);
  const wheelsIn = async (folder: string) => readdir(join(folder, 'tensorflow')).catch(() => []);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'flock-off-link-'));
    const wheel = await makeWheel(root, { version: '2.21.0' });
    pinned = pin(wheel);
    index = await startIndex(wheel);
  });
  afterAll(async () => {
    await index.close();
    await rm(root, { recursive: true, force: true });
  });
  beforeEach(async () => {
    count += 1;
    lines = [];
    tensorflow = await makePackage(join(root, `package-${count}`));
    cacheFolder = join(root, `cache-${count}`);
  });

  test('an unlinked package gets the library of the wheel, then counts as linked, and a new copy links from the cache', async () => {
    const env = pipEnvironment(index.url);
    const first = await linkTensorFlow({ tensorflow, cacheFolder, pinned, env, log });
    expect(first).toMatchObject({ route: 'wheel', backend: 'native', version: '2.21.0', cuda: false, failures: [] });
    expect(describeTensorFlow(first)).toBe('TensorFlow 2.21.0, native, on the CPU (fake-tfjs-node 4.22.0)');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['Downloading', 'Unpacking', 'Compiling']);
    const [entry, ...others] = await wheelsIn(cacheFolder);
    expect(others).toEqual([]);
    expect(existsSync(join(cacheFolder, 'tensorflow', entry!, 'tensorflow/include/unrelated'))).toBe(false);

    const offline = pipEnvironment('http://127.0.0.1:9/simple');
    expect(await linkTensorFlow({ tensorflow, cacheFolder, pinned, env: offline, log })).toMatchObject({
      route: 'linked',
    });
    const copy = await makePackage(join(root, 'copy'));
    expect(await linkTensorFlow({ tensorflow: copy, cacheFolder, pinned, env: offline, log })).toMatchObject({
      route: 'wheel',
    });
    expect(lines).toHaveLength(3);
    expect(index.downloads).toBe(1);
  });

  test('pip goes through the proxy of the environment', async () => {
    const proxy = await startForwardProxy();
    proxy.credentials = 'ann:p@ss';
    const env = { ...pipEnvironment(index.url), HTTP_PROXY: proxy.url.replace('//', '//ann:p%40ss@') };
    expect(await linkTensorFlow({ tensorflow, cacheFolder, pinned, env })).toMatchObject({ route: 'wheel' });
    await proxy.close();
    expect(proxy.seen.filter((line) => line.startsWith(`GET ${new URL(index.url).origin}/`)).length).toBeGreaterThan(1);
  });

  test('force downloads again; without a route it leaves what is linked and says why', async () => {
    const env = pipEnvironment(index.url);
    await linkTensorFlow({ tensorflow, cacheFolder, pinned, env });
    const before = index.downloads;
    expect(await linkTensorFlow({ tensorflow, cacheFolder, pinned, env, force: true })).toMatchObject({
      route: 'wheel',
    });
    expect(index.downloads).toBe(before + 1);
    const offline = { ...pipEnvironment('http://127.0.0.1:9/simple'), TFJS_NODE_CDN_STORAGE: 'http://127.0.0.1:9/' };
    const routes = ['linked', 'wheel', 'prebuilt', 'wasm'] as const;
    const kept = await linkTensorFlow({ tensorflow, cacheFolder, pinned, env: offline, routes, force: true });
    expect(kept).toMatchObject({ route: 'linked', backend: 'native' });
    expect(kept.failures.join(' ')).toMatch(/pip could not download.*127\.0\.0\.1:9, cannot be used/);
  });

  test('what a killed run left in the cache is cleared away', async () => {
    const leftover = join(cacheFolder, 'tensorflow', '.incomplete-99999999');
    await mkdir(leftover, { recursive: true });
    await linkTensorFlow({ tensorflow, cacheFolder, pinned, env: pipEnvironment(index.url), routes: ['wheel'] });
    expect(existsSync(leftover)).toBe(false);
  });

  test('a package that was unlinked half way is linked again', async () => {
    const env = pipEnvironment(index.url);
    await linkTensorFlow({ tensorflow, cacheFolder, pinned, env });
    await rm(tensorflow.libraries);
    expect(await linkTensorFlow({ tensorflow, cacheFolder, pinned, env })).toMatchObject({ route: 'wheel' });
    expect(isLinked(tensorflow)).toBe(true);
  });

  test('a damaged wheel is refused and leaves nothing behind', async () => {
    const wheel = await makeWheel(root, { version: '2.21.0', damaged: true });
    const damaged = await startIndex(wheel);
    const env = pipEnvironment(damaged.url);
    const options = { tensorflow, cacheFolder, pinned: pin(wheel), env, routes: ['wheel'] as const };
    await expect(linkTensorFlow(options)).rejects.toThrow('has not the SHA-256 that the wheel records');
    expect(await wheelsIn(cacheFolder)).toEqual([]);
    expect(isLinked(tensorflow)).toBe(false);
    await damaged.close();
  });

  test('a wheel that differs in one byte from the pinned one is refused before anything of it is used, and removed', async () => {
    const wheel = await makeWheel(root, { version: '2.21.0' });
    const content = Buffer.from(wheel.content);
    // In the archive's directory, of which pip looks at little.
    content[content.length - 30]! ^= 1;
    const tampered = await startIndex({ ...wheel, content });
    const env = pipEnvironment(tampered.url);
    const options = { tensorflow, cacheFolder, pinned, env, routes: ['wheel'] as const };
    const error = await linkTensorFlow(options).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'backend-unavailable' });
    expect(error.message).toContain(
      `wheel: the downloaded wheel ${wheel.file} is not the one that flock-off knows and was removed: expected the SHA-256 ${pinned[wheel.file]}, saw `,
    );
    expect(await wheelsIn(cacheFolder)).toEqual([]);
    expect(isLinked(tensorflow)).toBe(false);
    // So is a wheel of a name that has no pinned hash.
    await expect(linkTensorFlow({ ...options, pinned: {} })).rejects.toThrow('expected the SHA-256 none');
    await tampered.close();
  });

  test('an index without the wheel, a machine without pip or without compiler: a sentence each', async () => {
    const empty = await startIndex();
    const noWheel = { tensorflow, cacheFolder, pinned, env: pipEnvironment(empty.url), routes: ['wheel'] as const };
    await expect(linkTensorFlow(noWheel)).rejects.toThrow(
      /pip could not download tensorflow.*==2\.21\.0 \(.*No matching/,
    );
    await empty.close();
    const noPip = { ...noWheel, env: { PATH: '/nowhere' } };
    await expect(linkTensorFlow(noPip)).rejects.toThrow(
      'pip was not found (tried python3 -m pip, python -m pip, pip3, pip)',
    );

    const bin = join(root, 'bin');
    await mkdir(bin);
    await symlink(
      execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim(),
      join(bin, 'python3'),
    );
    const noCompiler = { ...noWheel, env: { ...pipEnvironment(index.url), PATH: bin } };
    await expect(linkTensorFlow(noCompiler)).rejects.toThrow(
      'no C++ compiler was found (tried g++, c++, clang++). Install one',
    );
    // The library is in the cache by then; with a compiler the work goes on from there.
    const repaired = { ...noWheel, env: pipEnvironment('http://127.0.0.1:9/simple') };
    expect(await linkTensorFlow(repaired)).toMatchObject({ route: 'wheel' });
  });

  test('a compiler that fails is named with its own words', async () => {
    await writeFile(join(tensorflow.folder, 'binding', 'tfjs_binding.cc'), '#include "missing.h"');
    const env = pipEnvironment(index.url);
    await expect(linkTensorFlow({ tensorflow, cacheFolder, pinned, env, routes: ['wheel'] })).rejects.toThrow(
      /g\+\+ could not compile.*missing\.h/,
    );
  });

  test('a library that crashes is unlinked, and WebAssembly takes its place', async () => {
    const wheel = await makeWheel(root, { version: 'crash' });
    const crashing = await startIndex(wheel);
    const env = { ...pipEnvironment(crashing.url), TFJS_NODE_CDN_STORAGE: 'http://127.0.0.1:9/' };
    const routes = ['linked', 'wheel', 'prebuilt', 'wasm'] as const;
    const linked = await linkTensorFlow({ tensorflow, cacheFolder, pinned: pin(wheel), env, routes });
    await crashing.close();
    expect(linked).toMatchObject({ route: 'wasm', backend: 'wasm', version: '4.22.0', package: null });
    expect(linked.failures[0]).toBe('wheel: fake-tfjs-node did not run (the process was ended by SIGABRT).');
    expect(isLinked(tensorflow)).toBe(false);
    const warning = wasmWarning(linked, 'npx flock-off tensorflow').split('\n');
    expect(warning[0]).toMatch(/^No native TensorFlow: training runs on WebAssembly/);
    expect(warning[1]).toBe('  wheel: fake-tfjs-node did not run (the process was ended by SIGABRT).');
    expect(warning[2]).toMatch(/^ {2}prebuilt: the download host of tfjs-node, 127\.0\.0\.1:9, cannot be used/);
    expect(warning[3]).toBe('When that is done, run "npx flock-off tensorflow".');
  });

  test('asking for WebAssembly alone unlinks the native library', async () => {
    await linkTensorFlow({ tensorflow, cacheFolder, pinned, env: pipEnvironment(index.url) });
    const linked = await linkTensorFlow({ tensorflow, cacheFolder, routes: ['wasm'] });
    expect(linked).toMatchObject({ backend: 'wasm', failures: [] });
    expect(isLinked(tensorflow)).toBe(false);
  });

  test('two runs at the same time both end with a linked package', async () => {
    const env = pipEnvironment(index.url);
    const other = await makePackage(join(root, 'beside'));
    const script = join(root, 'run.mts');
    const source = new URL('../../src/setup/link-tensorflow.ts', import.meta.url);
    await writeFile(
      script,
      `import { linkTensorFlow } from '${source}';\nconsole.log((await linkTensorFlow(JSON.parse(process.argv[2]))).route);`,
    );
    const results = await Promise.all(
      [tensorflow, other].map((one) =>
        runCommand({
          command: process.execPath,
          args: [
            '--import',
            import.meta.resolve('tsx'),
            script,
            JSON.stringify({ tensorflow: one, cacheFolder, pinned }),
          ],
          env,
          timeoutMs: 60_000,
        }),
      ),
    );
    expect(results.map(({ stdout, stderr }) => stdout.trim() || stderr)).toEqual(['wheel', 'wheel']);
    expect([tensorflow, other].map(isLinked)).toEqual([true, true]);
    expect(await wheelsIn(cacheFolder)).toHaveLength(1);
  });

  test('no tfjs-node at all: the sentence says what to install', async () => {
    await expect(linkTensorFlow({ tensorflow: null, cacheFolder, routes: ['wheel'] })).rejects.toThrow(
      'Neither @tensorflow/tfjs-node-gpu nor @tensorflow/tfjs-node is installed beside flock-off: run "npm install --ignore-scripts @tensorflow/tfjs-node-gpu"',
    );
  });
});

test('a download host that answers with an error is not used, and says so', async () => {
  const server = createServer((_, response) => response.writeHead(403).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-prebuilt-'));
  const tensorflow = await makePackage(folder);
  const env = { TFJS_NODE_CDN_STORAGE: `http://${host}/` };
  await expect(linkTensorFlow({ tensorflow, cacheFolder: folder, routes: ['prebuilt'], env })).rejects.toThrow(
    `the download host of tfjs-node, ${host}, cannot be used (it answered 403)`,
  );
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

test('the prebuilt route goes through the proxy that its host has, with what the install script needs and no secret', async () => {
  const proxy = await startForwardProxy();
  const server = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-prebuilt-proxy-'));
  const tensorflow = await makePackage(folder);
  await mkdir(join(folder, 'scripts'));
  const script = `require('node:fs').writeFileSync('seen.json', JSON.stringify(process.env)); process.exit(1);`;
  await writeFile(join(folder, 'scripts', 'install.js'), script);
  const { PATH } = process.env;
  const link = (more: NodeJS.ProcessEnv) => {
    const env = {
      PATH,
      HF_TOKEN: 'hf_secret',
      TFJS_NODE_CDN_STORAGE: `http://${host}/`,
      HTTP_PROXY: proxy.url,
      ...more,
    };
    return linkTensorFlow({ tensorflow, cacheFolder: folder, routes: ['prebuilt'], env }).catch(() => {});
  };
  const seen = async () => JSON.parse(await readFile(join(folder, 'seen.json'), 'utf8'));
  await link({});
  expect(proxy.seen).toEqual([
    `HEAD http://${host}/tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz`,
  ]);
  expect(await seen()).toMatchObject({ HTTPS_PROXY: `${proxy.url}/`, TFJS_NODE_CDN_STORAGE: `http://${host}/` });
  expect(Object.keys(await seen())).not.toContain('HF_TOKEN');
  await link({ NO_PROXY: '127.0.0.1' });
  expect(proxy.seen).toHaveLength(1);
  expect(Object.keys(await seen())).not.toContain('HTTPS_PROXY');
  await proxy.close();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});
