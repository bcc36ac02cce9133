import { type CommitmentField, lockedRound, lockOf } from '../state/commitment-fields.ts';
import type { Storage } from '../state/storage.ts';
import { unlock } from './drand.ts';
import type { PalletContext } from './pallet-context.ts';

/** Revealed commitments that are kept for a hotkey. */
const KEPT_REVEALS = 10;

/** Adds a commitment with a time-locked field to `TimelockedIndex`, or removes one without. */
export function updateTimelockedIndex(
  storage: Storage,
  netuid: number,
  hotkey: string,
  fields: CommitmentField[],
): void {
  const waiting = storage.get<[number, string][]>('Commitments.TimelockedIndex');
  const others = waiting.filter(([subnet, who]) => subnet !== netuid || who !== hotkey);
  const locked = lockedRound(fields) !== undefined;
  if (locked || others.length < waiting.length)
    storage.put('Commitments.TimelockedIndex', locked ? [...others, [netuid, hotkey]] : others);
}

/**
 * Decrypts the time-locked fields whose round has come: their bytes move to `RevealedCommitments`. Those that do not
 * decrypt are dropped without an event, or, on the latest runtime, stay with the mark that they failed.
 */
export function revealCommitments(context: PalletContext): void {
  const { storage, block, emit } = context;
  for (const [netuid, hotkey] of storage.get<[number, string][]>('Commitments.TimelockedIndex')) {
    const registration = storage.get<{ info: { fields: CommitmentField[] } }>(
      'Commitments.CommitmentOf',
      netuid,
      hotkey,
    );
    const kept: CommitmentField[] = [];
    const opened: string[] = [];
    let changed = false;
    for (const field of registration.info.fields) {
      const locked = lockOf(field);
      const outcome = locked && unlock(context, locked.encrypted, locked.revealRound);
      if (!outcome || outcome.state === 'waiting') {
        kept.push(field);
        continue;
      }
      changed = true;
      if (outcome.state === 'opened') opened.push(outcome.bytes);
      else if (storage.profile === 'latest') {
        kept.push({ timelockRevealFailed: locked });
        emit('Commitments.CommitmentRevealFailed', netuid, hotkey, locked.revealRound, 'Decrypt');
      }
    }
    if (!changed) continue;

    if (kept.length > 0)
      storage.put('Commitments.CommitmentOf', netuid, hotkey, { ...registration, info: { fields: kept } });
    else storage.remove('Commitments.CommitmentOf', netuid, hotkey);
    updateTimelockedIndex(storage, netuid, hotkey, kept);
    if (opened.length === 0) continue;
    const before = storage.get<[string, number][] | null>('Commitments.RevealedCommitments', netuid, hotkey) ?? [];
    const revealed = [...before, ...opened.map((bytes) => [bytes, block])].slice(-KEPT_REVEALS);
    storage.put('Commitments.RevealedCommitments', netuid, hotkey, revealed);
    emit('Commitments.CommitmentRevealed', netuid, hotkey);
  }
}
