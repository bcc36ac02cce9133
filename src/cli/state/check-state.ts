import { diskUse } from '../../operator/watch-disk.ts';
import { bytesText } from '../../operator/words.ts';
import { readLive } from '../../validator/store/backup.ts';

/** Kinds of entries by the start of their keys, in the words of the docs. */
const KINDS: [prefix: string, name: string][] = [
  ['ledger:', 'hotkeys in the ledger'],
  ['download:', 'downloads'],
  ['checked:', 'findings in files'],
  ['score:', 'scores of the open epoch'],
  ['reveal:', 'hidden weights that do not count yet'],
];

/**
 * What is in a state, in a few lines, read from a verified copy: as text, and as JSON.
 * @throws FlockOffError as `ValidatorState.backup`.
 */
export async function checkState(path: string): Promise<{ text: string; json: object }> {
  const { verified } = await readLive(path);
  const { values, head, unsealed } = verified;
  const [use] = await diskUse({ state: path });
  const counts = KINDS.map(([prefix, name]) => {
    const count = [...values.keys()].filter((key) => key.startsWith(prefix) && !key.endsWith(':measured')).length;
    return { kind: prefix.slice(0, -1), name, count };
  });
  const epoch = values.get('epoch') as { startBlock?: number } | undefined;
  const history = values.get('history') as { netuid?: number; competition?: string; sinceBlock?: number } | undefined;
  const about = {
    entries: values.size,
    writes: head?.sequence ?? null,
    format: head?.version ?? null,
    bytes: use!.bytes,
    openEpoch: epoch?.startBlock ?? null,
    ...{ netuid: history?.netuid ?? null, competition: history?.competition ?? null },
    sinceBlock: history?.sinceBlock ?? null,
  };
  const json = { ...about, counts: Object.fromEntries(counts.map((it) => [it.kind, it.count])) };
  const seal = unsealed
    ? 'of version 0.1.0, whose values cannot be checked'
    : `whole as of write ${about.writes}, format ${about.format}`;
  const lines = [
    `${path}: ${seal}, ${about.entries} entries in ${bytesText(about.bytes)}`,
    history
      ? `subnet ${about.netuid}, competition ${about.competition}, since block ${about.sinceBlock}`
      : 'no epoch yet',
    epoch ? `the epoch of block ${about.openEpoch} is open` : 'no epoch is open',
    ...counts.filter(({ count }) => count > 0).map(({ name, count }) => `${count} ${name}`),
  ];
  return { text: lines.join('\n'), json };
}
