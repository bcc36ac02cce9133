import type { Block } from './chain.ts';

/** A function of the runtime: SCALE arguments in, SCALE result out, as of a block. */
export type RuntimeFunction = (args: Uint8Array, at: Block) => Uint8Array;

/** An API of the runtime: its functions by name, without the API's own name before them. */
export interface RuntimeApi {
  /** blake2b-64 of the name: what the runtime's version lists it under. */
  id: string;
  version: number;
  functions: Record<string, RuntimeFunction>;
}
