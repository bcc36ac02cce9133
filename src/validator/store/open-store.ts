import { makeFolder } from '../../shared/make-folder.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { examine } from './examine.ts';
import { damagedStore, finishRepair } from './repair.ts';
import { SealedStore, tighten } from './sealed-store.ts';
import { openFault, stateLocked } from './state-errors.ts';
import { withId } from './store-id.ts';

/**
 * Opens the store in a folder, or makes it. One that version 0.1.0 left is sealed as it is.
 * @throws FlockOffError `state-locked`, `state-damaged`, `bad-argument` when a later version wrote it, `disk`.
 */
export function openStore(path: string): Promise<SealedStore> {
  return onDisk(openFault(path), async () => {
    await finishRepair(path);
    await makeFolder(path);
    await tighten(path);
    const examined = await examine(path);
    if (examined.kind === 'damaged') throw await damagedStore(path, examined.damage);
    const { head, sums, values } = examined.kind === 'sound' ? examined.verified : NOTHING;
    try {
      if (head) return await SealedStore.open(path, { head, sums });
      return await SealedStore.open(path, { values: withId(values), sequence: 1 });
    } catch (error) {
      // LevelDB's own words.
      const { cause } = error as { cause?: { code?: string } };
      throw cause?.code === 'LEVEL_LOCKED' ? stateLocked(path, error) : (cause ?? error);
    }
  });
}

const NOTHING = { head: null, sums: new Map<string, string>(), values: new Map<string, unknown>() };
