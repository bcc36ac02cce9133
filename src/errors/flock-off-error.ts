/** Every code a {@link FlockOffError} can carry; each has an anchor in docs/errors.md. */
export type FlockOffErrorCode =
  | 'aborted'
  | 'backend-unavailable'
  | 'bad-argument'
  | 'bad-model'
  | 'chain-rejected'
  | 'chain-unreachable'
  | 'disk'
  | 'hub-denied'
  | 'hub-unreachable'
  | 'out-of-memory'
  | 'port-in-use'
  | 'state-damaged'
  | 'state-locked'
  | 'timeout'
  | 'token-missing'
  | 'trainer-failed'
  | 'unregistered'
  | 'wallet'
  | 'wallet-password'
  | 'wrong-subnet';

export interface FlockOffErrorParameters {
  code: FlockOffErrorCode;
  /** What happened, with what was expected and what was seen: one clause, no full stop. */
  what: string;
  /** What the reader should do next: one clause, no full stop. */
  fix?: string;
  /** The values behind the sentence, for programs. Never secrets. */
  facts?: Record<string, unknown>;
  /** True when the same call may succeed later without anybody changing anything. */
  transient?: boolean;
  /** How long the other side asked us to wait. */
  retryAfterMs?: number;
  cause?: unknown;
}

/**
 * The one error class of this package: a fault of ours or of the world around us (chain, hub, disk, device).
 * A miner's fault is never an error; it is a {@link Verdict}.
 */
export class FlockOffError extends Error {
  override readonly name = 'FlockOffError';
  readonly code: FlockOffErrorCode;
  readonly fix: string | undefined;
  readonly facts: Record<string, unknown>;
  readonly transient: boolean;
  readonly retryAfterMs: number | undefined;

  constructor({ code, what, fix, facts = {}, transient = false, retryAfterMs, cause }: FlockOffErrorParameters) {
    super(fix ? `${what}. ${capitalise(fix)}.` : `${what}.`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.fix = fix;
    this.facts = facts;
    this.transient = transient;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** True for a {@link FlockOffError} with one of the codes. */
export function isCode(error: unknown, ...codes: FlockOffErrorCode[]): boolean {
  return error instanceof FlockOffError && codes.includes(error.code);
}
