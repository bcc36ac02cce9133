/**
 * `npm run gpu:pack -- FOLDER`: puts all that `npm run gpu` needs into one folder, for a machine with a card and without a
 * network: this repository with its packages, Node, and the TensorFlow for GPUs that `flock-off tensorflow --gpu` has
 * linked. There: `FOLDER/run.sh`.
 */
import { chmod, copyFile, cp, realpath, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTensorFlowPackage } from '../../src/setup/tensorflow-package.ts';
import { makeFolder } from '../../src/shared/make-folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = process.argv[2];
const tensorflow = findTensorFlowPackage();
if (!folder) throw new Error('name the folder: npm run gpu:pack -- FOLDER');
if (!tensorflow) throw new Error('link TensorFlow first: npm run cli -- tensorflow --gpu');
const wheel = dirname(await realpath(tensorflow.libraries));
if (wheel.includes('tensorflow-cpu'))
  throw new Error('the TensorFlow linked here is the one without CUDA: npm run cli -- tensorflow --gpu --force');

await makeFolder(folder);
for (const name of ['src', 'test', 'package.json', 'tsconfig.json'])
  await cp(join(root, name), join(folder, name), { recursive: true });
const libraries = join(folder, relative(root, tensorflow.libraries));
const isLibrary = (path: string) => path !== tensorflow.libraries;
await cp(join(root, 'node_modules'), join(folder, 'node_modules'), {
  recursive: true,
  verbatimSymlinks: true,
  filter: isLibrary,
});
// Links among NVIDIA's libraries are relative, and stay so.
await cp(wheel, join(folder, 'libtensorflow'), { recursive: true, verbatimSymlinks: true });
await copyFile(process.execPath, join(folder, 'node'));
const run = `#!/bin/sh
# Runs the kit of test/gpu on this machine's card: ./run.sh [--python PYTHON]
set -e
cd "$(dirname "$0")"
ln -sfn "$PWD/libtensorflow/tensorflow" ${relative(folder, libraries)}
PATH="$PWD:$PATH" exec ./node node_modules/.bin/tsx test/gpu/kit.ts "$@"
`;
await writeFile(join(folder, 'run.sh'), run);
await chmod(join(folder, 'run.sh'), 0o755);
console.log(`packed into ${folder}: take it along, and start run.sh there`);
