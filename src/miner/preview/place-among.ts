import { canonicalJson } from '../../shared/canonical-json.ts';
import type { Receipt } from '../../validator/receipts/receipt.ts';

/** What a loss must agree in with those of a report to be compared with them. */
export interface LossTerms {
  baseSha256: string;
  evaluationSha256: string;
  /** Of the competition, as it stands in reports. */
  recipe: object;
}

/** Where a loss would stand among those of reports: plain JSON. */
export interface PlaceAmong {
  /** Of the newest report that has a loss which counts here. */
  startBlock: number;
  /** Newest losses of others, the lowest first. */
  losses: { uid: number; hotkey: string; lossNatsPerToken: number; startBlock: number }[];
  /** Place of the mean, from 1, and of the best and the worst seed. */
  place: number;
  best: number;
  worst: number;
  /** The hotkey's own newest loss; `null` where it has none. */
  own: number | null;
  /** The base model's there, to be compared with the one measured here; `null` where reports have none. */
  baselineLossNatsPerToken: number | null;
}

export interface PlaceAmongParameters {
  /** The newest first. */
  receipts: readonly Receipt[];
  terms: LossTerms;
  /** Measured here, one a seed. */
  lossesNatsPerToken: readonly number[];
  /** Of who would commit. */
  hotkey?: string;
}

/**
 * Where losses would stand among the newest ones of other miners, each from the last of the reports that has one.
 * @returns `null` where no report has a loss that was measured likewise.
 * @example
 * const terms = { baseSha256: trainer.baseSha256, evaluationSha256: evaluation.sha256, recipe: competition.recipe };
 * const among = placeAmong({ receipts, terms, lossesNatsPerToken: [1.98, 2.01] });
 * if (among) console.log(`place ${among.place} of ${among.losses.length + 1}`);
 */
export function placeAmong({ receipts, terms, lossesNatsPerToken, hotkey }: PlaceAmongParameters): PlaceAmong | null {
  const alike = receipts.filter((receipt) => isAlike(receipt, terms));
  const newest = new Map<string, PlaceAmong['losses'][number]>();
  for (const { startBlock, entries } of alike)
    for (const { uid, hotkey, outcome } of entries)
      if (outcome.kind === 'scored' && !newest.has(hotkey))
        newest.set(hotkey, { uid, hotkey, lossNatsPerToken: outcome.lossNatsPerToken, startBlock });
  const own = hotkey === undefined ? null : (newest.get(hotkey)?.lossNatsPerToken ?? null);
  const losses = [...newest.values()]
    .filter((one) => one.hotkey !== hotkey)
    .sort((a, b) => a.lossNatsPerToken - b.lossNatsPerToken);
  if (newest.size === 0) return null;
  const placeOf = (loss: number) => 1 + losses.filter(({ lossNatsPerToken }) => lossNatsPerToken < loss).length;
  const mean = lossesNatsPerToken.reduce((sum, loss) => sum + loss, 0) / lossesNatsPerToken.length;
  return {
    startBlock: Math.max(...[...newest.values()].map((one) => one.startBlock)),
    losses,
    place: placeOf(mean),
    best: placeOf(Math.min(...lossesNatsPerToken)),
    worst: placeOf(Math.max(...lossesNatsPerToken)),
    own,
    baselineLossNatsPerToken:
      alike.find((one) => one.baselineLossNatsPerToken !== null)?.baselineLossNatsPerToken ?? null,
  };
}

function isAlike({ trainer, inputs }: Receipt, { baseSha256, evaluationSha256, recipe }: LossTerms): boolean {
  return (
    trainer.baseSha256 === baseSha256 &&
    inputs.evaluation.sha256 === evaluationSha256 &&
    canonicalJson(inputs.competition.recipe) === canonicalJson(recipe)
  );
}
