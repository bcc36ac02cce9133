/** What a script has opened, closed in reverse order however the script ends. */
export class Owners {
  readonly #closing: (() => unknown)[] = [];

  own<T>(owner: T, close: (owner: T) => unknown): T {
    this.#closing.push(() => close(owner));
    return owner;
  }

  /** Closes everything, whatever fails meanwhile; then throws the first failure. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closing.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
