import { randomUUID } from 'node:crypto';

/** The entry that names a store, wherever it is moved. */
export const ID_KEY = 'id';

/** What a store begins with. */
export function withId(values: ReadonlyMap<string, unknown>): Map<string, unknown> {
  return new Map([[ID_KEY, randomUUID()], ...values]);
}
