import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { computeWeights, type DatasetRow, type EpochReport, loadEvaluationSet } from 'flock-off';
import { type Arena, type Equipment, type Name, toLines } from './arena.ts';

/** What a case came to, and what the rules say it should. */
export interface Played {
  report: EpochReport;
  /** By hotkey, before the epoch of the report. Default: nobody had one. */
  previous?: Record<string, number>;
  /** The rows of each miner that are his, in the order of his file; none: he has to be refused. */
  own: Partial<Record<Name, DatasetRow[]>>;
  /** Whom the case is about. */
  about: Name[];
  /** What else went wrong. */
  problems?: string[];
}

export interface Case {
  name: string;
  /** Attackers may be refused; honest miners must be scored, and lose no more than a row in a hundred of their own. */
  kind: 'attack' | 'honest';
  competition?: Parameters<typeof Arena.open>[0]['competition'];
  play(arena: Arena): Promise<Played>;
}

/** One line of the table. */
export interface Line {
  name: string;
  kind: Case['kind'];
  rows: number;
  /** Rows that were not trained on. */
  leftOut: number;
  /** Of the rows that are his, those that were not trained on. */
  wronglyLeftOut: number;
  outcome: string;
  weight: number;
  /** What the rows that are his would have earned alone, everything else equal. */
  weightAlone: number;
  problems: string[];
}

/** Compares every miner of an epoch with a run on the rows that are his, and nothing else. */
export async function judge(arena: Arena, one: Case, played: Played): Promise<Line[]> {
  const { kind } = one;
  const { report, own, about, previous = {} } = played;
  const { neurons } = await arena.subtensor.metagraph({ netuid: report.netuid });
  const names = Object.keys(own) as Name[];
  const alone = new Map<Name, number | null>();
  for (const one of names) alone.set(one, await lossAlone(arena, own[one]!, report.epochSeed));
  const ledger = new Map((await arena.state.ledger()).map((entry) => [entry.hotkey, entry]));
  const weighed = computeWeights({
    scored: names.flatMap((one) => {
      const [hotkey, lossNatsPerToken] = [arena.addressOf(one), alone.get(one)];
      const commitBlock = Math.floor((ledger.get(hotkey)?.showings[0]?.position ?? 0) / 65_536);
      return lossNatsPerToken == null ? [] : [{ hotkey, lossNatsPerToken, commitBlock }];
    }),
    baselineLossNatsPerToken: report.baselineLossNatsPerToken,
    rejected: new Set(names.filter((one) => alone.get(one) === null).map((one) => arena.addressOf(one))),
    previous,
    neurons,
  });
  const line = (miner: Name): Line => {
    const name = about.length > 1 ? `${one.name}: ${miner}` : one.name;
    const entry = report.entries.find(({ hotkey }) => hotkey === arena.addressOf(miner));
    const weightAlone = weighed.weights.find(({ hotkey }) => hotkey === arena.addressOf(miner))?.weight ?? 0;
    const problems: string[] = [];
    if (!entry)
      return {
        ...{ name, kind, rows: 0, leftOut: 0, wronglyLeftOut: 0, outcome: 'no entry', weight: 0, weightAlone },
        problems: [`${miner}: not in the report`],
      };
    const { outcome, weight } = entry;
    const rows = entry.rows ?? 0;
    const mine = own[miner]!.length;
    const { others = 0, evaluation = 0, repeats = 0 } = entry.leftOut ?? {};
    const kept = outcome.kind === 'rejected' && !entry.leftOut ? 0 : rows - others - evaluation - repeats;
    const wronglyLeftOut = Math.max(0, mine - kept);
    const expected = alone.get(miner) ?? null;
    if (outcome.kind === 'postponed') problems.push(`${miner}: postponed, ${outcome.message}`);
    if (outcome.kind === 'scored' && outcome.lossNatsPerToken !== expected) {
      const isForgiven = kind === 'honest' && wronglyLeftOut > 0 && wronglyLeftOut <= mine / 100;
      const seen = `${kept} of ${rows} rows trained on, ${mine} are his; loss ${outcome.lossNatsPerToken}, his rows alone ${expected}`;
      if (!isForgiven) problems.push(`${miner}: ${seen}`);
    }
    const mayBeRefused = kind === 'attack' && about.includes(miner);
    if (outcome.kind === 'rejected' && expected !== null && !mayBeRefused)
      problems.push(`${miner}: refused, ${outcome.verdict.message}`);
    if (outcome.kind === 'rejected' && weight !== 0) problems.push(`${miner}: refused, and has weight ${weight}`);
    if (weight > weightAlone + 1e-9 && about.includes(miner) && kind === 'attack')
      problems.push(`${miner}: earned ${weight}, his own rows ${weightAlone}`);
    const text =
      outcome.kind === 'scored' ? 'scored' : outcome.kind === 'rejected' ? outcome.verdict.reason : 'postponed';
    return { name, kind, rows, leftOut: rows - kept, wronglyLeftOut, outcome: text, weight, weightAlone, problems };
  };
  const lines = about.map(line);
  // Nobody else may lose or gain anything by it.
  const others = names.filter((one) => !about.includes(one)).flatMap((one) => line(one).problems);
  lines[0]!.problems.push(...others, ...(played.problems ?? []));
  return lines;
}

const losses = new WeakMap<Equipment, Map<string, number | null>>();

/** The loss of a file of these rows and nothing else; `null` where there are too few to be trained on. */
async function lossAlone(arena: Arena, rows: DatasetRow[], seed: number): Promise<number | null> {
  const { equipment, competition } = arena;
  if (rows.length < competition.minRows) return null;
  const { recipe } = competition;
  const known = losses.get(equipment) ?? new Map<string, number | null>();
  losses.set(equipment, known);
  const key = createHash('sha256')
    .update(JSON.stringify([rows, seed, recipe]))
    .digest('hex');
  if (known.has(key)) return known.get(key)!;
  const path = join(arena.folder, 'alone.jsonl');
  await writeFile(path, toLines(rows));
  const alone = await loadEvaluationSet({ path });
  const trained = await equipment.trainer.train({ rows: alone.rows, recipe, seed });
  const { contextTokens } = recipe;
  const evaluated = trained.ok
    ? await equipment.trainer.evaluate({
        rows: equipment.evaluation.rows,
        adapter: trained.value.adapter,
        contextTokens,
      })
    : trained;
  const loss = evaluated.ok ? evaluated.value.lossNatsPerToken : null;
  known.set(key, loss);
  return loss;
}
