import type { ReplayedEpoch } from '../../validator/receipts/replay.ts';
import { printable } from '../check/words.ts';
import type { ReplayedCompetition, ReplayOutput } from './replay-output.ts';

/** A table for each epoch of each competition. */
export function replayText({ competitions }: ReplayOutput): string {
  return competitions.map(competitionText).join('\n\n');
}

function competitionText({ competition, netuid, signer, policy, hasSets, epochs }: ReplayedCompetition): string {
  const lines = [
    printable(`competition ${competition} on subnet ${netuid}, reports of ${signer}`),
    `${printable(policy)}: weights as they were, and as they would have been`,
  ];
  if (hasSets) lines.push('each epoch has an evaluation set of its own: losses are compared within an epoch only');
  for (const { startBlock, actionBefore, action, weights } of epochs) {
    const moved = weights.reduce((sum, { before, after }) => sum + Math.abs(after - before), 0) / 2;
    const acts = action === actionBefore ? '' : `; ${actionText(action)}`;
    lines.push('', `block ${startBlock}: ${(100 * moved).toFixed(2)} % of the weight moves${acts}`);
    lines.push(`  ${'uid'.padStart(5)}${'old'.padStart(10)}${'new'.padStart(10)}${'change'.padStart(10)}`);
    for (const { uid, before, after } of weights)
      lines.push(
        `  ${String(uid).padStart(5)}${before.toFixed(4).padStart(10)}${after.toFixed(4).padStart(10)}${signed(after - before).padStart(10)}`,
      );
  }
  return lines.join('\n');
}

const signed = (change: number) => `${change < 0 ? '-' : '+'}${Math.abs(change).toFixed(4)}`;

function actionText(action: ReplayedEpoch['action']): string {
  if (action === 'set') return 'weights would have been sent';
  return action === 'keep' ? 'no weights would have been sent' : 'weights would have been taken back';
}
