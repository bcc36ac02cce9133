import { FRESH_LINE, printable } from './printable.ts';
import { maskSecrets } from './secrets.ts';

/** How far something has come. */
export interface Progress {
  at: number;
  of: number;
  /** What is counted, such as "steps". */
  unit: string;
  /** Whatever else there is to say. */
  more?: string;
}

export interface StatusParameters {
  /** Default: on stdout. */
  print?: (line: string) => void;
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

/** What a script says of its work. */
export type Saying = Pick<Status, 'say' | 'show' | 'doing'>;

export const silent: Saying = { say() {}, show() {}, doing() {} };

/** Short of the minute that is promised. */
const SILENCE_MS = 50_000;
const CHECK_MS = 5_000;
const REDRAW_MS = 100;
const BAR_WIDTH = 20;

/**
 * Says what happens, with the time, and what is being done meanwhile: on a terminal in its last line, which is drawn
 * over; elsewhere in a line a minute, as long as nothing else is said. It hides no cursor and keeps no process alive.
 */
export class Status {
  readonly #print: (line: string) => void;
  readonly #isTerminal: boolean;
  readonly #ticker: Ticker;
  readonly #stop: () => void;
  #doing: { what: string; sinceMs: number; from: number; progress?: Progress } | null = null;
  #saidAtMs: number;
  #drawnAtMs = Number.NEGATIVE_INFINITY;

  constructor({ print = console.log, ...options }: StatusParameters = {}) {
    const { isTerminal = process.stdout.isTTY === true, ticker = systemTicker } = options;
    this.#print = print;
    this.#isTerminal = isTerminal;
    this.#ticker = ticker;
    this.#saidAtMs = ticker.nowMs();
    this.#stop = isTerminal ? () => {} : ticker.every(CHECK_MS, () => this.#breakSilence());
  }

  /** An event: a line with the time. */
  readonly say = (line: string): void => {
    this.show(`${timeStamp(this.#ticker.nowMs(), this.#isTerminal)} ${line}`);
  };

  /** Lines without the time, such as a table. */
  readonly show = (lines: string): void => {
    if (this.#doing && this.#isTerminal) process.stdout.write(FRESH_LINE);
    this.#saidAtMs = this.#ticker.nowMs();
    this.#print(maskSecrets(lines));
    this.#draw();
  };

  /** What is done from now on, and how far it has come; the same words again are the same work. */
  readonly doing = (what: string | null, progress?: Progress): void => {
    const nowMs = this.#ticker.nowMs();
    const isNew = this.#doing?.what !== what;
    if (isNew) this.#doing = what === null ? null : { what, sinceMs: nowMs, from: progress?.at ?? 0 };
    if (this.#doing) this.#doing.progress = progress;
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
    const columns = process.stdout.columns || 80;
    process.stdout.write(FRESH_LINE + printable(this.#text(true)).slice(0, columns - 1));
  }

  #breakSilence(): void {
    if (this.#ticker.nowMs() - this.#saidAtMs < SILENCE_MS) return;
    const since = this.#doing ? `, for ${duration(this.#ticker.nowMs() - this.#doing.sinceMs)} now` : '';
    this.say(printable(`${this.#text(false) || 'at work'}${since}`));
  }

  #text(withBar: boolean): string {
    if (!this.#doing) return '';
    const { what, sinceMs, from, progress } = this.#doing;
    if (!progress) return what;
    const { at, of, unit, more } = progress;
    const leftMs = ((this.#ticker.nowMs() - sinceMs) / (at - from)) * (of - at);
    const left = at > from ? `${duration(leftMs)} left` : '';
    const filled = Math.round((BAR_WIDTH * at) / of);
    const bar = withBar ? ` ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}` : '';
    return `${what}${bar} ${[`${at}/${of} ${unit}`, more, left].filter(Boolean).join(', ')}`;
  }
}

/** The time of day for who watches, time and date for who reads it later. */
function timeStamp(ms: number, isTerminal: boolean): string {
  const date = new Date(ms);
  if (!isTerminal) return date.toISOString();
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 100) return `${seconds} s`;
  return seconds < 6_000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
