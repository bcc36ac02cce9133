import { safeLogger } from '../shared/logger.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { ReadPointer } from './pointers.ts';
import type { Validator } from './validator.ts';

const BLOCKS_BETWEEN = 5;
const PARALLEL_REQUESTS = 4;

export interface WatchUnreadableParameters {
  ledger: Ledger;
  pointers: Map<string, ReadPointer>;
  /** The current block. */
  block: number;
}

/**
 * Looks every few blocks whether datasets that could not be read yet can be, until it is too late for the dates of their
 * pointers to count. A pointer is in a block before its data is public, so an epoch that begins in between must not cost
 * its miner the date; neither must a fault of ours, nor a watch that ends before that time is over.
 * @returns a function that ends the watch; it must be called in any case.
 */
export function watchUnreadable(
  validator: Validator,
  { ledger, pointers, block }: WatchUnreadableParameters,
): () => Promise<void> {
  const done = new AbortController();
  let young: string[] = [];
  const watching = watch(done.signal).catch(() => {
    for (const hotkey of young) keepDate(hotkey);
  });
  return async () => {
    done.abort();
    await watching;
  };

  async function watch(signal: AbortSignal): Promise<void> {
    const { subtensor, competition } = validator;
    for (let now = block; ; ) {
      young = [...pointers.keys()].filter((hotkey) => {
        const waiting = ledger.of(hotkey)?.unreadable;
        return waiting && now <= waiting.commitBlock + competition.readableWithinBlocks;
      });
      if (young.length === 0) return;
      await mapConcurrent(young, PARALLEL_REQUESTS, (hotkey) => look(hotkey, signal));
      now = await subtensor.waitForBlock({ block: now + BLOCKS_BETWEEN, signal });
    }
  }

  async function look(hotkey: string, signal: AbortSignal): Promise<void> {
    const entry = ledger.of(hotkey);
    if (!entry?.unreadable) return;
    const { repo, commit } = entry.unreadable;
    const isReadable = await validator.datasets.isReadable({ repo, commit, signal }).catch(() => {
      signal.throwIfAborted();
      safeLogger(validator.logger).debug(`whether ${repo} can be read is not known now: its pointer's date counts`);
      return true;
    });
    if (isReadable) keepDate(hotkey);
  }

  function keepDate(hotkey: string): void {
    const entry = ledger.of(hotkey);
    if (entry?.unreadable) ledger.put({ ...entry, unreadable: null });
  }
}
