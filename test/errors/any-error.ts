import type { FlockOffErrorFacts } from '../../src/errors/facts.ts';
import {
  FlockOffError,
  type FlockOffErrorCode,
  type FlockOffErrorParameters,
} from '../../src/errors/flock-off-error.ts';

/** Facts of each code, the least that it takes. */
export const LEAST_FACTS: FlockOffErrorFacts = {
  aborted: {},
  'backend-unavailable': {},
  'bad-argument': {},
  'bad-competition': { competition: 'org/chats@0', problem: 'missing' },
  'bad-model': {},
  'chain-rejected': {},
  'chain-unreachable': {},
  'checker-failed': {},
  disk: { path: '/data' },
  'drand-unreachable': { round: 1_000, servers: [] },
  'hub-denied': { status: 403 },
  'hub-unreachable': { url: '/datasets/me/data' },
  'out-of-memory': { neededBytes: 2, memoryBytes: 1, length: 8 },
  'policy-failed': { policy: 'mine', decision: 'weigh' },
  'port-in-use': { port: 9944 },
  'queue-refused': { reason: 'access' },
  'queue-unreachable': { url: 'redis://127.0.0.1:6379/0' },
  'state-damaged': { path: '/data/state' },
  'state-locked': { path: '/data/state' },
  timeout: {},
  'token-missing': {},
  'trainer-failed': {},
  unregistered: { hotkey: '5F...', netuid: 1 },
  wallet: {},
  'wallet-password': {},
  'wrong-subnet': { netuid: 1, seenGenesisHash: '0x00', seenRegistrationBlock: 9 },
};

/** An error of a code that a test chooses as it runs. */
export function anyError(
  code: FlockOffErrorCode,
  more: Partial<Omit<FlockOffErrorParameters, 'code'>> = {},
): FlockOffError {
  const parameters = { code, what: 'it failed', facts: LEAST_FACTS[code], ...more };
  return new FlockOffError(parameters as FlockOffErrorParameters);
}
