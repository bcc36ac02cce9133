import type { Board } from './board.ts';
import { ABOUT, queueName, ROLL_CALL, workerNote } from './names.ts';
import { readAbout } from './read-about.ts';
import { type About, type Hello, RollCall, textToSign } from './wire.ts';
import type { WorkerSigner } from './worker-key.ts';

/** A worker's place on the board of its queue: what it says of itself, and what the validator says to all. */
export class Presence {
  hello: Omit<Hello, 'rollCall'>;
  readonly #board: Board;
  readonly #key: WorkerSigner;
  #about: About;

  /** @param about What the validator said before this. */
  constructor({
    board,
    key,
    about,
    hello,
  }: {
    board: Board;
    key: WorkerSigner;
    about: About;
    hello: Omit<Hello, 'rollCall'>;
  }) {
    this.#board = board;
    this.#key = key;
    this.#about = about;
    this.hello = hello;
  }

  /** Says that it is there now, and what has changed. */
  async say(changed: Partial<Hello> = {}): Promise<void> {
    this.hello = { ...this.hello, ...changed };
    const asked = RollCall.safeParse(await this.#board.get(ROLL_CALL));
    const hello: Hello = { ...this.hello, rollCall: asked.data?.rollCall ?? '' };
    const signature = this.#key.sign(textToSign('hello', hello));
    await this.#board.put(this.#name, { hello, signature });
  }

  async leave(): Promise<void> {
    await this.#board.remove(this.#name);
  }

  /** What the validator has said last of this queue, whatever stands there now. */
  async about(): Promise<About> {
    const now = await readAbout(await this.#board.get(ABOUT), this.#about.hotkey);
    if (now !== null && queueName(now) === this.hello.queue && now.serial > this.#about.serial) this.#about = now;
    return this.#about;
  }

  get #name(): string {
    return workerNote(this.hello.worker);
  }
}
