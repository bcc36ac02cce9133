import { randomBytes } from 'node:crypto';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { yieldToEventLoop } from '../shared/yield-to-event-loop.ts';
import type { Board } from './board.ts';
import { differenceOf } from './machine-class.ts';
import { ROLL_CALL, workerNote, workerOfNote } from './names.ts';
import { shortKey } from './opinions.ts';
import { type Hello, type MachineClass, SignedHello, textToSign } from './wire.ts';
import { isSignedBy } from './worker-key.ts';

export interface RosterParameters {
  board: Board;
  queue: string;
  /** Keys of the workers whose results are taken. */
  workers: readonly string[];
  /** A worker that has answered no roll call of this long, as far as could be looked, is taken to be gone. */
  aliveMs: number;
  logger?: Logger;
}

/** Times {@link RosterParameters.aliveMs}: then a note that has not changed is removed. */
const FORGOTTEN_AFTER = 10;

/** Strangers can leave any number of notes, and sign them, too. */
const MOST_STRANGERS = 1_000;
const MOST_SAID = 100;
/** Of {@link RosterParameters.aliveMs}: more than that between two looks is an outage, in which nobody could answer. */
const MOST_BETWEEN = 1 / 4;
/** Signatures that are checked before the event loop has its turn. */
const AT_ONCE = 8;

/** What is known of one that left a note. */
interface Seen {
  hello: Hello;
  /** Names what was checked: a note that has not changed is not checked again. */
  signature: string;
  /** When the roll call was that it answers, by {@link Roster.watchedMs}; long ago where it is none of those of late. */
  calledMs: number;
  /** When it changed last, by `performance.now()`. */
  changedMs: number;
}

/** The workers of a queue as a validator sees them: who is there, who is trusted, and how fast each is. */
export class Roster {
  readonly #parameters: RosterParameters;
  readonly #trusted: Set<string>;
  readonly #seen = new Map<string, Seen>();
  /** The same of those that are not trusted, whoever was seen last at the end. */
  readonly #strangers = new Map<string, Seen>();
  readonly #rowsPerMs = new Map<string, number>();
  readonly #said = { trusted: new Set<string>(), strangers: new Set<string>() };
  /** Roll calls of late, with when each was. */
  readonly #calls = new Map<string, number>();
  #watchedMs = 0;
  #lookedMs = performance.now();

  constructor(parameters: RosterParameters) {
    this.#parameters = parameters;
    this.#trusted = new Set(parameters.workers);
  }

  /** A clock that stands still while nobody can be looked at. */
  get watchedMs(): number {
    return this.#watchedMs;
  }

