/** Entry of a checking process: one file at a time, asked by its parent. It ends with its parent. */

import { Worker } from 'node:worker_threads';
import { type DatasetRow, sizeOfRow } from '../../schema/dataset-row.ts';
import { accept, type Checked } from '../../schema/verdict.ts';
import { Slices } from '../../shared/slices.ts';
import { checkFile } from '../check-file.ts';
import { FingerprintBuilder } from '../fingerprint/fingerprint-rows.ts';
import { rowDigest } from '../row-digest.ts';
import { type Reply, type Request, toPlainError } from './checker-messages.ts';
import type { CheckedFile } from './dataset-checker.ts';

/** Settles once it is written: at most one slice waits in this process. */
function send(reply: Reply): Promise<void> {
  return new Promise((resolve, reject) =>
    process.send?.(reply, (error: Error | null) => (error ? reject(error) : resolve())),
  );
}

async function check({ path, competition, allowedRows }: Request & { kind: 'check' }): Promise<Checked<CheckedFile>> {
  const builder = new FingerprintBuilder();
  const isAllowed = allowedRows && ((row: DatasetRow) => allowedRows.has(rowDigest(row)));
  const facts = await checkFile({ path, competition, isAllowed, onRow: (row) => builder.add(row) });
  if (!facts.ok) return facts;
  return accept({ ...facts.value, rows: builder.rowCount, fingerprint: builder.finish() });
}

async function read({ path, competition, keep }: Request & { kind: 'read' }): Promise<Checked<{ sha256: string }>> {
  const wanted = keep && new Set(keep);
  let row = 0;
  const slices = new Slices(sizeOfRow);
  const onRow = (next: DatasetRow) => {
    if (!wanted || wanted.has(row++)) slices.add(next);
  };
  const onChunk = async () => {
    for (const rows of slices.take()) await send({ kind: 'rows', rows });
  };
  const facts = await checkFile({ path, competition, onRow, onChunk });
  await onChunk();
  return facts.ok ? accept({ sha256: facts.value.sha256 }) : facts;
}

process.on('message', async (request: Request) => {
  try {
    const value = await (request.kind === 'check' ? check(request) : read(request));
    await send({ kind: 'done', value });
  } catch (error) {
    await send({ kind: 'failed', error: toPlainError(error) });
  }
});
process.on('disconnect', () => process.exit());
// Ctrl-C reaches the whole group: the parent decides when this process ends.
process.on('SIGINT', () => {});

// This thread hears nothing while a line is read: another one looks whether the parent is still there, and at the memory,
// of which a limit of the heap bounds only a part.
const WATCH = `
  const { workerData: { parent, memoryBytes } } = require('node:worker_threads');
  const { writeSync } = require('node:fs');
  setInterval(() => {
    const bytes = process.memoryUsage.rss();
    if (bytes > memoryBytes) writeSync(2, 'it took ' + bytes + ' bytes of memory, at most ' + memoryBytes + ' are allowed\\n');
    if (bytes > memoryBytes || process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  }, 50)`;
new Worker(WATCH, {
  eval: true,
  execArgv: [],
  workerData: { parent: process.ppid, memoryBytes: Number(process.argv[2]) },
}).unref();
