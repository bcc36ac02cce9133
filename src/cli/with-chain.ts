import { Subtensor } from '../chain/subtensor.ts';

export interface WithChainParameters<T> {
  network?: string;
  /** Nodes of one chain; they win over `network`. */
  endpoints?: string[];
  signal: AbortSignal;
  work: (subtensor: Subtensor) => Promise<T>;
}

/** Works with a chain that is closed afterwards. */
export async function withChain<T>({ network, endpoints, signal, work }: WithChainParameters<T>): Promise<T> {
  const subtensor = await Subtensor.open({ network, endpoints, signal });
  try {
    return await work(subtensor);
  } finally {
    await subtensor.close();
  }
}
