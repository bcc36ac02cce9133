import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TensorFlowPackage } from '../../src/setup/tensorflow-package.ts';
import { glibcVersion, type Wheel, wheelFor } from '../../src/setup/wheel.ts';
import { zip } from './zip-writer.ts';

/** What the tests of linking need and this machine lacks, or `null`. */
export function missingTool(): string | null {
  if (!wheelForThisMachine()) return 'TensorFlow publishes no wheel for this machine';
  for (const [command, ...args] of [
    ['python3', '-m', 'pip', '--version'],
    ['g++', '--version'],
  ] as const) {
    try {
      execFileSync(command, args, { stdio: 'ignore' });
    } catch {
      return `${command} ${args.join(' ')} does not run`;
    }
  }
  return null;
}

export function wheelForThisMachine(): Wheel | null {
  return wheelFor({ platform: process.platform, arch: process.arch, glibc: glibcVersion(), gpu: false });
}

/** A wheel with the layout of TensorFlow's, whose library knows nothing but a version. */
export async function makeWheel(
  folder: string,
  { version, damaged = false }: { version: string; damaged?: boolean },
): Promise<Buffer> {
  const wheel = wheelForThisMachine()!;
  const [library, framework] = wheel.libraries.map((path) => join(folder, path.split('/').at(-1)!)) as [string, string];
  const source = join(folder, 'fake.cc');
  await writeFile(source, `extern "C" const char* TF_Version() { return "${version}"; }`);
  const name = (path: string) =>
    (process.platform === 'darwin' ? '-install_name,@rpath/' : '-soname,') + path.split('/').at(-1);
  execFileSync('g++', ['-shared', '-fPIC', `-Wl,${name(library)}`, source, '-o', library]);
  execFileSync('g++', ['-shared', '-fPIC', `-Wl,${name(framework)}`, source, '-o', framework]);
  const files: Record<string, string | Buffer> = {
    [wheel.libraries[0]]: await readFile(library),
    [wheel.libraries[1]]: await readFile(framework),
    'tensorflow/include/tensorflow/c/c_api.h': 'extern "C" const char* TF_Version();',
    'tensorflow/include/unrelated/huge.h': 'not needed',
    [`${distInfo(wheel)}/METADATA`]: `Metadata-Version: 2.1\nName: ${wheel.distribution}\nVersion: ${wheel.version}\n`,
    [`${distInfo(wheel)}/WHEEL`]: `Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-${wheel.platform}\n`,
  };
  const record = Object.entries(files).map(([path, content]) => {
    const hash = createHash('sha256')
      .update(damaged ? 'something else' : content)
      .digest('base64url');
    return `${path},sha256=${hash},${content.length}\n`;
  });
  return zip({ ...files, [`${distInfo(wheel)}/RECORD`]: record.join('') });
}

const ADDON = `
  #include <node_api.h>
  #include "tensorflow/c/c_api.h"
  static napi_value Init(napi_env env, napi_value exports) {
    napi_value version;
    napi_create_string_utf8(env, TF_Version(), NAPI_AUTO_LENGTH, &version);
    napi_set_named_property(env, exports, "TF_Version", version);
    return exports;
  }
  NAPI_MODULE(fake, Init)`;

const INDEX = `
  const binding = require('./lib/napi-v8/tfjs_binding.node');
  if (binding.TF_Version === 'crash') process.abort();
  exports.backend = () => ({ binding, isUsingGpuDevice: false });
  exports.tensor2d = (rows) => rows;
  exports.matMul = (a, b) => ({ dataSync: () => a.flatMap((row) => b[0].map((_, j) => row[0] * b[0][j] + row[1] * b[1][j])) });`;

/** An npm package with the layout of tfjs-node, freshly installed without its install script. */
export async function makePackage(folder: string): Promise<TensorFlowPackage> {
  await mkdir(join(folder, 'binding'), { recursive: true });
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'fake-tfjs-node', version: '4.22.0', main: 'index.js' }),
  );
  await writeFile(join(folder, 'index.js'), INDEX);
  await writeFile(join(folder, 'binding', 'tfjs_binding.cc'), ADDON);
  return {
    name: 'fake-tfjs-node',
    version: '4.22.0',
    folder,
    addon: join(folder, 'lib', 'napi-v8', 'tfjs_binding.node'),
    libraries: join(folder, 'deps', 'lib'),
  };
}

/** A Python package index on loopback with one wheel, or none. */
export async function startIndex(wheelFile: Buffer | null) {
  const wheel = wheelForThisMachine()!;
  const name = `${wheel.distribution.replace('-', '_')}-${wheel.version}-cp311-cp311-${wheel.platform}.whl`;
  const index = { url: '', downloads: 0, close: () => new Promise((resolve) => server.close(resolve)) };
  const server = createServer((request, response) => {
    if (wheelFile && request.url === `/simple/${wheel.distribution}/`) {
      response.setHeader('content-type', 'text/html').end(`<a href="/files/${name}">${name}</a>`);
    } else if (wheelFile && request.url === `/files/${name}`) {
      index.downloads += 1;
      response.end(wheelFile);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  index.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
  return index;
}

/** An environment in which pip knows one index and nothing of this machine's settings. */
export function pipEnvironment(indexUrl: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^PIP_|_proxy$/i.test(name));
  return { ...Object.fromEntries(inherited), PIP_INDEX_URL: indexUrl, PIP_CONFIG_FILE: '/dev/null', PIP_RETRIES: '0' };
}

export function isLinked({ addon, libraries }: TensorFlowPackage): boolean {
  return existsSync(addon) && existsSync(libraries);
}

function distInfo({ distribution, version }: Wheel): string {
  return `${distribution.replace('-', '_')}-${version}.dist-info`;
}
