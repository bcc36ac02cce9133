import type { Job, Queue } from 'bullmq';

/** A job of a queue. What cannot be read is removed: whoever can write to the queue can leave anything in its place. */
export async function readJob<Data>(queue: Queue<Data>, id: string): Promise<Job<Data> | undefined> {
  try {
    return (await queue.getJob(id)) as Job<Data> | undefined;
  } catch (error) {
    if (!isJunk(error)) throw error;
    await queue.remove(id).catch(() => {});
    // BullMQ removes nothing else than jobs; none of its own keys.
    if (isWrongType(error) && !(id in queue.keys)) await (await queue.getBackend().client).del(queue.toKey(id));
    return undefined;
  }
}

/** No JSON, JSON of another shape than BullMQ's, or no job at all; not a server that does not answer. */
function isJunk(error: unknown): boolean {
  return error instanceof SyntaxError || error instanceof TypeError || isWrongType(error);
}

/** Of a key, in Redis. */
function isWrongType(error: unknown): boolean {
  return String(error).includes('WRONGTYPE');
}
