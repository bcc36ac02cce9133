/** torch's clip_grad_norm_: what to multiply the gradients with so that their norm is at most `maxNorm`. */
export function clipFactor(norm: number, maxNorm: number): number {
  return Math.min(1, maxNorm / (norm + 1e-6));
}
