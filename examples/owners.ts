/** What a script has opened, closed in reverse order however the script ends. */
export class Owners {
  readonly #closing: (() => unknown)[] = [];

  own<T>(owner: T, close: (owner: T) => unknown): T {
    this.#closing.push(() => close(owner));
    return owner;
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close();
  }
}
