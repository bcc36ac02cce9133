import * as z from 'zod';
import { byWaiting } from '../queue/draw-by-shares.ts';
import { DailyWinnerRules } from '../schema/policy.ts';
import { pickDailyWinner } from '../scoring/daily-winner.ts';
import { beatsBaseline, type Contestant } from '../scoring/win-rates.ts';
import { momentOfDay, timeInDayMs } from './day.ts';
import { finishWeights } from './finish-weights.ts';
import type { EpochMoment, Policy, PolicyMiner, PolicyScoreParameters, PolicyWeighParameters } from './policy.ts';

const DailyResults = z.record(
  z.string(),
  z.object({
    lossNatsPerToken: z.number(),
    /** From which block on the dataset counts. */
    commitBlock: z.int(),
    /** Block of the pointer that the result is of. */
    pointerBlock: z.int(),
    /** What that names. Earlier versions did not store it. */
    dataset: z.string().nullable().default(null),
  }),
);

/** What is known from epoch to epoch, of the day in which the last one began. */
const DailyMemory = z.object({
  day: z.int(),
  /** When pointers were committed, as it was told when they were first seen, by hotkey. */
  committed: z.record(z.string(), z.object({ block: z.int(), timeMs: z.number() })),
  results: DailyResults,
  /** Of the evaluation set that they are on: losses on another one are other numbers. Earlier versions did not store it. */
  evaluationSha256: z.string().nullable().default(null),
  /** Whether a submission of the day has no verdict: if none has a result either, it is our side that failed. */
  isOpen: z.boolean(),
  /** Hotkey of the last day that had one; `null` before that, and after a day without any result. */
  winner: z.string().nullable(),
  /** Results of the day that the winner is of, without those whose datasets were hidden since. Earlier versions did not store it. */
  paid: DailyResults.default({}),
  /** The last day whose winner is known. */
  settledDay: z.int().nullable(),
});
type DailyMemory = z.infer<typeof DailyMemory>;

/**
 * The policy `daily-winner` (era C): a UTC day, by the chain's clock, begins with a time for submissions. Pointers from then
 * are evaluated until the rewards begin, in the order of their commitment; of the best few by loss the earliest takes
 * everything, until the next day's rewards. Before there is a winner, and after a day without any result, everything goes to
 * the subnet's owner. A day on which our side failed at every submission leaves the last winner in place.
 * A winner whose dataset nobody can read any more is paid no longer: the next of his day is.
 * Datasets are choices among the rows of the evaluation set; of two with too many common rows the later one is a duplicate.
 * With `evaluationRows: 'leave-out'` they have rows of their own, and each day may have a time-locked set: the first sound
 * one that opens, by the margin, after its submissions. Only losses on the first set of a day that gave any count in it.
 * @param rules where they differ from the defaults.
 * @throws ZodError for rules that are none.
 * @example
 * const { parameters } = dailyWinnerPolicy();
 */
