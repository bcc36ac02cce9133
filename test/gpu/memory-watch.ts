import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const EVERY_MS = 200;

/** Watches how much of a card's memory is taken, by the driver's tool: what a program reserves, also where it does not use it. */
export class GpuMemory {
  readonly #before: number | null;
  readonly #timer: NodeJS.Timeout;
  #most: number | null;

  private constructor(before: number | null) {
    this.#before = before;
    this.#most = before;
    this.#timer = setInterval(async () => {
      const used = await usedMiB();
      if (used !== null) this.#most = Math.max(this.#most ?? 0, used);
    }, EVERY_MS);
  }

  static async watch(): Promise<GpuMemory> {
    return new GpuMemory(await usedMiB());
  }

  /** More than at the start; `null` where the tool does not say. */
  get peakMiB(): number | null {
    return this.#most === null || this.#before === null ? null : this.#most - this.#before;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

async function usedMiB(): Promise<number | null> {
  const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits', '--id=0'];
  return promisify(execFile)('nvidia-smi', query).then(
    ({ stdout }) => Number.parseInt(stdout, 10),
    () => null,
  );
}
