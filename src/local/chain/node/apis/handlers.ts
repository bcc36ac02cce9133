import type { Block } from '../chain.ts';

/** Methods of a runtime API by name: plain arguments in, the answer as a value of the method's type out, as of a block. */
export type ApiHandlers = Record<string, (args: unknown[], at: Block) => unknown>;
