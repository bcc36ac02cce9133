import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface LockEntry {
  version?: string;
  resolved?: string;
  optionalDependencies?: Record<string, string>;
}

const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, LockEntry>;
};

// npm leaves out what its registry does not have, and `npm ci` then refuses the lock file, on every platform.
test('the lock file has the packages of every platform', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !isLocked(name, path)),
  );
  expect(missing).toEqual([]);
});

test('the lock file names no registry host', () => {
  expect(Object.entries(packages).filter(([, { resolved }]) => resolved)).toEqual([]);
});

/** True when a package at `path` finds `name` in its own node_modules or in one above. */
function isLocked(name: string, path: string): boolean {
  if (packages[`${path ? `${path}/` : ''}node_modules/${name}`]?.version) return true;
  return path !== '' && isLocked(name, path.slice(0, Math.max(0, path.lastIndexOf('/node_modules/'))));
}