export function dailyWinnerPolicy(rules: Partial<DailyWinnerRules> = {}): Policy {
  const parameters = DailyWinnerRules.parse(rules);
  const { bestShare, evaluationRows, mostCommonRows, excluded } = parameters;
  return {
    name: 'daily-winner',
    parameters,
    intake: { evaluationRows, mostCommonRows, excluded, watchEarlier: true },
    pointersUntil: (now) => pointersUntil(parameters, now),
    draw({ candidates, places, miners, now, memory }) {
      if (momentOfDay(now.timeMs, parameters).phase !== 'evaluation') return [];
      const { results } = today(parameters, memory, now);
      const open = new Set(
        submissionsOfDay(parameters, miners, commitTimes(parameters, miners, memory, now), now)
          .filter(({ hotkey, commitBlock }) => results[hotkey]?.pointerBlock !== commitBlock)
          .map(({ hotkey }) => hotkey),
      );
      const blockOf = (hotkey: string) => miners.get(hotkey)!.commitBlock;
      const earliest = candidates
        .filter(({ hotkey }) => open.has(hotkey))
        .sort((a, b) => blockOf(a.hotkey) - blockOf(b.hotkey));
      // Who could not be evaluated today comes after those who were not tried yet.
      const waiting = byWaiting(earliest);
      return waiting.slice(0, places).map(({ hotkey }) => hotkey);
    },
    score(scoring) {
      const { contestants, baselineLossNatsPerToken, now, memory } = scoring;
      const eligible = contestants.filter(({ lossNatsPerToken }) =>
        beatsBaseline({ lossNatsPerToken, baselineLossNatsPerToken, advantage: 0 }),
      );
      const hasLoss = new Set(contestants.map(({ hotkey }) => hotkey));
      const known = today(parameters, memory, now);
      const earlier = contestantsOf(known).filter(({ hotkey }) => !hasLoss.has(hotkey));
      const leader = leaderOf([...earlier, ...(isOnSetOf(known, scoring) ? eligible : [])], bestShare);
      return new Map(eligible.map(({ hotkey }) => [hotkey, hotkey === leader ? 1 : 0]));
    },
    weigh(weighing) {
      const { neurons, now, ownerUid } = weighing;
      const memory = nextMemory(parameters, weighing);
      const { day, phase } = momentOfDay(now.timeMs, parameters);
      const settled = withoutHidden(
        phase === 'rewards' ? settle(memory, day, parameters) : memory,
        weighing,
        parameters,
      );
      const winner = neurons.find(({ hotkey }) => hotkey === settled.winner);
      const uid = winner?.uid ?? ownerUid;
      const weights = uid === null ? [] : [{ uid, weight: 1 }];
      const averages = winner ? { [winner.hotkey]: 1 } : {};
      return finishWeights({ weights, averages, memory: settled }, neurons, parameters);
    },
    explain({ score, baselineLossNatsPerToken: baseline, lossNatsPerToken: loss }) {
      if (score === null)
        return `does not beat the base model: loss ${loss.toFixed(4)}, the base model alone has ${baseline?.toFixed(4)}`;
      return score === 1 ? 'leads the day' : 'does not lead the day';
    },
  };
}

/** What is remembered, as of this epoch's day: the one before is settled, and a new one begins empty. */
function today(rules: DailyWinnerRules, stored: unknown, { timeMs }: EpochMoment): DailyMemory {
  const { day } = momentOfDay(timeMs, rules);
  const parsed = DailyMemory.safeParse(stored);
  if (!parsed.success)
    return {
      day,
      committed: {},
      results: {},
      evaluationSha256: null,
      isOpen: false,
      winner: null,
      paid: {},
      settledDay: null,
    };
  const memory = parsed.data;
  if (memory.day === day) return memory;
  const isSettled = memory.settledDay !== null && memory.settledDay >= memory.day;
  const before = isSettled ? memory : settle(memory, memory.day, rules);
  return { ...before, day, results: {}, evaluationSha256: null, isOpen: false };
}

/** With this epoch's losses, and without results of who left, was refused, or committed another pointer. */
function nextMemory(rules: DailyWinnerRules, weighing: PolicyWeighParameters): DailyMemory {
  const { contestants, worthless, neurons, miners, memory: stored, now } = weighing;
  const memory = today(rules, stored, now);
  const results = new Map(Object.entries(memory.results));
  const isSameSet = isOnSetOf(memory, weighing);
  for (const { hotkey, commitBlock, lossNatsPerToken } of isSameSet ? contestants : []) {
    const miner = miners.get(hotkey);
    if (miner !== undefined)
      results.set(hotkey, {
        ...{ lossNatsPerToken, commitBlock, dataset: miner.dataset ?? null },
        pointerBlock: miner.commitBlock,
      });
  }
  const registered = new Set(neurons.map(({ hotkey }) => hotkey));
  for (const [hotkey, { pointerBlock }] of results) {
    const stands = registered.has(hotkey) && miners.get(hotkey)?.commitBlock === pointerBlock;
    if (!stands || worthless.has(hotkey)) results.delete(hotkey);
  }
  const committed = commitTimes(rules, miners, stored, now);
  const submissions = submissionsOfDay(rules, miners, committed, now);
  return {
    ...memory,
    results: Object.fromEntries(results),
    // A set that measured nobody is none of the day's.
    evaluationSha256:
      isSameSet && contestants.length > 0 ? (weighing.evaluationSha256 ?? null) : memory.evaluationSha256,
    isOpen: submissions.some(({ hotkey }) => !worthless.has(hotkey)),
    committed,
  };
}

