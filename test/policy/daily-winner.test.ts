import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeWeights } from '../../src/policy/compute-weights.ts';
import { dailyWinnerPolicy } from '../../src/policy/daily-winner.ts';
import { momentOfDay } from '../../src/policy/day.ts';
import { decide, pointersUntil } from '../../src/policy/decide.ts';
import type { PolicyMiner } from '../../src/policy/policy.ts';
import { DailyWinnerRules } from '../../src/schema/policy.ts';

const RULES = DailyWinnerRules.parse({});
const OWNER_UID = 9;
/** The third of March 2026 at 12:00 UTC is block 1000. */
const NOON = Date.UTC(2026, 2, 3, 12);
const at = (hours: number, minutes = 0) => {
  const timeMs = NOON + (60 * hours + minutes) * 60_000;
  return { timeMs, block: 1000 + (timeMs - NOON) / 12_000 };
};
const blockAt = (hours: number, minutes = 0) => at(hours, minutes).block;

/** A validator's days with this policy: who has committed when, and what it remembers. */
class Days {
  readonly policy = dailyWinnerPolicy();
  readonly miners = new Map<string, PolicyMiner>();
  registered = ['zero', 'ann', 'ben', 'cid', 'dan'];
  memory: unknown = null;
  lastEvaluated: Record<string, number> = {};
  /** Where that is not the block of the pointer. */
  countsFrom: Record<string, number> = {};
  epoch = 0;

  commit(hotkey: string, commitBlock: number, dataset = `${hotkey} ${commitBlock}`): this {
    const uid = this.registered.indexOf(hotkey);
    this.miners.set(hotkey, { uid, hotkey, coldkey: `cold ${hotkey}`, commitBlock, dataset });
    return this;
  }

  draw(now: { timeMs: number; block: number }, places = 32): string[] {
    const candidates = [...this.miners.keys()].map((hotkey) => ({
      hotkey,
      weight: 0,
      lastEvaluated: this.lastEvaluated[hotkey] ?? null,
    }));
    const { miners, memory } = this;
    const drawing = { candidates, places, firstPass: false, random: () => 0.5, miners, now, memory };
    const drawn = decide(this.policy, 'draw', drawing);
    this.epoch++;
    for (const hotkey of drawn) this.lastEvaluated[hotkey] = this.epoch;
    return drawn;
  }

  weigh(
    now: { timeMs: number; block: number },
    losses: Record<string, number> = {},
    {
      rejected = [],
      hidden = [],
      baseline = null,
      ownerUid = OWNER_UID,
      set = null,
    }: {
      rejected?: string[];
      hidden?: string[];
      baseline?: number | null;
      ownerUid?: number | null;
      /** The evaluation set that losses are on. */
      set?: string | null;
    } = {},
  ) {
    const { policy, miners, memory } = this;
    const weighed = computeWeights({
      ...{ policy, miners, memory, now, ownerUid },
      scored: Object.entries(losses).map(([hotkey, lossNatsPerToken]) => ({
        hotkey,
        lossNatsPerToken,
        commitBlock: this.countsFrom[hotkey] ?? miners.get(hotkey)?.commitBlock ?? 0,
      })),
      baselineLossNatsPerToken: baseline,
      evaluationSha256: set,
      rejected: new Set(rejected),
      hidden: new Set(hidden),
      previous: {},
      neurons: [
        ...this.registered.map((hotkey, uid) => ({ uid, hotkey, consensus: 0 })),
        { uid: OWNER_UID, hotkey: 'owner', consensus: 0 },
      ],
    });
    this.memory = weighed.memory;
    return weighed;
  }

  /** Who gets everything. */
  winner(...parameters: Parameters<Days['weigh']>): string {
    const { weights, action } = this.weigh(...parameters);
    expect(action).toBe('set');
    expect(weights).toHaveLength(1);
    expect(weights[0]!.weight).toBe(1);
    return weights[0]!.hotkey;
  }
}

