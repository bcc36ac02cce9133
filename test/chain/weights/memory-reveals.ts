import type { PendingReveal, PendingRevealStore } from '../../../src/chain/weights/pending-reveals.ts';

/** Pending reveals in memory, written as JSON as a database would. */
export function memoryReveals(): PendingRevealStore & { size(): number } {
  const stored = new Map<string, string>();
  return {
    list: async () => [...stored.values()].map((text) => JSON.parse(text) as PendingReveal),
    put: async (reveal) => void stored.set(reveal.id, JSON.stringify(reveal)),
    delete: async (id) => void stored.delete(id),
    size: () => stored.size,
  };
}
