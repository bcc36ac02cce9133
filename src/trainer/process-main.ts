/** Entry of a training process: one trainer, asked by its parent. It ends with its parent. */
import { LocalTrainer } from './local-trainer.ts';
import { type Reply, type Request, toPlainError } from './process-messages.ts';

let loading: Promise<LocalTrainer> | undefined;
const running = new Map<number, AbortController>();
const reply = (message: Reply) => void process.send?.(message);
/** For whichever call is under way: one at a time is. */
const onAlive = () => {
  for (const id of running.keys()) reply({ id, kind: 'alive' });
};

/** Whichever call it came up in. */
const onWarning = (message: string) => reply({ id: 0, kind: 'warning', message });

async function answer(request: Exclude<Request, { kind: 'abort' }>, signal: AbortSignal): Promise<unknown> {
  const onProgress = (progress: unknown) => reply({ id: request.id, kind: 'progress', progress });
  if (request.kind === 'load') {
    loading = LocalTrainer.load(request.folder, { ...request.engine, signal, onAlive, onWarning });
    return (await loading).facts;
  }
  const trainer = await loading!;
  const { rows } = request;
  return request.kind === 'train'
    ? trainer.train(rows, { ...request.parameters, signal, onProgress })
    : trainer.evaluate(rows, { ...request.parameters, signal, onProgress });
}

process.on('message', async (request: Request) => {
  const { id } = request;
  if (request.kind === 'abort') return running.get(id)?.abort(new Error('aborted'));
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
// Ctrl-C reaches the whole group: the parent decides when this process ends.
process.on('SIGINT', () => {});
