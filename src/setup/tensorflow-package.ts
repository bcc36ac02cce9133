import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** An installed tfjs-node or tfjs-node-gpu. Both are the same source; either runs on either kind of libtensorflow. */
export interface TensorFlowPackage {
  name: string;
  version: string;
  /** The package's own folder. */
  folder: string;
  /** Where the compiled Node-API addon belongs. */
  addon: string;
  /** Where the addon looks for libtensorflow. */
  libraries: string;
}

/** In the order in which the trainer tries them. */
const NATIVE_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/** The native TensorFlow.js package that the trainer will load, or `null` when none is installed. */
export function findTensorFlowPackage(from: string | URL = import.meta.url): TensorFlowPackage | null {
  for (const name of NATIVE_PACKAGES) {
    const folder = packageFolder(name, from);
    if (folder) {
      return {
        name,
        version: packageVersion(folder),
        folder,
        addon: join(folder, 'lib', 'napi-v8', 'tfjs_binding.node'),
        libraries: join(folder, 'deps', 'lib'),
      };
    }
  }
  return null;
}

/** Folder of an installed package, or `null`. Works for packages whose `exports` hide their package.json, too. */
export function packageFolder(name: string, from: string | URL = import.meta.url): string | null {
  for (const nodeModules of createRequire(from).resolve.paths(name) ?? []) {
    const folder = join(nodeModules, ...name.split('/'));
    if (existsSync(join(folder, 'package.json'))) return folder;
  }
  return null;
}

function packageVersion(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Version of an installed package, or `null`. */
export function installedVersion(name: string): string | null {
  const folder = packageFolder(name);
  return folder && packageVersion(folder);
}

/** The `node_modules/.bin` folders that a package's own scripts would find, nearest first. */
export function binFolders(folder: string): string[] {
  const folders: string[] = [];
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    const bin = join(at, 'node_modules', '.bin');
    if (existsSync(bin)) folders.push(bin);
  }
  return folders;
}
