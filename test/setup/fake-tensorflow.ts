import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { PinnedWheels } from '../../src/setup/pinned-wheels.ts';
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

export function wheelForThisMachine({ gpu = false } = {}): Wheel | null {
  return wheelFor({ platform: process.platform, arch: process.arch, glibc: glibcVersion(), gpu });
}

/** A wheel as an index offers it. */
export interface FakeWheel {
  distribution: string;
  file: string;
  content: Buffer;
}

/** The hashes of wheels, as the repository has those of the real ones. */
export function pin(...wheels: FakeWheel[]): PinnedWheels {
  return Object.fromEntries(
    wheels.map(({ file, content }) => [file, createHash('sha256').update(content).digest('hex')]),
  );
}

export interface MakeWheelParameters {
  version: string;
  /** Records other hashes than its files have. */
  damaged?: boolean;
  /** The build for GPUs, which asks for these in its extra `and-cuda`. */
  cuda?: string[];
}

/** A wheel with the layout of TensorFlow's, whose library knows a version, and whether it finds cuSOLVER by itself. */
export async function makeWheel(
  folder: string,
  { version, damaged = false, cuda }: MakeWheelParameters,
): Promise<FakeWheel> {
  const wheel = wheelForThisMachine({ gpu: cuda !== undefined })!;
  const [library, framework] = wheel.libraries.map((path) => join(folder, path.split('/').at(-1)!)) as [string, string];
  const source = join(folder, 'fake.cc');
  await writeFile(
    source,
    `#include <dlfcn.h>
    extern "C" const char* TF_Version() { return "${version}"; }
    extern "C" bool TF_HasCuda() { return dlopen("libcusolver.so.11", RTLD_LAZY) != nullptr; }`,
  );
  const name = (path: string) =>
    (process.platform === 'darwin' ? '-install_name,@rpath/' : '-soname,') + path.split('/').at(-1);
  for (const path of [library, framework]) {
    const runpath = cuda ? ['-Wl,-rpath,$ORIGIN/../nvidia/cuda_runtime/lib'] : [];
    execFileSync('g++', ['-shared', '-fPIC', `-Wl,${name(path)}`, ...runpath, source, '-o', path, '-ldl']);
  }
  const files: Record<string, string | Buffer> = {
    [wheel.libraries[0]]: await readFile(library),
    [wheel.libraries[1]]: await readFile(framework),
    'tensorflow/include/tensorflow/c/c_api.h': 'extern "C" const char* TF_Version(); extern "C" bool TF_HasCuda();',
    'tensorflow/include/unrelated/huge.h': 'not needed',
  };
  const metadata = (cuda ?? []).map((requirement) => `Requires-Dist: ${requirement}; extra == "and-cuda"\n`).join('');
  return packWheel(wheel, files, { metadata, damaged, tag: `cp311-cp311-${wheel.platform}` });
}

/** A wheel of NVIDIA's. */
export function makeCudaWheel(
  distribution: string,
  version: string,
  files: Record<string, string | Buffer>,
  { damaged = false } = {},
): FakeWheel {
  return packWheel({ distribution, version }, files, { damaged, tag: 'py3-none-manylinux2014_x86_64' });
}

/** A shared library with nothing in it. */
export async function makeLibrary(folder: string, name: string): Promise<Buffer> {
  const [source, library] = [join(folder, 'empty.cc'), join(folder, name)];
  await writeFile(source, '');
  execFileSync('g++', ['-shared', '-fPIC', `-Wl,-soname,${name}`, source, '-o', library]);
  return readFile(library);
}

function packWheel(
  { distribution, version }: Pick<Wheel, 'distribution' | 'version'>,
  files: Record<string, string | Buffer>,
  { metadata = '', damaged, tag }: { metadata?: string; damaged: boolean; tag: string },
): FakeWheel {
  const stem = `${distribution.replaceAll('-', '_')}-${version}`;
  const all: Record<string, string | Buffer> = {
    ...files,
    [`${stem}.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: ${distribution}\nVersion: ${version}\n${metadata}`,
    [`${stem}.dist-info/WHEEL`]: `Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: ${tag}\n`,
  };
  const record = Object.entries(all).map(([path, content]) => {
    const hash = createHash('sha256')
      .update(damaged ? 'something else' : content)
      .digest('base64url');
    return `${path},sha256=${hash},${content.length}\n`;
  });
  const content = zip({ ...all, [`${stem}.dist-info/RECORD`]: record.join('') });
  return { distribution, file: `${stem}-${tag}.whl`, content };
}

const ADDON = `
  #include <node_api.h>
  #include "tensorflow/c/c_api.h"
  static napi_value Init(napi_env env, napi_value exports) {
    napi_value version;
    napi_create_string_utf8(env, TF_Version(), NAPI_AUTO_LENGTH, &version);
    napi_set_named_property(env, exports, "TF_Version", version);
    napi_value cuda;
    napi_get_boolean(env, TF_HasCuda(), &cuda);
    napi_set_named_property(env, exports, "cuda", cuda);
    return exports;
  }
  NAPI_MODULE(fake, Init)`;

const INDEX = `
  const binding = require('./lib/napi-v8/tfjs_binding.node');
  if (binding.TF_Version === 'crash') process.abort();
  exports.backend = () => ({ binding, isUsingGpuDevice: binding.cuda });
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

/** A Python package index on loopback. */
export async function startIndex(...wheels: FakeWheel[]) {
  const index = { url: '', downloads: 0, close: () => new Promise((resolve) => server.close(resolve)) };
  const server = createServer((request, response) => {
    const offered = wheels.filter(({ distribution }) => request.url === `/simple/${distribution}/`);
    const wanted = wheels.find(({ file }) => request.url === `/files/${file}`);
    if (offered.length > 0) {
      const links = offered.map(({ file }) => `<a href="/files/${file}">${file}</a>`);
      response.setHeader('content-type', 'text/html').end(links.join('\n'));
    } else if (wanted) {
      index.downloads += 1;
      response.end(wanted.content);
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
