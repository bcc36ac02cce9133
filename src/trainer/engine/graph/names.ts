/** Names under which the training graph is fed and fetched. */

/** What can be fetched. Each is one call of the session. */
export const FETCH = {
  /** Takes over all base weights that are fed. */
  loadWeights: 'load_weights',
  /** Takes over the adapter that is fed, and starts gradients and moments at zero. */
  loadAdapter: 'load_adapter',
  /** Takes over the adapter and the moments that are fed, and starts gradients at zero. */
  resume: 'resume',
  /** Adds a batch's gradient and gives its loss. */
  accumulate: 'accumulate',
  /** The same, but each layer is computed again for its gradient instead of being kept. */
  accumulateAgain: 'accumulate_again',
  /** Half of the squared norm of each gradient, [matrices]. */
  halfSquares: 'half_squares',
  /** Takes the gradients over into the first moments, for products. */
  keep: 'keep_gradient',
  /** Scalar product of each gradient with its first moment, [matrices]. */
  products: 'products',
  /** Sets the gradients to zero. */
  clear: 'clear',
  /** Shrinks the adapter by the fed decay. */
  decay: 'decay',
  /** One AdamW step; then the gradients are zero again. */
  step: 'step',
  /** Loss of each target without dropout, [targets]. */
  evaluate: 'evaluate',
} as const;

/** Name under which a base weight or an adapter matrix is fed. */
export const fedAs = (name: string) => `fed/${name}`;
/** Names under which an adapter matrix and its gradient are fetched. */
export const adapterValueOf = (name: string) => `value/${name}`;
export const adapterGradientOf = (name: string) => `gradient/${name}`;
/** Names of a matrix's moments, to be fed and fetched with. */
export const firstMomentOf = (name: string) => `first_moment/${name}`;
export const secondMomentOf = (name: string) => `second_moment/${name}`;
/** Names of stages of the evaluation, for comparison with other implementations. */
export const stageOf = (stage: string) => `stage/${stage}`;
