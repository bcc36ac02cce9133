/** The subpaths that gather what one purpose needs: `flock-off/NAME` is `src/doors/NAME.ts`. */
export const PURPOSES = ['schema', 'dataset', 'chain', 'trainer', 'validator', 'operator'];

/** Those whose objects the root does not have: what they need is for some only. */
export const APART = ['fleet'];
