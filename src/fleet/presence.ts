import type { Board } from './board.ts';
import { readAbout } from './read-about.ts';
import { type About, type Hello, queueName, textToSign } from './wire.ts';
import type { WorkerSigner } from './worker-key.ts';

/** A worker's place on the board of its queue: what it says of itself, and what the validator says to all. */
export class Presence {
  hello: Hello;
  readonly #board: Board;
  readonly #key: WorkerSigner;
  #about: About;
  #beat = 0;

  /** @param about What the validator said before this. */
  constructor({ board, key, about, hello }: { board: Board; key: WorkerSigner; about: About; hello: Hello }) {
    this.#board = board;
    this.#key = key;
    this.#about = about;
    this.hello = hello;
  }

  /** Says that it is there, and what has changed. */
  async say(changed: Partial<Hello> = {}): Promise<void> {
    this.hello = { ...this.hello, ...changed };
    const { hello } = this;
    const signature = this.#key.sign(textToSign('hello', hello));
    await this.#board.put(this.#name, { hello, signature, beat: ++this.#beat });
  }

  async leave(): Promise<void> {
    await this.#board.remove(this.#name);
  }

  /** What the validator has said last of this queue, whatever stands there now. */
  async about(): Promise<About> {
    const now = await readAbout(await this.#board.get('about'), this.#about.hotkey);
    if (now !== null && queueName(now) === this.hello.queue && now.serial > this.#about.serial) this.#about = now;
    return this.#about;
  }

  get #name(): string {
    return `worker-${this.hello.worker}`;
  }
}