/** Whether losses can be compared with those of the day. */
function isOnSetOf(
  { results, evaluationSha256 }: DailyMemory,
  { evaluationSha256: now }: Pick<PolicyScoreParameters, 'evaluationSha256'>,
): boolean {
  return Object.keys(results).length === 0 || evaluationSha256 === null || now == null || evaluationSha256 === now;
}

/**
 * While the submissions of a day are evaluated: when their time has ended. So all epochs of a day are measured on one set, of
 * a list that was named before. The block is not later than the one that is seen: blocks come no faster than they are said to.
 */
function pointersUntil(rules: DailyWinnerRules, now: EpochMoment): EpochMoment {
  if (rules.evaluationRows === 'require' || momentOfDay(now.timeMs, rules).phase !== 'evaluation') return now;
  const timeMs = timeInDayMs(now.timeMs, rules, 'submissionsUntil');
  const block = now.block - Math.ceil((now.timeMs - timeMs) / (1_000 * rules.blockSeconds));
  return { block, timeMs };
}

/** A day with results has a winner; one with none has none, unless there were submissions that our side failed at. */
function settle(memory: DailyMemory, day: number, { bestShare }: DailyWinnerRules): DailyMemory {
  const winner = leaderOf(contestantsOf(memory), bestShare);
  if (winner === null && memory.isOpen) return { ...memory, settledDay: day };
  return { ...memory, winner, paid: memory.results, settledDay: day };
}

/** Whoever hides the dataset that won, also behind a later pointer, makes way for the next of that day who is still there. */
function withoutHidden(
  memory: DailyMemory,
  { hidden, neurons }: PolicyWeighParameters,
  { bestShare }: DailyWinnerRules,
): DailyMemory {
  const open = Object.entries(memory.paid).filter(([, { dataset }]) => dataset === null || !hidden.has(dataset));
  const paid = Object.fromEntries(open);
  const { winner } = memory;
  if (winner === null || winner in paid || !(winner in memory.paid)) return { ...memory, paid };
  const registered = new Set(neurons.map(({ hotkey }) => hotkey));
  const left = Object.fromEntries(open.filter(([hotkey]) => registered.has(hotkey)));
  return { ...memory, paid, winner: leaderOf(contestantsOf({ results: left }), bestShare) };
}

function leaderOf(contestants: Contestant[], bestShare: number): string | null {
  // By hotkey, so that what is equal in everything goes to the same one at every validator.
  const sorted = contestants.toSorted((a, b) => (a.hotkey < b.hotkey ? -1 : 1));
  return pickDailyWinner(sorted, bestShare)?.hotkey ?? null;
}

function contestantsOf({ results }: Pick<DailyMemory, 'results'>): Contestant[] {
  return Object.entries(results).map(([hotkey, result]) => ({ hotkey, ...result }));
}

/** Whose pointers were committed in the time for submissions of this epoch's day. */
function submissionsOfDay(
  rules: DailyWinnerRules,
  miners: Map<string, PolicyMiner>,
  committed: DailyMemory['committed'],
  now: EpochMoment,
): PolicyMiner[] {
  const { day } = momentOfDay(now.timeMs, rules);
  return [...miners.values()].filter(({ hotkey }) => {
    const moment = momentOfDay(committed[hotkey]!.timeMs, rules);
    return moment.day === day && moment.phase === 'submissions';
  });
}

/**
 * When pointers were committed: told from their blocks when they are first seen, and kept, so that slow blocks afterwards
 * move nobody over the edge.
 */
function commitTimes(
  { blockSeconds }: DailyWinnerRules,
  miners: Map<string, PolicyMiner>,
  stored: unknown,
  { block, timeMs }: EpochMoment,
): DailyMemory['committed'] {
  const parsed = DailyMemory.safeParse(stored);
  const known = parsed.success ? parsed.data.committed : {};
  return Object.fromEntries(
    [...miners.values()].map(({ hotkey, commitBlock }) => {
      const before = known[hotkey];
      if (before?.block === commitBlock) return [hotkey, before];
      return [hotkey, { block: commitBlock, timeMs: timeMs - (block - commitBlock) * blockSeconds * 1_000 }];
    }),
  );
}
