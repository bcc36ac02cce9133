import { expect, test } from 'vitest';
import * as root from '../../src/index.ts';
import * as local from '../../src/local/index.ts';
import { APART, PURPOSES } from './doors.ts';

const open = (names: string[]) =>
  Promise.all(names.map(async (door) => [`flock-off-${door}`, await import(`../../src/doors/${door}.ts`)]));
const doors = await open(PURPOSES);
const apart = await open(APART);

// A changed list is a decision about the public API: `npm test -- test/package/exports -u` records it.
test.each([['flock-off', root], ['flock-off-local', local], ...doors, ...apart])(
  'the names that %s exports are these',
  async (name, module) => {
    await expect(`${Object.keys(module).sort().join('\n')}\n`).toMatchFileSnapshot(`exports/${name}.txt`);
  },
);

test('package.json has a subpath for each, and only these', async () => {
  const { default: manifest } = await import('../../package.json', { with: { type: 'json' } });
  const paths = ['.', ...[...PURPOSES, ...APART].map((door) => `./${door}`), './local', './package.json'];
  expect(Object.keys(manifest.exports).sort()).toEqual(paths.sort());
});

test('the root has what every door for a purpose has, the very same', () => {
  const others = doors.flatMap(([name, door]) =>
    Object.entries(door as object).flatMap(([key, value]) =>
      (root as Record<string, unknown>)[key] === value ? [] : [`${name}: ${key}`],
    ),
  );
  expect(others).toEqual([]);
});
