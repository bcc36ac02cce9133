import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../../src/errors/flock-off-error.ts';
import { PINNED_WHEELS } from '../../../src/setup/pinned-wheels.ts';
import { downloadWheels, findPip } from '../../../src/setup/pip.ts';
import { reasonOf, runCommand } from '../../../src/setup/run-command.ts';
import { findTensorFlowPackage } from '../../../src/setup/tensorflow-package.ts';
import { unpackWheel } from '../../../src/setup/unpack-wheel.ts';
import { glibcVersion, type Wheel, wheelFor } from '../../../src/setup/wheel.ts';

/** The stand-in's library, for LD_PRELOAD; or why there is none here. */
export type BuiltStandIn = { library: string; reason: null } | { library: null; reason: string };

/** What TensorFlow's own headers include, which set-up leaves packed: 44 MB. */
const HEADERS =
  /^tensorflow\/include\/(Eigen|unsupported|absl|google\/protobuf|tsl|xla\/tsl|ml_dtypes|tensorflow\/core\/(framework|platform|lib|protobuf|util|graph|common_runtime|public))\/.*[^/]$/;
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/**
 * Compiles the stand-in against the TensorFlow that set-up has linked, once: it is kept beside that, under a hash of its
 * source. Its headers come out of the wheel, which is downloaded for them.
 */
export async function buildStandIn(): Promise<BuiltStandIn> {
  try {
    return { library: await build(), reason: null };
  } catch (error) {
    return { library: null, reason: messageOf(error) };
  }
}

async function build(): Promise<string> {
  const wheel = wheelFor({ platform: process.platform, arch: process.arch, glibc: glibcVersion(), gpu: false });
  const tensorflow = findTensorFlowPackage();
  if (process.platform !== 'linux' || !wheel || !tensorflow) throw new Error('it is made for Linux with a wheel');
  const folder = dirname(await realpath(tensorflow.libraries));
  if (basename(folder) !== `${wheel.distribution}-${wheel.version}-${wheel.platform}`)
    throw new Error(`the TensorFlow that is linked is not ${wheel.distribution} ${wheel.version}`);
  const [source, kernels] = await Promise.all([readFile(here('stand-in.cc')), readFile(here('kernels.txt'), 'utf8')]);
  const hash = createHash('sha256').update(source).update(kernels).digest('hex').slice(0, 12);
  const library = join(folder, `stand-in-${hash}.so`);
  if (existsSync(library)) return library;
  const work = await mkdtemp(join(dirname(folder), '.stand-in-'));
  try {
    await unpackHeaders(wheel, work);
    await writeFile(join(work, 'kernels.h'), `R"KERNELS(${kernels})KERNELS"`);
    await compile(work, folder);
    await rename(join(work, 'stand-in.so'), library);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return library;
}

async function unpackHeaders(wheel: Wheel, folder: string): Promise<void> {
  const { env } = process;
  const requirements = [`${wheel.distribution}==${wheel.version}`];
  const pip = await findPip(env);
  const platforms = [wheel.platform];
  const [file] = await downloadWheels({ pip, requirements, platforms, folder, pinned: PINNED_WHEELS, env });
  await unpackWheel({ path: join(folder, file!), folder, wanted: (name) => HEADERS.test(name), title: file! });
}

async function compile(work: string, folder: string): Promise<void> {
  const startMs = performance.now();
  const args = [
    ...['-shared', '-fPIC', '-std=c++17', '-O1', '-w', '-DNDEBUG', '-DEIGEN_MAX_ALIGN_BYTES=64'],
    ...[`-I${work}`, `-I${join(work, 'tensorflow', 'include')}`, here('stand-in.cc')],
    // Needed although it names nothing of it before it runs.
    ...['-Wl,--no-as-needed', join(folder, 'tensorflow', 'libtensorflow_framework.so.2')],
    ...['-Wl,-rpath,$ORIGIN/tensorflow', '-o', join(work, 'stand-in.so')],
  ];
  const result = await runCommand({ command: process.env.CXX || 'g++', args, env: process.env, timeoutMs: 300_000 });
  if (result.code !== 0) throw new Error(`it could not be compiled (${reasonOf(result)})`);
  console.log(`The stand-in for a GPU was compiled in ${((performance.now() - startMs) / 1000).toFixed(0)} s.`);
}
