import { type DatasetScore, LoraTrainer, type Scorer } from 'flock-off';
import { TINY_BASE } from 'flock-off/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWorld, type World } from '../fleet/world.ts';

export interface ScorerContractParameters {
  name: string;
  open(world: World): Promise<{ scorer: Scorer; close(): Promise<void> }>;
}

/** What every scorer does alike. */
export function scorerContract({ name, open }: ScorerContractParameters): void {
  let world: World;
  let scorer: Scorer;
  let close: () => Promise<void>;
  beforeAll(async () => {
    world = await openWorld();
    ({ scorer, close } = await open(world));
  });
  afterAll(async () => {
    await close?.();
    await world?.close();
  });

  test(`${name}: losses are bit for bit those of a trainer in this process, several at a time too`, async () => {
    const trainer = await LoraTrainer.open({ inline: true, model: TINY_BASE });
    const expected: number[][] = [];
    for (const { dataset, competition, seed, evaluation } of world.tasks) {
      const rows = await world.checker.readRows({ ...dataset, competition });
      const trained = await trainer.train({ rows, recipe: competition.recipe, seed });
      if (!trained.ok) throw new Error(trained.verdict.message);
      const { adapter } = trained.value;
      const evaluated = await trainer.evaluate({ rows: evaluation.rows, adapter, contextTokens: 48 });
      expected.push(evaluated.ok ? [evaluated.value.lossNatsPerToken, ...(evaluated.value.rowLosses as number[])] : []);
    }
    trainer.dispose();
    const scores = await Promise.all(world.tasks.map((task) => scorer.score(task)));
    expect(scores.map((score) => (score.ok ? lossesOf(score.value) : score))).toEqual(expected);
  }, 90_000);

  test(`${name}: the base model alone has the same loss each time`, async () => {
    const { evaluation } = world;
    const base = await scorer.evaluateBase({ evaluation, contextTokens: 48 });
    const expected = await world.trainer.evaluate({ rows: evaluation.rows, contextTokens: 48 });
    if (!base.ok || !expected.ok) throw new Error('no loss');
    expect(base.value.lossNatsPerToken).toBe(expected.value.lossNatsPerToken);
    expect(base.value.rowLosses).toEqual(expected.value.rowLosses);
  });

  test(`${name}: a verdict of training comes back as one`, async () => {
    const [task] = world.tasks;
    const competition = { ...task!.competition, maxTokens: 1 };
    const score = await scorer.score({ ...task!, key: 'b'.repeat(64), competition });
    expect(score).toMatchObject({ ok: false, verdict: { reason: 'too-many-tokens' } });
  });

  test(`${name}: it tells how far it is`, async () => {
    const seen: string[] = [];
    const { uid } = world.tasks[2]!;
    await scorer.score({
      ...{ ...world.tasks[2]!, key: 'c'.repeat(64) },
      onTraining: ({ step, steps }) => seen.push(`${uid}: ${step} of ${steps}`),
    });
    expect(seen.at(-1)).toBe('2: 5 of 5');
  });

  test(`${name}: what is aborted ends with the signal's reason, and the next task is done`, async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const [first, second] = world.tasks;
    const aborted = scorer.score({ ...first!, key: 'd'.repeat(64), signal: stop.signal });
    stop.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    expect(await scorer.score({ ...second!, key: 'e'.repeat(64) })).toMatchObject({ ok: true });
  });

  test(`${name}: known-good work succeeds`, async () => {
    const { evaluation, tasks } = world;
    await expect(scorer.probe({ competition: tasks[0]!.competition, evaluation })).resolves.toBeUndefined();
  });
}

function lossesOf({ lossNatsPerToken, measured }: DatasetScore): number[] {
  const bytes = Buffer.from(measured?.rowLosses ?? '', 'base64');
  return [lossNatsPerToken, ...Array.from({ length: bytes.length / 8 }, (_, row) => bytes.readDoubleLE(8 * row))];
}
