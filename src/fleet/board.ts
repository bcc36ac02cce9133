import type { Job, Queue } from 'bullmq';
import type { QueueServer } from './queue-server.ts';

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
    const job = await this.#queue.getJob(name);
    try {
      if (job) return await job.updateData(note);
    } catch {
      // It vanished meanwhile.
    }
    await this.#queue.add('note', note, { jobId: name });
  }

  /** `null` where there is none. Whoever wrote it: it is to be parsed. */
  async get(name: string): Promise<unknown> {
    return (await this.#queue.getJob(name))?.data ?? null;
  }

  /** Whether there is one, without reading it. */
  async has(name: string): Promise<boolean> {
    return (await this.#queue.getJobState(name)) !== 'unknown';
  }

  /** By name, no more than `most`. */
  async list({ most }: { most: number }): Promise<Map<string, unknown>> {
    const ids: unknown[] = await this.#queue.getRanges(['waiting'], 0, most - 1);
    const jobs: (Job | undefined)[] = await Promise.all(ids.map((id) => this.#queue.getJob(String(id))));
    return new Map(jobs.flatMap((job) => (job?.id ? [[job.id, job.data as unknown]] : [])));
  }

  async remove(name: string): Promise<void> {
    await this.#queue.remove(name);
  }
}
