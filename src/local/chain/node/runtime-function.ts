import type { Block } from './chain.ts';

/** A function of the runtime: SCALE arguments in, SCALE result out, as of a block. */
export type RuntimeFunction = (args: Uint8Array, at: Block) => Uint8Array;

/** A runtime API: its functions by name, without the API's own name before them. */
export interface RuntimeApi {
  /** blake2b-64 of the name: its id in the runtime version. */
  id: string;
  version: number;
  functions: Record<string, RuntimeFunction>;
}
