import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { isFull } from './on-disk.ts';

/**
 * Best-effort writes, for files that the run does not depend on: reports, metrics, checkpoints. A failed write stops
 * nothing; the logger is warned once for each kind of file, and again only after a write has worked in between.
 */
export class BestEffort {
  readonly #warn: (message: string) => void;
  readonly #failing = new Set<string>();

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /**
   * Runs a write. False when the system refused it.
   * @param kind such as "the training metrics".
   * @throws what the write throws that is no fault of the disk.
   */
  async attempt(kind: string, path: string | null, write: () => Promise<void>): Promise<boolean> {
    try {
      await write();
      this.#failing.delete(kind);
      return true;
    } catch (error) {
      if (!isOfTheDisk(error)) throw error;
      if (!this.#failing.has(kind)) this.#warn(inWords(kind, path, error));
      this.#failing.add(kind);
      return false;
    }
  }
}

function inWords(kind: string, path: string | null, error: unknown): string {
  const where = path === null ? '' : ` in ${path}`;
  const fix = isFull(error) ? 'make room on that disk' : 'check the path, its rights and the free space';
  return `${kind} cannot be stored${where} (${messageOf(error).replace(/\.$/, '')}); the work goes on without. To have them again, ${fix}.`;
}

/** A system error, or a `disk` error made from one. */
function isOfTheDisk(error: unknown): boolean {
  return error instanceof FlockOffError ? error.code === 'disk' : error instanceof Error && 'syscall' in error;
}
