import { createHash } from 'node:crypto';
import { access, copyFile, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { COMPILING, childEnvironment } from '../shared/child-environment.ts';
import { makeFolder } from '../shared/make-folder.ts';
import { reasonOf, runCommand } from './run-command.ts';
import { packageFolder, type TensorFlowPackage } from './tensorflow-package.ts';
import type { UnpackedWheel } from './wheel.ts';

export interface BuildAddonParameters {
  tensorflow: TensorFlowPackage;
  wheel: UnpackedWheel;
  /** Compiles even when the cache has the result. */
  force: boolean;
  /** `CXX` names a compiler to try first. */
  env: NodeJS.ProcessEnv;
  log: (line: string) => void;
}

/**
 * Compiles the Node-API addon of tfjs-node against a libtensorflow, or finds it in the cache. Needs a C++17 compiler
 * and nothing else: Node-API is stable across Node versions, and its headers come from npm.
 * @returns the addon's path in the cache.
 * @throws FlockOffError `backend-unavailable` without a compiler, or when it fails.
 */
export async function buildAddon({ tensorflow, wheel, force, env, log }: BuildAddonParameters): Promise<string> {
  const sources = await addonSources(tensorflow);
  const cached = join(wheel.folder, `tfjs_binding-${sources.hash}.node`);
  if (!force && (await exists(cached))) return cached;
  const headers = packageFolder('node-api-headers');
  if (!headers) {
    throw new FlockOffError({
      code: 'backend-unavailable',
      what: 'the npm package node-api-headers is missing',
      fix: 'run "npm install" again',
    });
  }
  log('Compiling the TensorFlow.js addon');
  const incomplete = `${cached}.incomplete-${process.pid}`;
  const args = [
    ...['-shared', '-fPIC', '-O2', '-std=c++17', '-DNAPI_VERSION=8', '-Wno-deprecated-declarations'],
    // Node provides the Node-API functions when it loads the addon.
    ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
    `-I${join(wheel.folder, 'tensorflow', 'include')}`,
    `-I${join(headers, 'include')}`,
    ...sources.files,
    ...wheel.libraries.map((library) => join(wheel.folder, library)),
    `-Wl,-rpath,${process.platform === 'darwin' ? '@loader_path' : '$ORIGIN'}/../../deps/lib`,
    ...['-o', incomplete],
  ];
  await compile(args, env);
  await rename(incomplete, cached);
  return cached;
}

/** Puts an addon and its libtensorflow into the npm package: a copy of the one, a link to the other. */
export async function placeAddon(
  addon: string,
  { tensorflow, wheel }: { tensorflow: TensorFlowPackage; wheel: UnpackedWheel },
): Promise<void> {
  await removeAddon(tensorflow);
  await makeFolder(dirname(tensorflow.libraries));
  await symlink(join(wheel.folder, 'tensorflow'), tensorflow.libraries, 'dir');
  await makeFolder(dirname(tensorflow.addon));
  const incomplete = `${tensorflow.addon}.incomplete-${process.pid}`;
  await copyFile(addon, incomplete);
  await rename(incomplete, tensorflow.addon);
}

/** Takes the addon and its libtensorflow out of the npm package, so that nothing loads them by accident. */
export async function removeAddon({ folder, addon }: TensorFlowPackage): Promise<void> {
  await rm(addon, { force: true });
  await rm(join(folder, 'deps'), { recursive: true, force: true });
}

async function compile(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const compilers = [env.CXX, 'g++', 'c++', 'clang++'].filter((name) => name !== undefined && name !== '');
  for (const command of compilers as string[]) {
    const result = await runCommand({
      command,
      args,
      env: childEnvironment({ env, groups: [COMPILING] }),
      timeoutMs: 600_000,
    });
    if (result.code === 0) return;
    if (result.stoppedBy === 'ENOENT') continue;
    throw new FlockOffError({
      code: 'backend-unavailable',
      what: `${command} could not compile the TensorFlow.js addon (${reasonOf(result)})`,
      fix: 'install a compiler for C++17, for example "apt-get install g++"',
    });
  }
  throw new FlockOffError({
    code: 'backend-unavailable',
    what: `no C++ compiler was found (tried ${compilers.join(', ')})`,
    fix: 'install one, for example "apt-get install g++"',
  });
}

async function addonSources({ folder }: TensorFlowPackage): Promise<{ files: string[]; hash: string }> {
  const binding = join(folder, 'binding');
  const names = (await readdir(binding)).sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(await readFile(join(binding, name)));
  return {
    files: names.filter((name) => name.endsWith('.cc')).map((name) => join(binding, name)),
    hash: hash.digest('hex').slice(0, 12),
  };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
