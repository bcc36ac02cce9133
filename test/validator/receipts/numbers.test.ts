import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditReceipts } from 'flock-off';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeReceipts } from './made-receipts.ts';

// Of a subnet of 256 miners; docs/receipts.md has the numbers.

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-numbers-'));
  await makeReceipts({ folder, epochs: 100, miners: 256 });
}, 240_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test('100 reports of 256 miners are audited in a few seconds', async () => {
  const before = process.cpuUsage();
  const { good, reports } = await auditReceipts({ paths: [folder] });
  const { user, system } = process.cpuUsage(before);
  const tookMs = (user + system) / 1_000;
  const { size } = await stat(join(folder, 'reports', 'epoch-36000.json'));
  console.log(`100 reports of ${Math.round(size / 1024)} KiB: ${Math.round(tookMs)} ms of a processor`);
  expect(reports.flatMap(({ findings }) => findings)).toEqual([]);
  expect(good).toBe(true);
  expect(reports).toHaveLength(100);
  // A third of that on a machine with nothing else to do.
  expect(tookMs).toBeLessThan(15_000);
}, 120_000);
