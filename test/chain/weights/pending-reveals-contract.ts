import { expect, test } from 'vitest';
import type { PendingReveal, PendingRevealStore } from '../../../src/chain/weights/pending-reveals.ts';

export const reveal = (id: string): PendingReveal => ({
  id,
  netuid: 96,
  hotkey: '5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM',
  uids: [0, 255],
  values: [65_535, 1],
  salt: [1, 2, 3, 65_535],
  versionKey: 7,
  storedAtBlock: 12,
});

/** What every {@link PendingRevealStore} must do; `withStore` opens an empty one for the test and closes it afterwards. */
export function pendingRevealStoreContract(
  name: string,
  withStore: (use: (store: PendingRevealStore) => Promise<void>) => Promise<void>,
): void {
  const by = (a: PendingReveal, b: PendingReveal) => a.id.localeCompare(b.id);

  test(`${name} is empty at first, and deleting what is not there is no error`, () =>
    withStore(async (store) => {
      await store.delete('0xaa');
      expect(await store.list()).toEqual([]);
    }));

  test(`${name} gives back what was put, whole, until it is deleted`, () =>
    withStore(async (store) => {
      await store.put(reveal('0xaa'));
      await store.put(reveal('0xbb'));
      expect((await store.list()).sort(by)).toEqual([reveal('0xaa'), reveal('0xbb')]);
      await store.delete('0xaa');
      expect(await store.list()).toEqual([reveal('0xbb')]);
    }));

  test(`${name} replaces what has the same id, and keeps its own copy`, () =>
    withStore(async (store) => {
      const mine = reveal('0xaa');
      await store.put({ ...mine, versionKey: 1 });
      await store.put(mine);
      mine.salt.push(9);
      expect(await store.list()).toEqual([reveal('0xaa')]);
    }));
}
