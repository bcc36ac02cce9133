/** Relative, by the type of the matrix products: ten times what other devices were seen to differ by, and more for long runs. */
const TOLERANCES: Record<string, number> = { float32: 1e-3, tf32: 1e-2, float16: 1e-2, bfloat16: 3e-2 };

/** How far losses of the same task may differ on two devices, relative. */
export function toleranceOf(matmul: string): number {
  return TOLERANCES[matmul] ?? 3e-2;
}
