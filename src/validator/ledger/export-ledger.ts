import { open } from 'node:fs/promises';
import { type BytesSigner, signBytes } from '../../chain/wallet/signed-bytes.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { onDisk } from '../../shared/on-disk.ts';
import type { StateStore } from '../state-store.ts';
import { fingerprintName } from '../validator.ts';
import { LedgerWriter } from './ledger-file.ts';
import { LEDGER_FORMAT, LEDGER_VERSION, type LedgerHeader, signedText } from './ledger-header.ts';

export interface ExportLedgerParameters {
  state: Pick<StateStore, 'history' | 'openEpoch' | 'queue' | 'standings' | 'ledger' | 'latePointers' | 'fingerprints'>;
  /** Whose ledger it is; signs it. */
  hotkey: BytesSigner;
  /** The file to write. */
  path: string;
  signal?: AbortSignal;
}

export interface ExportLedgerReturnType {
  header: LedgerHeader;
  /** Hotkeys of which something is known. */
  hotkeys: number;
  /** Datasets whose rows can be compared at once. */
  fingerprints: number;
}

/**
 * Writes what other validators need to judge as this one does, into one signed file: who showed which rows first, what the
 * rows are compared by, the averages, and the history of the draw. It holds no secrets: no salts and no losses.
 * @throws FlockOffError `bad-argument` for a state without a single epoch; `disk`.
 * @example
 * const { header } = await exportLedger({ state, hotkey, path: 'ledger.flock-off' });
 * console.log(header);
 */
export async function exportLedger(parameters: ExportLedgerParameters): Promise<ExportLedgerReturnType> {
  const { state, hotkey, path, signal } = parameters;
  const history = await state.history();
  if (history === null)
    throw new FlockOffError({
      code: 'bad-argument',
      what: 'this state has seen no epoch yet, so there is no ledger to export',
      fix: 'check --data_dir, or let the validator begin an epoch first',
    });
  const epoch = await state.openEpoch();
  const { genesisHash, netuid, competition, lastStartBlock, sinceBlock } = history;
  const block = epoch?.startBlock ?? lastStartBlock ?? sinceBlock;
  const named = { genesisHash, netuid, competition, block, signer: hotkey.address };
  const header: LedgerHeader = { format: LEDGER_FORMAT, version: LEDGER_VERSION, ...named };
  const [queue, standings, entries] = [await state.queue(), await state.standings(), await state.ledger()];
  const late = await state.latePointers();
  const names = new Set(entries.flatMap(({ showings }) => showings.map(fingerprintName)));
  let fingerprints = 0;

  await onDisk({ path, signal }, () =>
    writeWhole(path, async (incomplete) => {
      const file = await open(incomplete, 'wx', 0o600);
      try {
        const writer = new LedgerWriter(file);
        const writeJson = (kind: string, value: unknown) =>
          writer.write({ kind, body: Buffer.from(JSON.stringify(value)) });
        await writeJson('header', header);
        for (const [kind, value] of Object.entries({ history, epoch, queue, standings, late }))
          await writeJson(kind, value);
        for (const entry of entries) await writeJson('entry', entry);
        for (const name of names) {
          signal?.throwIfAborted();
          const body = await state.fingerprints.read(name);
          if (body === null) continue;
          await writer.write({ kind: 'fingerprint', name, body });
          fingerprints++;
        }
        await writer.seal((sha256) => signBytes({ hotkey, bytes: signedText(sha256) }));
      } finally {
        await file.close();
      }
    }),
  );
  return { header, hotkeys: entries.length, fingerprints };
}
