export interface RotaryTables {
  /** `[positions, headDim]`, the second half repeating the first (rotate_half layout). */
  cos: Float32Array;
  sin: Float32Array;
}

/** Cosines and sines of the rotary position embedding (Su et al., 2021), in double precision, times `scale`, rounded once. */
export function rotaryTables(positions: number, headDim: number, theta: number, scale = 1): RotaryTables {
  const half = headDim / 2;
  const cos = new Float32Array(positions * headDim);
  const sin = new Float32Array(positions * headDim);
  for (let i = 0; i < half; i++) {
    const frequency = theta ** (-i / half);
    for (let position = 0; position < positions; position++) {
      const at = position * headDim + i;
      cos[at] = cos[at + half] = scale * Math.cos(position * frequency);
      sin[at] = sin[at + half] = scale * Math.sin(position * frequency);
    }
  }
  return { cos, sin };
}