  /** Keys, in the order in which the validator was told of them. */
  get trusted(): string[] {
    return [...this.#trusted];
  }

  isTrusted(worker: string): boolean {
    return this.#trusted.has(worker);
  }

  /** Takes no result of a worker any more. */
  setAside(worker: string): void {
    this.#trusted.delete(worker);
  }

  /** Trusted ones that are there, those that take no jobs too, with what they say of themselves. */
  present(): Hello[] {
    return this.trusted.flatMap((worker) => (this.#isAlive(worker) ? (this.#seen.get(worker)?.hello ?? []) : []));
  }

  /** Those that take jobs of a class. */
  able(machine: MachineClass | null, not: readonly string[] = []): Hello[] {
    return this.present().filter(
      ({ worker, refused, machine: theirs }) =>
        refused === null && machine !== null && differenceOf(machine, theirs) === null && !not.includes(worker),
    );
  }

  /** Trusted workers that have signed that their process ended with a try, again for each time. */
  lostWith(tryHash: string): string[] {
    return this.trusted.flatMap((worker) => {
      const lost = this.#seen.get(worker)?.hello.lost ?? [];
      return lost.filter((one) => one === tryHash).map(() => worker);
    });
  }

  nameOf(worker: string): string {
    const name = this.#seen.get(worker)?.hello.name;
    return name ? `${name} (${shortKey(worker)})` : shortKey(worker);
  }

  /** Rows a millisecond; `undefined` before it has been timed. */
  speedOf(worker: string): number | undefined {
    return this.#rowsPerMs.get(worker);
  }

  /** Notes how long a worker took. */
  measured(worker: string, rows: number, durationMs: number): void {
    const now = rows / Math.max(1, durationMs);
    const before = this.#rowsPerMs.get(worker) ?? now;
    this.#rowsPerMs.set(worker, (before + now) / 2);
  }

  /** How long the workers that are there take for so many rows; `null` before any has been timed. */
  msFor(rows: number, machine: MachineClass | null): number | null {
    const speeds = this.able(machine).map(({ worker }) => this.#rowsPerMs.get(worker));
    const known = speeds.filter((speed) => speed !== undefined);
    if (known.length === 0) return null;
    const mean = known.reduce((sum, speed) => sum + speed, 0) / known.length;
    return rows / speeds.reduce<number>((sum, speed) => sum + (speed ?? mean), 0);
  }

  /** Asks who is there, and reads the notes of the workers. What is wrong with one is said once. */
  async look(machine: MachineClass | null): Promise<void> {
    const { board, aliveMs } = this.#parameters;
    await this.#callRoll();
    let checked = 0;
    for (const [name, note] of await this.#notes()) {
      const worker = workerOfNote(name);
      const parsed = SignedHello.safeParse(note);
      if (worker === undefined || !parsed.success) continue;
      const { hello, signature } = parsed.data;
      const kept = this.isTrusted(worker) ? this.#seen : this.#strangers;
      const before = kept.get(worker);
      if (before?.signature === signature) {
        if (performance.now() - before.changedMs > FORGOTTEN_AFTER * aliveMs) await board.remove(name);
        this.#sayOf(before.hello, machine);
        continue;
      }
      if (checked++ % AT_ONCE === AT_ONCE - 1) await yieldToEventLoop();
      const calledMs = this.#calls.get(hello.rollCall) ?? Number.NEGATIVE_INFINITY;
      // Whoever can write to the queue can put an earlier one there again, or one of another queue.
      if (calledMs < (before?.calledMs ?? calledMs) || hello.worker !== worker) continue;
      if (hello.queue !== this.#parameters.queue) continue;
      // Anybody can leave a note under any name, and nothing is kept of it.
      if (!isSignedBy(worker, textToSign('hello', hello), signature)) continue;
      kept.delete(worker);
      kept.set(worker, { hello, signature, calledMs, changedMs: performance.now() });
      this.#sayOf(hello, machine);
    }
    const nowMs = performance.now();
    this.#watchedMs += Math.min(nowMs - this.#lookedMs, MOST_BETWEEN * aliveMs);
    this.#lookedMs = nowMs;
    for (const worker of this.#strangers.keys()) {
      if (this.#strangers.size <= MOST_STRANGERS) break;
      this.#strangers.delete(worker);
    }
  }

  async #callRoll(): Promise<void> {
    const rollCall = randomBytes(16).toString('hex');
    for (const [earlier, atMs] of this.#calls)
      if (this.#watchedMs - atMs > this.#parameters.aliveMs) this.#calls.delete(earlier);
    // Later than the one before, while that clock stands still, too.
    this.#watchedMs += 0.001;
    this.#calls.set(rollCall, this.#watchedMs);
    await this.#parameters.board.put(ROLL_CALL, { rollCall });
  }

  /** Of all trusted workers, and of so many strangers. */
  async #notes(): Promise<Map<string, unknown>> {
    const { board } = this.#parameters;
    const notes = await board.list({ most: this.#trusted.size + MOST_STRANGERS });
    for (const worker of this.#trusted) {
      const name = workerNote(worker);
      // Strangers may have left more than were read.
      if (!notes.has(name) && notes.size >= MOST_STRANGERS) notes.set(name, await board.get(name));
    }
    return notes;
  }

  #sayOf({ worker, name, machine: theirs, refused }: Hello, machine: MachineClass | null): void {
    const who = `worker ${name} (${worker})`;
    const difference = machine && differenceOf(machine, theirs);
    const { trusted, strangers } = this.#said;
    if (!this.isTrusted(worker))
      this.#say(`${who} is not among those that this validator was told of: its results are not taken`, strangers);
    else if (difference) this.#say(`${who} gets no jobs: ${difference}`, trusted);
    else if (refused !== null) this.#say(`${who} takes no jobs: ${refused}`, trusted);
  }

  #say(text: string, said: Set<string>): void {
    if (said.has(text) || said.size === MOST_SAID) return;
    said.add(text);
    safeLogger(this.#parameters.logger).warn(text);
  }

  #isAlive(worker: string): boolean {
    const seen = this.#seen.get(worker);
    return seen !== undefined && this.#watchedMs - seen.calledMs < this.#parameters.aliveMs;
  }
}
