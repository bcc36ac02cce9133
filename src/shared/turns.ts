import { abortable } from './abortable.ts';

/** One call at a time, in the order in which they ask. One that is aborted while it waits lets nobody overtake. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /**
   * Resolves when it is this call's turn; the turn ends when the function it gives is called, once or more.
   * @throws the signal's reason when aborted before that.
   */
  async take(signal?: AbortSignal): Promise<() => void> {
    const before = this.#last;
    let end = () => {};
    const turn = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#last = before.then(() => turn);
    try {
      await (signal ? abortable(before, signal) : before);
    } catch (error) {
      end();
      throw error;
    }
    return end;
  }
}
