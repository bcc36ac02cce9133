import type { Subtensor } from '../../chain/subtensor.ts';
import { FlockOffError, isCode } from '../../errors/flock-off-error.ts';
import { readHubToken } from '../../hub/read-hub-token.ts';
import { printable } from '../check/words.ts';
import { printFailure } from '../run-command-line.ts';
import { withChain as withOpenChain } from '../with-chain.ts';

/** How chain and Hub are reached. */
export interface ServiceFlags {
  'subtensor.network': string;
  'subtensor.chain_endpoint'?: string;
  hf_endpoint: string;
}

const EXIT = { done: 0, correct: 1, unknown: 3 };
/** As a shell says it. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
/** What stays as it is until somebody corrects the call, the draft, the token or the wallet. */
const CORRECTABLE = [
  'bad-argument',
  'bad-competition',
  'bad-model',
  'wrong-subnet',
  'wallet',
  'wallet-password',
  'token-missing',
  'hub-denied',
] as const;

/** Runs a command, prints what goes wrong in one sentence, and sets the exit code. Ctrl-C and SIGTERM end what it waits for. */
export async function runCommand(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  // Who reads the output may leave.
  process.stdout.on('error', () => {});
  const stop = new AbortController();
  let stoppedWith: number = SIGNALS.SIGINT;
  const onSignal = (name: keyof typeof SIGNALS) => {
    stoppedWith = SIGNALS[name];
    stop.abort(new FlockOffError({ code: 'aborted', what: 'stopped' }));
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    await work(stop.signal);
    process.exitCode = EXIT.done;
  } catch (error) {
    const code = isCode(error, ...CORRECTABLE) ? EXIT.correct : EXIT.unknown;
    process.exitCode = stop.signal.aborted ? stoppedWith : code;
    printFailure(error);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** Works with the chain that the flags name, which is closed afterwards. */
export async function withChain<T>(
  flags: ServiceFlags,
  signal: AbortSignal,
  work: (subtensor: Subtensor) => Promise<T>,
): Promise<T> {
  const urls = (flags['subtensor.chain_endpoint'] ?? '').split(',').map((url) => url.trim());
  const endpoints = urls.some((url) => url !== '') ? urls : undefined;
  return withOpenChain({ network: flags['subtensor.network'], endpoints, signal, work });
}

/** Address and token of the Hub. */
export function hubAccess({ hf_endpoint: endpoint }: ServiceFlags): { endpoint: string; token: string | undefined } {
  return { endpoint, token: readHubToken() };
}

/** Lines of which each may quote what others wrote. */
export function say(...lines: string[]): void {
  for (const line of lines) console.log(printable(line));
}
