import { findOthersRows } from '../dataset/fingerprint/find-others-rows.ts';
import type { Ledger } from './ledger/ledger.ts';
import { allBits, clearBit, packBits } from './ledger/packed.ts';
import type { ShownDataset } from './ledger/showing.ts';
import type { ReadPointer } from './pointers.ts';
import { fingerprintName, type Validator } from './validator.ts';

export interface RenewedRowsParameters {
  ledger: Ledger;
  pointers: Map<string, ReadPointer>;
  /** Everybody on the subnet. */
  neurons: { hotkey: string }[];
  signal?: AbortSignal;
}

/**
 * Notes which rows of a new dataset its hotkey, or one of its coldkey that left the subnet, showed before and did not beat
 * the base model with. They were claimed for their time; a new commit a week must not keep them from everybody for ever.
 */
export async function noteRenewedRows(validator: Validator, parameters: RenewedRowsParameters): Promise<void> {
  const { ledger, pointers, neurons, signal } = parameters;
  const registered = new Set(neurons.map(({ hotkey }) => hotkey));
  for (const { hotkey, coldkey, submission } of pointers.values()) {
    const showing = submission.ok ? ledger.showing(hotkey, submission.value.pointer) : undefined;
    if (!showing || showing.judgement || showing.beatsBaseline !== null || showing.unproven !== undefined) continue;
    const earlier = ledger.entries
      .filter((entry) => entry.hotkey === hotkey || (entry.coldkey === coldkey && !registered.has(entry.hotkey)))
      .flatMap(({ showings }) => showings)
      .filter((one) => one !== showing && one.beatsBaseline !== true);
    const rows = await rowsOfBoth(validator, earlier, showing, signal);
    if (rows.length === 0) continue;
    const others = allBits(showing.rows);
    for (const row of rows) clearBit(others, row);
    ledger.putShowing(hotkey, showing, { ...showing, unproven: packBits(others.map((byte) => ~byte)) });
  }
}

/** Rows of a dataset that stand in earlier ones. */
async function rowsOfBoth(
  { state: { fingerprints } }: Validator,
  earlier: ShownDataset[],
  showing: ShownDataset,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  if (earlier.length === 0) return [];
  const shown = (one: ShownDataset, at: number) => ({
    owner: at === 0 ? 'before' : 'now',
    fingerprint: async () => (await fingerprints.read(fingerprintName(one))) ?? new Uint8Array(0),
    shownAt: new Float64Array(one.rows).fill(at),
    claimedUntil: Number.POSITIVE_INFINITY,
    judged: at > 0,
  });
  const { others } = await findOthersRows({
    showings: [shown(showing, 1), ...earlier.map((one) => shown(one, 0))],
    ...{ evaluation: null, evaluationRows: 'allow', signal },
  });
  return (others.get(0) ?? []).map(({ row }) => row);
}