describe('the UTC day', () => {
  it.each([
    [0, 0, 0, 'submissions'],
    [0, 29, 0, 'submissions'],
    [0, 30, 0, 'evaluation'],
    [11, 59, 0, 'evaluation'],
    [12, 0, 0, 'evaluation'], // midnight
    [23, 29, 0, 'evaluation'],
    [23, 30, 0, 'rewards'],
    [23, 59, 0, 'rewards'],
    [24, 0, 1, 'submissions'],
    [-1, 0, -1, 'evaluation'],
  ])('%i h %i min after noon', (hours, minutes, days, phase) => {
    const { day } = momentOfDay(NOON, RULES);
    expect(momentOfDay(at(hours, minutes).timeMs, RULES)).toEqual({ day: day + days, phase });
  });

  it('has its edges at the millisecond', () => {
    expect(momentOfDay(at(0, 30).timeMs - 1, RULES).phase).toBe('submissions');
    expect(momentOfDay(at(24).timeMs - 1, RULES).phase).toBe('rewards');
  });

  it('may have windows across midnight', () => {
    const rules = { submissionsFrom: '23:50', submissionsUntil: '00:20', rewardsFrom: '23:00' };
    const phaseAt = (hours: number, minutes: number) => momentOfDay(Date.UTC(2026, 2, 3, hours, minutes), rules);
    const { day } = phaseAt(23, 50);
    expect(phaseAt(24, 19)).toEqual({ day, phase: 'submissions' });
    expect(phaseAt(24, 20)).toEqual({ day, phase: 'evaluation' });
    expect(phaseAt(23, 49)).toEqual({ day: day - 1, phase: 'rewards' });
  });

  it('is 86,400 seconds long, also where a leap second was put in: UTC in milliseconds has none', () => {
    const before = momentOfDay(Date.UTC(2016, 11, 31, 12), RULES);
    expect(momentOfDay(Date.UTC(2017, 0, 1, 12), RULES)).toEqual({ day: before.day + 1, phase: 'submissions' });
    expect(momentOfDay(Date.UTC(2017, 0, 1, 12) - 1, RULES)).toEqual({ day: before.day, phase: 'rewards' });
  });

  it('counts every moment once, whatever the windows', () => {
    const minutes = fc.integer({ min: 0, max: 1439 });
    const time = (minute: number) =>
      `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
    fc.assert(
      fc.property(minutes, minutes, minutes, fc.integer({ min: 0, max: 4e12 }), (a, b, c, timeMs) => {
        const rules = { submissionsFrom: time(a), submissionsUntil: time(b), rewardsFrom: time(c) };
        fc.pre(DailyWinnerRules.safeParse(rules).success);
        const phases = ['submissions', 'evaluation', 'rewards'];
        const [now, later] = [momentOfDay(timeMs, rules), momentOfDay(timeMs + 60_000, rules)];
        const order = (one: typeof now) => 3 * one.day + phases.indexOf(one.phase);
        expect(order(later) - order(now)).toBeGreaterThanOrEqual(0);
        expect(momentOfDay(timeMs + 86_400_000, rules)).toEqual({ ...now, day: now.day + 1 });
      }),
    );
  });

  it.each([
    { submissionsUntil: '12:00' },
    { rewardsFrom: '12:15' },
    { submissionsFrom: '25:00' },
    { rewardsFrom: '12:30' },
  ])('is refused with %j', (wrong) => {
    expect(() => dailyWinnerPolicy(wrong)).toThrow();
  });
});

describe('who is drawn', () => {
  const committed = () =>
    new Days().commit('ann', blockAt(0, 20)).commit('ben', blockAt(0, 5)).commit('cid', blockAt(0, 29));

  it('is nobody while submissions are open, and while rewards are paid', () => {
    expect(committed().draw(at(0, 29))).toEqual([]);
    expect(committed().draw(at(23, 30))).toEqual([]);
  });

  it('are the submissions of the day, the earliest first, until each has a result', () => {
    const days = committed();
    expect(days.draw(at(0, 35), 2)).toEqual(['ben', 'ann']);
    days.weigh(at(0, 35), { ben: 1, ann: 2 });
    expect(days.draw(at(1, 47), 2)).toEqual(['cid']);
    days.weigh(at(1, 47), { cid: 3 });
    expect(days.draw(at(3), 2)).toEqual([]);
  });

  it('are those again that could not be evaluated, after those not tried yet', () => {
    const days = committed();
    days.draw(at(0, 35), 2);
    days.weigh(at(0, 35), { ann: 2 });
    expect(days.draw(at(1, 47))).toEqual(['cid', 'ben']);
  });

  it('defect 12: is nobody with a pointer from before or after the window', () => {
    const days = new Days().commit('ann', blockAt(-1)).commit('ben', blockAt(0, 30)).commit('cid', blockAt(0, 10));
    expect(days.draw(at(2))).toEqual(['cid']);
  });

  it('is told by the time when a pointer was first seen: slow blocks afterwards move nobody over the edge', () => {
    const days = new Days().commit('ann', blockAt(0, 29));
    days.weigh(at(0, 35));
    // The chain stood still for three hours: told anew, the block would be from before noon.
    expect(days.draw({ timeMs: at(6).timeMs, block: blockAt(3) })).toEqual(['ann']);
  });
});

describe('who wins', () => {
  it('is the subnet’s owner before any result', () => {
    const days = new Days();
    expect(days.winner(at(-3))).toBe('owner');
    expect(days.commit('ann', blockAt(0, 10)).winner(at(0, 35), { ann: 1 })).toBe('owner');
  });

  it('is known when the rewards begin, and until those of the next day', () => {
    const days = new Days().commit('ann', blockAt(0, 10)).commit('ben', blockAt(0, 20));
    days.weigh(at(0, 35), { ann: 1.5, ben: 1.4 });
    expect(days.winner(at(23, 29))).toBe('owner');
    expect(days.winner(at(23, 30))).toBe('ben');
    days.commit('ann', blockAt(24, 10));
    expect(days.winner(at(24, 40), { ann: 1 })).toBe('ben');
    expect(days.winner(at(47, 29))).toBe('ben');
    expect(days.winner(at(47, 31))).toBe('ann');
  });

  it('is known also where no epoch began between rewards and the next day', () => {
    const days = new Days().commit('ann', blockAt(0, 10));
    days.weigh(at(22), { ann: 1.5 });
    // Its next pointer takes nothing from the day that is over.
    expect(days.commit('ann', blockAt(24, 5)).winner(at(24, 10))).toBe('ann');
  });

  it('is the earliest of the best 5 %', () => {
    const days = new Days();
    days.registered = Array.from({ length: 60 }, (_, i) => `m${i}`).filter((_, uid) => uid !== OWNER_UID);
    const entries = days.registered.slice(0, 40);
    for (const [i, hotkey] of entries.entries()) days.commit(hotkey, blockAt(0, 25) - i);
    days.weigh(at(1), Object.fromEntries(entries.map((hotkey, i) => [hotkey, 1 + i / 100])));
    // Two of 40; of the second loss the block is earlier.
    expect(days.winner(at(23, 40))).toBe('m1');
  });

  it('is the lower loss in the same block, and the lower hotkey where all is equal', () => {
    const policy = dailyWinnerPolicy({ bestShare: 1 });
    // Uids are as they happen to be.
    for (const registered of [
      ['cid', 'ben', 'ann'],
      ['ann', 'ben', 'cid'],
      ['ben', 'ann', 'cid'],
    ]) {
      const days = Object.assign(new Days(), { policy, registered });
      for (const hotkey of ['cid', 'ben', 'ann']) days.commit(hotkey, blockAt(0, 10));
      days.weigh(at(1), { ann: 1.2, cid: 1.1, ben: 1.1 });
      expect(days.winner(at(23, 40))).toBe('ben');
    }
  });

  it('is the owner after a day without any submission', () => {
    const days = new Days().commit('ann', blockAt(0, 10));
    days.weigh(at(1), { ann: 1 });
    expect(days.winner(at(23, 40))).toBe('ann');
    days.weigh(at(25));
    expect(days.winner(at(47, 40))).toBe('owner');
  });

  it('defect 6, 11: stays the last one after a day on which our side failed at every submission', () => {
    const days = new Days().commit('ann', blockAt(0, 10));
    days.weigh(at(1), { ann: 1 });
    days.weigh(at(23, 40));
    days.commit('ben', blockAt(24, 10));
    days.weigh(at(25));
    expect(days.winner(at(47, 40))).toBe('ann');
  });

  it('is of those with a result, though our side failed at another submission of the day', () => {
    const days = new Days().commit('ann', blockAt(0, 10));
    days.weigh(at(1), { ann: 1 });
    days.weigh(at(23, 40));
    days.commit('ben', blockAt(24, 10)).commit('cid', blockAt(24, 5));
    days.weigh(at(25), { ben: 2 });
    expect(days.winner(at(47, 40))).toBe('ben');
  });

  it('is the owner after a day on which every submission was refused', () => {
    const days = new Days().commit('ann', blockAt(0, 10));
    days.weigh(at(1), { ann: 1 });
    days.weigh(at(23, 40));
    days.commit('ben', blockAt(24, 10));
    days.weigh(at(25), {}, { rejected: ['ben'] });
    expect(days.winner(at(47, 40), {}, { rejected: ['ben'] })).toBe('owner');
  });

  it('is told by the block from which a dataset counts, which may be after that of its pointer', () => {
    const days = Object.assign(new Days(), { policy: dailyWinnerPolicy({ bestShare: 1 }) });
    days.commit('ann', blockAt(0, 10)).commit('ben', blockAt(0, 20));
    days.countsFrom.ann = blockAt(2);
    days.weigh(at(1), { ann: 1, ben: 2 });
    expect(days.winner(at(23, 40))).toBe('ben');
    days.weigh(at(23, 50), {}, { rejected: ['ben'] });
    expect(days.winner(at(23, 55), {}, { rejected: ['ben'] })).toBe('ann');
  });

  it('is not who has no pointer any more, though registered', () => {
    const days = new Days().commit('ann', blockAt(0, 10)).commit('ben', blockAt(0, 11));
    days.weigh(at(1), { ann: 1, ben: 2 });
    days.miners.delete('ann');
    expect(days.winner(at(23, 40))).toBe('ben');
    // Nor is a loss of anybody whose pointer is not known.
    days.miners.delete('ben');
    expect(days.winner(at(23, 50), { ben: 1 })).toBe('owner');
  });

  it('has an average of 1, and nobody else has one', () => {
    const days = new Days().commit('ann', blockAt(0, 10));
    expect(days.weigh(at(1), { ann: 1 }).averages).toEqual({});
    expect(days.weigh(at(23, 40)).averages).toEqual({ ann: 1 });
  });

  it('defect 1: is nobody without a loss, or with one that does not beat the base model', () => {
    const days = new Days().commit('ann', blockAt(0, 10)).commit('ben', blockAt(0, 11));
    days.weigh(at(1), { ann: 999 }, { baseline: 2, rejected: ['ben'] });
    expect(days.winner(at(23, 40), {}, { rejected: ['ben'] })).toBe('owner');
  });

  it('defect 3: is the owner once the winner has left the subnet', () => {
    const days = new Days().commit('dan', blockAt(0, 10));
    days.weigh(at(1), { dan: 1 });
    expect(days.winner(at(23, 40))).toBe('dan');
    days.registered = days.registered.slice(0, 4);
    days.miners.delete('dan');
    expect(days.winner(at(24, 40))).toBe('owner');
  });

  it('defect 4: may be uid 0', () => {
    const days = new Days().commit('zero', blockAt(0, 10));
    expect(days.weigh(at(23, 40), { zero: 1 }).weights).toEqual([{ uid: 0, hotkey: 'zero', weight: 1 }]);
  });

  it('defect 13: is not who has replaced the pointer, or has a verdict by then', () => {
    const days = new Days().commit('ann', blockAt(0, 10)).commit('ben', blockAt(0, 11)).commit('cid', blockAt(0, 12));
    days.weigh(at(1), { ann: 1, ben: 2, cid: 3 });
    days.commit('ann', blockAt(5));
    expect(days.winner(at(23, 40), {}, { rejected: ['ben'] })).toBe('cid');
  });

  describe('once the dataset that won is hidden', () => {
    function won(): Days {
      const days = new Days().commit('ann', blockAt(0, 10), 'a').commit('ben', blockAt(0, 11), 'b');
      days.commit('cid', blockAt(0, 12), 'c').weigh(at(1), { ann: 1, ben: 2, cid: 3 });
      expect(days.winner(at(23, 40))).toBe('ann');
      return days;
    }
    const hidden = ['a'];

    it('is the next of the day, until the next day’s rewards, and stays so', () => {
      const days = won();
      expect(days.winner(at(23, 50), {}, { hidden })).toBe('ben');
      const later = won();
      expect(later.winner(at(24, 40), {}, { hidden })).toBe('ben');
      expect(later.winner(at(26))).toBe('ben');
      expect(later.winner(at(27), {}, { hidden: ['b'] })).toBe('cid');
      expect(later.winner(at(28), {}, { hidden: ['c'] })).toBe('owner');
    });

    it('is so behind a later pointer, too, and a later dataset that is hidden takes nothing from the earlier', () => {
      const days = won().commit('ann', blockAt(24, 10), 'new');
      expect(days.winner(at(25), {}, { hidden: ['new'], rejected: ['ann'] })).toBe('ann');
      expect(days.winner(at(26), {}, { hidden })).toBe('ben');
    });

    it('passes over who has left the subnet or hidden his as well', () => {
      const days = won();
      days.registered[days.registered.indexOf('ben')] = 'stranger';
      expect(days.winner(at(25), {}, { hidden })).toBe('cid');
      expect(won().winner(at(25), {}, { hidden: ['a', 'b'] })).toBe('cid');
    });

    it('is still he where nothing is known of the dataset, as of a day that an earlier version settled', () => {
      const days = won();
      const { paid: _, ...memory } = days.memory as Record<string, unknown>;
      days.memory = memory;
      expect(days.winner(at(25), {}, { hidden })).toBe('ann');
    });
  });

  it('defect 17: is known after a restart from what was stored as JSON', () => {
    const days = new Days().commit('ann', blockAt(0, 10));
    days.weigh(at(1), { ann: 1 });
    const restarted = new Days().commit('ann', blockAt(0, 10));
    restarted.memory = JSON.parse(JSON.stringify(days.memory));
    expect(restarted.winner(at(23, 40))).toBe('ann');
  });

  it('sends nothing where neither a winner nor an owner is registered', () => {
    expect(new Days().weigh(at(1), {}, { ownerUid: null })).toMatchObject({ weights: [], action: 'keep' });
  });

  it('begins anew where the memory is another policy’s', () => {
    const days = new Days();
    days.memory = { anything: 1 };
    expect(days.winner(at(1))).toBe('owner');
  });
});

it('asks for rows of the evaluation set, of which 33 may be another’s, too', () => {
  expect(dailyWinnerPolicy().intake).toMatchObject({ evaluationRows: 'require', mostCommonRows: 33, excluded: [] });
});

it('scores 1 who leads the day, with what was evaluated earlier in it', () => {
  const days = new Days().commit('ann', blockAt(0, 10)).commit('ben', blockAt(0, 11)).commit('cid', blockAt(0, 12));
  expect(Object.fromEntries(days.weigh(at(1), { ann: 1, ben: 2 }).scores)).toEqual({ ann: 1, ben: 0 });
  expect(Object.fromEntries(days.weigh(at(3), { cid: 1.5 }).scores)).toEqual({ cid: 0 });
});

it('scores by the loss of now whoever has one of earlier in the day as well', () => {
  const days = new Days().commit('ann', blockAt(0, 10)).commit('ben', blockAt(0, 11));
  days.weigh(at(1), { ann: 1 });
  expect(Object.fromEntries(days.weigh(at(3), { ann: 3, ben: 2 }).scores)).toEqual({ ann: 0, ben: 1 });
});

it('says what a loss has come to', () => {
  const explained = (score: number | null) =>
    dailyWinnerPolicy().explain({ score, lossNatsPerToken: 2.5, baselineLossNatsPerToken: 2, rivals: 3 });
  expect(explained(null)).toBe('does not beat the base model: loss 2.5000, the base model alone has 2.0000');
  expect(explained(1)).toBe('leads the day');
  expect(explained(0)).toBe('does not lead the day');
});

describe('with time-locked sets', () => {
  const policy = dailyWinnerPolicy({ evaluationRows: 'leave-out' });

  it('all epochs of the evaluation are measured on the set that follows the submissions', () => {
    const end = at(0, 30);
    for (const now of [at(0, 30), at(0, 31), at(7), at(23, 29)]) expect(pointersUntil(policy, now)).toEqual(end);
    for (const now of [at(0), at(0, 29), at(23, 30), at(23, 59)]) expect(pointersUntil(policy, now)).toEqual(now);
    // Of a block that comes between two, and where blocks were slow since, an earlier one.
    expect(pointersUntil(policy, { timeMs: end.timeMs + 5, block: end.block })).toEqual({
      ...end,
      block: end.block - 1,
    });
    expect(pointersUntil(policy, { timeMs: at(1).timeMs, block: end.block })).toEqual({
      ...end,
      block: end.block - 150,
    });
  });

  it('and where rows of a known set are asked for, the block that an epoch begins with counts as ever', () => {
    expect(pointersUntil(dailyWinnerPolicy(), at(7))).toEqual(at(7));
    expect(policy.intake.evaluationRows).toBe('leave-out');
    expect(dailyWinnerPolicy().intake.evaluationRows).toBe('require');
  });

  it('losses on another set than the first of the day do not count in it', () => {
    const days = Object.assign(new Days(), { policy }).commit('ann', blockAt(0, 10)).commit('ben', blockAt(0, 11));
    const lead = (scores: Map<string, number>) => [...scores].flatMap(([hotkey, score]) => (score === 1 ? hotkey : []));
    expect(lead(days.weigh(at(1), { ann: 2 }, { set: 'moons' }).scores)).toEqual(['ann']);
    const other = days.weigh(at(2), { ben: 1 }, { set: 'stars' });
    expect([lead(other.scores), [...other.worthless]]).toEqual([[], []]);
    // Nobody was measured, on no set.
    days.weigh(at(3), {}, { set: 'none' });
    expect(days.draw(at(3))).toEqual(['ben']);
    expect(lead(days.weigh(at(4), { ben: 1.5 }, { set: 'moons' }).scores)).toEqual(['ben']);
    expect(days.winner(at(23, 40), {}, { set: 'none' })).toBe('ben');
    // The next day has a set of its own.
    days.commit('ann', blockAt(24, 10));
    expect(lead(days.weigh(at(25), { ann: 3 }, { set: 'stars' }).scores)).toEqual(['ann']);
  });

  it.each<[string, unknown]>([
    ['later than the epoch', at(8)],
    ['no moment', { timeMs: Number.NaN, block: 1 }],
    ['a promise', Promise.resolve(at(1))],
  ])('a policy of one’s own that answers %s is stopped', (_, answer) => {
    const own = { ...policy, name: 'mine', pointersUntil: () => answer as never };
    expect(() => pointersUntil(own, at(7))).toThrow(/policy "mine" answers .* \(in pointersUntil\)/);
  });
});
