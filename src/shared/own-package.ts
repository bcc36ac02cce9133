import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folders from the source or the built chunk up to that of the package. */
const MOST_LEVELS = 5;

const here = dirname(fileURLToPath(import.meta.url));
const found = find();

/** The folder of this package; where a bundler has left its package.json behind, the folder of the bundle. */
export const PACKAGE_FOLDER = found?.folder ?? here;

/** The version of this package, `unknown` where a bundler has left its package.json behind. */
export const PACKAGE_VERSION = found?.version ?? 'unknown';

function find(): { folder: string; version: string } | null {
  for (let folder = here, level = 0; level < MOST_LEVELS; level++, folder = dirname(folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      if (name === 'flock-off') return { folder, version: String(version) };
    } catch {
      // None here: one further up.
    }
  }
  return null;
}
