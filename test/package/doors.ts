/** The subpaths that gather what one purpose needs: `flock-off/NAME` is `src/doors/NAME.ts`. */
export const PURPOSES = ['schema', 'dataset', 'chain', 'trainer', 'validator'];
