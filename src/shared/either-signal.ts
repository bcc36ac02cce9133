/** A signal that aborts when one of ours does, or the caller's where there is one. */
export function eitherSignal(own: AbortSignal, signal: AbortSignal | undefined): AbortSignal {
  return signal ? AbortSignal.any([own, signal]) : own;
}
