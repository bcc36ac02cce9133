import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { adapterTensorName, type LoraAdapter } from '../../model/lora-adapter.ts';
import type { DropoutMask } from '../engine.ts';
import type { Tf } from '../tensorflow.ts';

/** (alpha / rank) * B A dropout(x), as PEFT computes it; every linear layer draws its own mask. */
export function adapterOutputOf(tf: Tf, adapter: LoraAdapter, matrices: Map<string, Tensor>, mask: DropoutMask) {
  const scaling = adapter.alpha / adapter.rank;
  return (x: Tensor2D, path: string): Tensor2D => {
    const a = matrices.get(adapterTensorName(path, 'A')) as Tensor2D; // [rank, in]
    const b = matrices.get(adapterTensorName(path, 'B')) as Tensor2D; // [out, rank]
    const kept = mask(path, x.shape);
    const seen = kept ? tf.mul<Tensor2D>(x, tf.tensor2d(kept, x.shape)) : x; // [N, in]
    return tf.mul(tf.matMul(tf.matMul(seen, a, false, true), b, false, true), scaling); // [N, out]
  };
}
