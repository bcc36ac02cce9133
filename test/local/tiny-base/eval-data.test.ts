import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadEvaluationSet } from '../../../src/dataset/load-rows.ts';
import { rowHash } from '../../../src/dataset/row-hash.ts';
import { evaluationRows } from '../../../src/local/tiny-base/world.ts';

const path = fileURLToPath(new URL('../../../eval_data/data.jsonl', import.meta.url));
const readme = readFileSync(new URL('../../../eval_data/README.md', import.meta.url), 'utf8');

test('the evaluation set is the file its README names by digest', () => {
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  expect(readme).toContain(`\`${sha256}\``);
});

test('the evaluation set has 60 valid rows, all different', async () => {
  const { rows } = await loadEvaluationSet({ path });
  expect(rows).toHaveLength(60);
  expect(new Set(rows.map(rowHash)).size).toBe(60);
});

test('the script makes the same evaluation set again', () => {
  const made = evaluationRows().map((row) => `${JSON.stringify(row)}\n`);
  expect(made.join('')).toBe(readFileSync(path, 'utf8'));
});
