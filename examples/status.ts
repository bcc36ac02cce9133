import { durationText } from 'flock-off';
import { FRESH_LINE, printable } from './printable.ts';
import { maskSecrets } from './secrets.ts';
import { type Progress, type StatusLineParameters, statusLine } from './status-line.ts';
import { wrapped } from './wrapped.ts';

export interface StatusParameters {
  /** Default: on stdout. */
  print?: (line: string) => void;
  /** Called with each line of an event, without its time. */
  onSay?: (line: string) => void;
  /** Default: whether stdout is one. */
  isTerminal?: boolean;
  /** Default: the system's, with a timer that keeps no process alive. */
  ticker?: Ticker;
}

export interface Ticker {
  nowMs(): number;
  /** Calls back every so often until the returned function is called. */
  every(intervalMs: number, call: () => void): () => void;
}

const systemTicker: Ticker = {
  nowMs: () => Date.now(),
  every: (intervalMs, call) => {
    const timer = setInterval(call, intervalMs).unref();
    return () => clearInterval(timer);
  },
};

/** What stands around what is done, asked each time that it is shown. */
export type Around = () => Pick<StatusLineParameters, 'place' | 'next'>;

/** What a script says of its work. */
export type Saying = Pick<Status, 'say' | 'show' | 'doing'>;

export const silent: Saying = { say() {}, show() {}, doing() {} };

/** Short of the minute that is promised. */
const SILENCE_MS = 50_000;
const CHECK_MS = 5_000;
const REDRAW_MS = 100;

/**
 * Says what happens, with the time, and what is being done meanwhile: on a terminal in its last line, which is drawn
 * over; elsewhere in a line a minute, as long as nothing else is said. It hides no cursor and keeps no process alive.
 */
export class Status {
  readonly #print: (line: string) => void;
  readonly #onSay: ((line: string) => void) | undefined;
  readonly #isTerminal: boolean;
  readonly #ticker: Ticker;
  readonly #stop: () => void;
  #doing: { what: string; sinceMs: number; from: number; progress?: Progress; around?: Around } | null = null;
  #saidAtMs: number;
  #drawnAtMs = Number.NEGATIVE_INFINITY;

  constructor({ print = console.log, ...options }: StatusParameters = {}) {
    const { isTerminal = process.stdout.isTTY === true, ticker = systemTicker } = options;
    this.#print = print;
    this.#onSay = options.onSay;
    this.#isTerminal = isTerminal;
    this.#ticker = ticker;
    this.#saidAtMs = ticker.nowMs();
    this.#stop = isTerminal ? () => {} : ticker.every(CHECK_MS, () => this.#breakSilence());
  }

  /** An event: a line with the time. */
  readonly say = (line: string): void => {
    this.#onSay?.(line);
    this.show(`${timeStamp(this.#ticker.nowMs(), this.#isTerminal)} ${printable(line)}`);
  };

  /** Lines without the time, such as a table. */
  readonly show = (lines: string): void => {
    if (this.#doing && this.#isTerminal) process.stdout.write(FRESH_LINE);
    this.#saidAtMs = this.#ticker.nowMs();
    const masked = maskSecrets(lines);
    this.#print(this.#isTerminal ? wrapped(masked, process.stdout.columns || 80) : masked);
    this.#draw();
  };

  /** What is done from now on, and how far it has come; the same words again are the same work. */
  readonly doing = (what: string | null, progress?: Progress, around?: Around): void => {
    const nowMs = this.#ticker.nowMs();
    const isNew = this.#doing?.what !== what;
    if (isNew) this.#doing = what === null ? null : { what, sinceMs: nowMs, from: progress?.at ?? 0 };
    if (this.#doing) Object.assign(this.#doing, { progress, around });
    if (isNew || nowMs - this.#drawnAtMs >= REDRAW_MS) this.#draw();
  };

  /** Nothing is done any more. */
  close(): void {
    this.doing(null);
    this.#stop();
  }

  #draw(): void {
    if (!this.#isTerminal) return;
    this.#drawnAtMs = this.#ticker.nowMs();
    // The last column stays free: some terminals begin a new line in it.
    process.stdout.write(FRESH_LINE + printable(this.#text((process.stdout.columns || 80) - 1)));
  }

  #breakSilence(): void {
    if (this.#ticker.nowMs() - this.#saidAtMs < SILENCE_MS) return;
    const since = this.#doing ? `, for ${durationText(this.#ticker.nowMs() - this.#doing.sinceMs)} now` : '';
    this.say(printable(`${this.#text(null) || 'at work'}${since}`));
  }

  #text(columns: number | null): string {
    if (!this.#doing) return '';
    const { what, sinceMs, from, progress, around } = this.#doing;
    const { at, of } = progress ?? { at: 0, of: 0 };
    const leftMs = ((this.#ticker.nowMs() - sinceMs) / (at - from)) * (of - at);
    const left = at > from ? `${durationText(leftMs)} left` : '';
    return statusLine({ what, progress, left, ...around?.() }, columns);
  }
}

/** The time of day for who watches, time and date for who reads it later. */
function timeStamp(ms: number, isTerminal: boolean): string {
  const date = new Date(ms);
  if (!isTerminal) return date.toISOString();
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}
