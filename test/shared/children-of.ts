import { readFileSync } from 'node:fs';

/** Processes that the main thread of a process has started and that have not ended, oldest first; none where it has ended. Linux only. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
