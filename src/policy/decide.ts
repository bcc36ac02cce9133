import { isDeepStrictEqual } from 'node:util';
import { type Context, createContext, Script } from 'node:vm';
import * as z from 'zod';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import type {
  EpochMoment,
  Policy,
  PolicyDrawParameters,
  PolicyExplainParameters,
  PolicyScoreParameters,
  PolicyWeighParameters,
} from './policy.ts';

/** What is asked of a policy, and what its answer is once it was looked at. */
interface Decisions {
  draw: { of: PolicyDrawParameters; answer: string[] };
  score: { of: PolicyScoreParameters; answer: Map<string, number> };
  weigh: { of: PolicyWeighParameters; answer: CheckedWeights };
  explain: { of: PolicyExplainParameters; answer: string };
  pointersUntil: { of: EpochMoment; answer: EpochMoment };
}

interface CheckedWeights {
  /** Sum 1, or empty. */
  weights: { uid: number; weight: number }[];
  action: 'set' | 'take-back' | 'keep';
  averages: Record<string, number>;
  memory: unknown;
}

const DEADLINE_MS = 5_000;
const MOST_MEMORY_BYTES = 4 * 1024 * 1024;
const MOST_SENTENCE_LETTERS = 500;

const RUN = new Script('run()');
/** Where decisions are made that can be interrupted: it holds nothing but the last one, and takes a millisecond to make. */
let context: Context | undefined;

/**
 * Asks a policy for a decision. Whatever it answers is looked at before it is used, since it may be somebody's own: what it
 * gets is a copy, and it is interrupted after five seconds.
 * @throws FlockOffError `policy-failed` when it throws, takes longer, or answers what cannot be used.
 */
export function decide<D extends keyof Decisions>(
  policy: Policy,
  decision: D,
  parameters: Decisions[D]['of'],
): Decisions[D]['answer'] {
  const bad = (why: string, cause?: unknown) => failed(policy, decision, why, cause);
  const copy = Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      typeof value === 'function' ? value : structuredClone(value),
    ]),
  );
  let answer: unknown;
  try {
    const run = () => policy[decision]?.(copy as never);
    context ??= createContext({});
    context.run = run;
    answer = RUN.runInContext(context, { timeout: DEADLINE_MS });
  } catch (error) {
    const isLate = (error as NodeJS.ErrnoException | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
    throw bad(isLate ? `has no answer after ${DEADLINE_MS / 1_000} seconds` : `throws: ${messageOf(error)}`, error);
  }
  return CHECKS[decision](answer, parameters, bad);
}

/** The moment until which pointers were committed that an epoch evaluates: see {@link Policy.pointersUntil}. */
export function pointersUntil(policy: Policy, now: EpochMoment): EpochMoment {
  return policy.pointersUntil ? decide(policy, 'pointersUntil', now) : now;
}

type Checks = {
  [D in keyof Decisions]: (
    answer: unknown,
    parameters: Decisions[D]['of'],
    bad: (why: string) => FlockOffError,
  ) => Decisions[D]['answer'];
};

const CHECKS: Checks = {
  draw(answer, { candidates, places }, bad) {
    const known = new Set(candidates.map(({ hotkey }) => hotkey));
    if (!Array.isArray(answer)) throw bad(`answers ${shown(answer)}, expected a list of hotkeys`);
    for (const hotkey of answer)
      if (!known.delete(hotkey)) throw bad(`draws ${shown(hotkey)}, which is no candidate, or drawn twice`);
    if (answer.length > places) throw bad(`draws ${answer.length} miners for ${places} places`);
    return answer;
  },

  score(answer, { contestants }, bad) {
    const known = new Set(contestants.map(({ hotkey }) => hotkey));
    if (!(answer instanceof Map)) throw bad(`answers ${shown(answer)}, expected a Map of scores by hotkey`);
    for (const [hotkey, score] of answer) {
      if (!known.has(hotkey)) throw bad(`scores ${shown(hotkey)}, which has no loss`);
      if (!isShare(score)) throw bad(`gives the score ${shown(score)}, expected a finite number from 0 on`);
    }
    return answer;
  },

  weigh(answer, { neurons }, bad) {
    const parsed = WeighedSchema.safeParse(answer);
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      throw bad(`answers what cannot be used (${path.length > 0 ? `${path.join('.')}: ` : ''}${message})`);
    }
    const { weights, averages, memory = null } = parsed.data;
    const known = new Set(neurons.map(({ uid }) => uid));
    for (const { uid } of weights)
      if (!known.delete(uid)) throw bad(`weighs uid ${uid}, which is nobody's, or named twice`);
    const sum = weights.reduce((total, { weight }) => total + weight, 0);
    if (!Number.isFinite(sum)) throw bad('gives weights that are too large for a sum');
    const { action = sum > 0 ? 'set' : 'keep' } = parsed.data;
    if ((action === 'set') !== sum > 0) throw bad(`answers "${action}" with weights that sum to ${sum}`);
    requireJson(memory, bad);
    // A sum that is 1 but for rounding stays, so that nobody's last bit moves.
    const isWhole = sum === 0 || Math.abs(sum - 1) < 1e-9;
    return {
      averages,
      memory,
      action,
      weights: isWhole ? weights : weights.map(({ uid, weight }) => ({ uid, weight: weight / sum })),
    };
  },

  explain(answer, _, bad) {
    if (typeof answer !== 'string') throw bad(`answers ${shown(answer)}, expected a sentence`);
    return answer.slice(0, MOST_SENTENCE_LETTERS);
  },

  pointersUntil(answer, now, bad) {
    const parsed = MomentSchema.safeParse(answer);
    if (!parsed.success) throw bad(`answers ${shown(answer)}, expected a block and a time`);
    const { block, timeMs } = parsed.data;
    if (block <= now.block && timeMs <= now.timeMs) return { block, timeMs };
    throw bad(`answers block ${block} at ${timeMs}, which is after the epoch's first, ${now.block} at ${now.timeMs}`);
  },
};

const finite = z.number().nonnegative();
const MomentSchema = z.object({ block: z.int(), timeMs: z.number() });
const WeighedSchema = z.object({
  weights: z.array(z.object({ uid: z.int().nonnegative(), weight: finite })),
  action: z.enum(['set', 'take-back', 'keep']).optional(),
  averages: z.record(z.string(), finite),
  memory: z.unknown().optional(),
});

/** What is stored must come back as it was. */
function requireJson(memory: unknown, bad: (why: string) => FlockOffError): void {
  let text: string | undefined;
  try {
    text = JSON.stringify(memory);
  } catch {
    // A circle, or a bigint: told below.
  }
  if (text === undefined || !isDeepStrictEqual(JSON.parse(text), memory)) throw bad('has a memory that is not JSON');
  if (text.length > MOST_MEMORY_BYTES)
    throw bad(`has a memory of ${text.length} bytes, at most ${MOST_MEMORY_BYTES} are stored`);
}

function isShare(value: unknown): boolean {
  return Number.isFinite(value) && (value as number) >= 0;
}

function shown(value: unknown): string {
  if (value instanceof Promise) return 'with a promise';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  return typeof value === 'object' && value !== null ? 'an object' : String(value).slice(0, 60);
}

function failed({ name }: Policy, decision: string, why: string, cause?: unknown): FlockOffError {
  return new FlockOffError({
    code: 'policy-failed',
    what: `the policy "${name}" ${why} (in ${decision})`,
    fix: 'mend it and start again: nothing was sent, and the epoch goes on from where it stopped',
    facts: { policy: name, decision },
    cause,
  });
}
