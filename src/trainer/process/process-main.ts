/** Entry point of a training process: one trainer, called by its parent process. It ends with its parent. */

import { Worker } from 'node:worker_threads';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import { childEnvironment } from '../../shared/child-environment.ts';
import { required } from '../../shared/required.ts';
import { LocalTrainer } from './local-trainer.ts';
import { type Reply, type Request, toPlainError } from './process-messages.ts';

// A preloaded module, or --env-file, may have set variables that the parent did not pass on.
const own = childEnvironment({ env: process.env, names: process.argv.slice(2) });
for (const name of Object.keys(process.env)) if (!(name in own)) delete process.env[name];

let loading: Promise<LocalTrainer> | undefined;
/** Rows by the id of a request that follows them. */
const received = new Map<number, DatasetRow[]>();
const running = new Map<number, AbortController>();
const reply = (message: Reply) => void process.send?.(message);
/** For the call in progress: there is one at a time. */
const onAlive = () => {
  for (const id of running.keys()) reply({ id, kind: 'alive' });
};

/** Whichever call it came up in. */
const onWarning = (message: string) => reply({ id: 0, kind: 'warning', message });

async function answer(request: Exclude<Request, { kind: 'abort' | 'rows' }>, signal: AbortSignal): Promise<unknown> {
  const onProgress = (progress: unknown) => reply({ id: request.id, kind: 'progress', progress });
  if (request.kind === 'load') {
    loading = LocalTrainer.load(request.folder, { ...request.engine, alone: true, signal, onAlive, onWarning });
    return (await loading).facts;
  }
  const trainer = await required(loading, 'the base model');
  const rows = received.get(request.id) ?? [];
  received.delete(request.id);
  if (request.kind === 'train') return trainer.train({ rows, ...request.parameters, signal, onProgress });
  if (request.kind === 'evaluate') return trainer.evaluate({ rows, ...request.parameters, signal, onProgress });
  return trainer.influence({ rows, ...request.parameters, signal, onProgress });
}

process.on('message', async (request: Request) => {
  const { id } = request;
  if (request.kind === 'rows') {
    const rows = received.get(id) ?? [];
    received.set(id, rows);
    for (const row of request.rows) rows.push(row);
    return;
  }
  if (request.kind === 'abort') {
    received.delete(id);
    running.get(id)?.abort(new Error('aborted'));
    return;
  }
  const controller = new AbortController();
  running.set(id, controller);
  try {
    reply({ id, kind: 'done', value: await answer(request, controller.signal) });
  } catch (error) {
    reply({ id, kind: 'failed', error: toPlainError(error) });
  } finally {
    running.delete(id);
  }
});
process.on('disconnect', () => process.exit());
// A step may block this thread for minutes: a second thread ends this process when the parent was killed meanwhile.
new Worker(
  'const { workerData: parent } = require("node:worker_threads"); setInterval(() => process.ppid === parent || process.kill(process.pid, "SIGKILL"), 500)',
  { eval: true, execArgv: [], workerData: process.ppid },
).unref();
// Ctrl-C signals the whole process group: the parent decides when this process ends.
process.on('SIGINT', () => {});
