import type { Job, Queue } from 'bullmq';
import type { QueueServer } from './queue-server.ts';
import { readJob } from './read-job.ts';

/** Notes that are read before the event loop has its turn. */
const AT_ONCE = 32;

/**
 * Notes by name that validator and workers leave for each other: jobs of a queue that nobody works on, so that they lie on any
 * server that queues do. Whoever can write to the queue can change them; what matters in them is signed.
 */
export class Board {
  readonly #queue: Queue;

  constructor(server: QueueServer, name: string) {
    this.#queue = server.queue(name);
  }

  async put(name: string, note: object): Promise<void> {
    const job = await readJob(this.#queue, name);
    try {
      if (job) return await job.updateData(note);
    } catch {
      // It vanished meanwhile.
    }
    await this.#queue.add('note', note, { jobId: name });
  }

  /** `null` where there is none. Whoever wrote it: it is to be parsed. */
  async get(name: string): Promise<unknown> {
    return (await readJob(this.#queue, name))?.data ?? null;
  }

  /** Whether there is one, without reading it. */
  async has(name: string): Promise<boolean> {
    return (await this.#queue.getJobState(name)) !== 'unknown';
  }

  /** By name, no more than `most`. */
  async list({ most }: { most: number }): Promise<Map<string, unknown>> {
    const ids: unknown[] = await this.#queue.getRanges(['waiting'], 0, most - 1);
    const notes = new Map<string, unknown>();
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      const some = ids.slice(at, at + AT_ONCE).map(String);
      const jobs: (Job | undefined)[] = await Promise.all(some.map((id) => readJob(this.#queue, id)));
      for (const job of jobs) if (job?.id) notes.set(job.id, job.data);
    }
    return notes;
  }

  async remove(name: string): Promise<void> {
    await this.#queue.remove(name);
  }
}
