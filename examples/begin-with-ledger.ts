import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Competition, FlockOffError, importLedger, type Subtensor, type ValidatorState } from 'flock-off';

export interface BeginWithLedgerParameters {
  state: ValidatorState;
  subtensor: Subtensor;
  netuid: number;
  competition: Competition;
  flags: { ledger?: string; ledger_from?: string };
  say: (line: string) => void;
  signal?: AbortSignal;
}

/**
 * Lets a state that is still empty begin with another validator's ledger, where the flags name one. A validator that is
 * started again with the same flags goes on with what it has.
 * @throws FlockOffError `bad-argument` for a ledger that cannot be used, or a state that knows another history.
 */
export async function beginWithLedger(parameters: BeginWithLedgerParameters): Promise<void> {
  const { state, subtensor, netuid, competition, flags, say, signal } = parameters;
  const { ledger, ledger_from: from } = flags;
  if (ledger === undefined && from === undefined) return;
  if (ledger === undefined || from === undefined)
    throw new FlockOffError({
      code: 'bad-argument',
      what: `--${ledger === undefined ? 'ledger' : 'ledger_from'} is missing: a ledger is believed only when the hotkey that is named has signed it`,
      fix: 'pass both, --ledger and --ledger_from',
    });
  if ((await state.history())?.ledgerFrom === from) return;
  const isFolder = (await stat(ledger).catch(() => null))?.isDirectory() ?? false;
  const path = isFolder ? join(ledger, 'ledger.flock-off') : ledger;
  const genesisHash = await subtensor.read({
    what: 'looking which chain this is',
    use: async (snapshot) => snapshot.genesisHash,
    signal,
  });
  const chain = { genesisHash, netuid, competition: competition.id };
  const { block } = await importLedger({ state, path, from, ...chain, signal });
  say(`begins with the ledger of ${from} as of block ${block}`);
}
