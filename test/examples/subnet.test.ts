import { expect, test } from 'vitest';
import { runExample } from './run-example.ts';

/** Cells of the report's rows, by dataset. */
function tableOf(stdout: string): Map<string, string[]> {
  const rows = stdout.split('\n').filter((line) => /^│ \d/.test(line));
  return new Map(
    rows
      .map((row) => row.split('│').map((cell) => cell.trim()))
      .map(([, uid, dataset, ...rest]) => [dataset!, [uid!, ...rest]]),
  );
}

test('a whole subnet: the good dataset wins, noise comes last, copy, malformed and missing have weight 0', async () => {
  const { code, stdout, stderr } = await runExample('subnet.ts', []);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const table = tableOf(stdout);
  expect([...table.keys()]).toEqual(
    ['good', 'mediocre', 'noise', 'copy', 'malformed', 'missing'].map((name) => `local/${name}`),
  );
  const cell = (name: string, column: number) => table.get(`local/${name}`)![column]!;
  const loss = (name: string) => Number(cell(name, 2));
  expect(loss('good')).toBeLessThan(0.93 * loss('mediocre'));
  expect(loss('mediocre')).toBeLessThan(0.93 * loss('noise'));
  expect(['good', 'mediocre', 'noise'].map((name) => cell(name, 3))).toEqual(['1.00', '0.50', '0.00']);
  expect(Number(cell('good', 4))).toBeGreaterThan(0.9);
  expect(cell('copy', 2)).toBe('duplicate');
  expect(cell('malformed', 2)).toBe('invalid-rows');
  expect(cell('missing', 2)).toBe('dataset-missing');
  for (const name of ['copy', 'malformed', 'missing']) expect(cell(name, 4)).toBe('0.0000');
  expect(cell('copy', 5)).toContain('shown earlier by uid 1');

  const onChain = /read back from the chain: (.*)/.exec(stdout)![1]!;
  expect(onChain).toMatch(/^uid 1 0\.99/);
  expect(onChain).not.toMatch(/uid [456]/);
}, 170_000);

test('examples/validator.ts --local runs alone on a subnet of its own', async () => {
  const { code, stdout } = await runExample('validator.ts', ['--local', '--epochs', '1']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^training on \S+ 4\./m);
  expect(tableOf(stdout).get('local/good')![3]).toBe('1.00');
}, 170_000);
