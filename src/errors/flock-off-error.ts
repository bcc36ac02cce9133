import type { FlockOffErrorFacts } from './facts.ts';

/** Every code a {@link FlockOffError} can carry; each has a section in docs/errors.md. */
export type FlockOffErrorCode = keyof FlockOffErrorFacts;

/** The page of this package that explains each code, under the code as anchor. Every message ends with it. */
export const ERRORS_PAGE = 'flock-off/docs/errors.md';

/** What the constructor of {@link FlockOffError} takes: the facts are those of the code, see {@link FlockOffErrorFacts}. */
export type FlockOffErrorParameters<Code extends FlockOffErrorCode = FlockOffErrorCode> = {
  [One in Code]: {
    code: One;
    /** What happened, with what was expected and what was seen: one clause, no full stop. */
    what: string;
    /** What the reader should do next: one clause, no full stop. */
    fix?: string;
    /** True when the same call may succeed later without anybody changing anything. */
    transient?: boolean;
    /** How long the server asked to wait. */
    retryAfterMs?: number;
    cause?: unknown;
  } & (Record<never, never> extends FlockOffErrorFacts[One]
    ? { facts?: FlockOffErrorFacts[One] }
    : { facts: FlockOffErrorFacts[One] });
}[Code];

/** A {@link FlockOffError} of one code. */
export interface FlockOffErrorOf<Code extends FlockOffErrorCode> extends Error {
  readonly name: 'FlockOffError';
  readonly code: Code;
  /** What happened: one clause, no full stop. */
  readonly what: string;
  /** What to do next: one clause, no full stop. */
  readonly fix: string | undefined;
  /** What happened and what to do, without the address in the docs: to be put into other texts. */
  readonly sentence: string;
  /** The values behind the sentence, for programs. Never secrets. */
  readonly facts: FlockOffErrorFacts[Code];
  /** True when the same call may succeed later without anybody changing anything. */
  readonly transient: boolean;
  /** How long the server asked to wait. */
  readonly retryAfterMs: number | undefined;
  /** The constructor's parameters, to make the same error in another process or a changed one. */
  toParameters(): FlockOffErrorParameters<Code>;
}

/**
 * The one error of this package: a fault of the caller, this machine or a service (chain, hub, disk, device). Its `code`
 * tells which `facts` it has. A miner's fault is never an error; it is a {@link Verdict}.
 * @example
 * if (error instanceof FlockOffError && error.code === 'disk') console.log(error.facts.path);
 */
export type FlockOffError<Code extends FlockOffErrorCode = FlockOffErrorCode> = {
  [One in Code]: FlockOffErrorOf<One>;
}[Code];

/** The class: `instanceof` gives the union of all codes. */
export const FlockOffError = class FlockOffError extends Error {
  override readonly name = 'FlockOffError';
  readonly code: FlockOffErrorCode;
  readonly what: string;
  readonly fix: string | undefined;
  readonly sentence: string;
  readonly facts: object;
  readonly transient: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(parameters: FlockOffErrorParameters) {
    const { code, what, fix, facts = {}, transient = false, retryAfterMs, cause } = parameters;
    const sentence = fix ? `${what}. ${capitalise(fix)}.` : `${what}.`;
    super(`${sentence} See ${ERRORS_PAGE}#${code}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.what = what;
    this.fix = fix;
    this.sentence = sentence;
    this.facts = facts;
    this.transient = transient;
    this.retryAfterMs = retryAfterMs;
  }

  toParameters() {
    const { code, what, fix, facts, transient, retryAfterMs, cause } = this;
    return { code, what, fix, facts, transient, retryAfterMs, cause };
  }
} as unknown as {
  new <Code extends FlockOffErrorCode>(parameters: { code: Code } & FlockOffErrorParameters<Code>): FlockOffError<Code>;
  readonly prototype: FlockOffError;
};

/** The message of what was thrown, to be quoted: of a {@link FlockOffError} its sentence, without the address. */
export function messageOf(error: unknown): string {
  if (error instanceof FlockOffError) return error.sentence;
  return error instanceof Error ? error.message : String(error);
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * True for a {@link FlockOffError} with one of the codes.
 * @example
 * if (isCode(error, 'disk')) console.log(error.facts.path);
 */
export function isCode<Code extends FlockOffErrorCode>(error: unknown, ...codes: Code[]): error is FlockOffError<Code> {
  return error instanceof FlockOffError && (codes as FlockOffErrorCode[]).includes(error.code);
}
