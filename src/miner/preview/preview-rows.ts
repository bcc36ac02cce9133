import type { MetadataStore } from '../../chain/commitments/metadata-store.ts';
import { rowDigest } from '../../dataset/row-digest.ts';
import type { LeftOutEvidence } from '../../schema/left-out-evidence.ts';
import { accept, type Verdict } from '../../schema/verdict.ts';
import { forgetClaims, settleClaims } from '../../validator/claims.ts';
import { commonRowsVerdicts } from '../../validator/common-rows.ts';
import { pruneCache } from '../../validator/dataset-cache.ts';
import { BLOCKS_PER_DAY } from '../../validator/fetch-dataset.ts';
import { Ledger } from '../../validator/ledger/ledger.ts';
import { endOf } from '../../validator/ledger/position.ts';
import { evidenceOf, keptRows, leftOutVerdict } from '../../validator/left-out.ts';
import { type ReadPointer, readPointers } from '../../validator/pointers.ts';
import { intakeOf } from '../../validator/policy.ts';
import { readPositions } from '../../validator/positions.ts';
import { readDatasets, shownFirst } from '../../validator/read-datasets.ts';
import { cacheOf, fingerprintName, type RowJudge } from '../../validator/validator.ts';
import { judgeRows } from '../../validator/whose-rows.ts';

export interface PreviewRowsParameters extends RowJudge {
  /** The `data.jsonl` that might be committed. */
  path: string;
  metadata: Pick<MetadataStore, 'readSubnet' | 'readPositions'>;
  /** ss58 address of who would commit it: what that hotkey has shown is its own. Default: of nobody who has shown anything. */
  hotkey?: string;
  signal?: AbortSignal;
}

/** Whose the rows of a file are, were it committed now: plain JSON. */
export interface RowsPreview {
  /** The block as of which the subnet was read. */
  block: number;
  /** `null` where the hotkey is not registered, or none was named. */
  uid: number | null;
  /** Why a validator would refuse it; `null` where none would. */
  verdict: Verdict | null;
  /** `null` where the file itself is refused. */
  rows: number | null;
  /** What of them would not be trained on, and whose it is; likewise. */
  leftOut: LeftOutEvidence | null;
  /** Indexes of the rows that would be trained on, from 0; likewise. */
  kept: number[] | null;
  /** What the file was compared with. */
  compared: { datasets: number; rows: number; evaluationRows: number };
  /** Pointers whose dataset could not be read now: whose rows stand in them is not known. */
  unread: { uid: number; repo: string }[];
}

/** In place of a hotkey: no address is written like that. */
const NOBODY = 'whoever commits it';
const REPO = 'preview/file';

/**
 * Finds out whose the rows of a file are as a validator would that sees its pointer now: reads the datasets of all pointers
 * that it has not read before, and compares them by the same rules. Nothing is written but to `state` and `cacheDir`, which
 * belong to previews of one competition.
 *
 * A validator knows more: who showed what before this state began, and which datasets have lost their claim because they do
 * not beat the base model. Here each has its claim.
 *
 * @throws FlockOffError for faults of the chain, the disk or the checking process. A dataset that the Hub does not give is
 *   among `unread`.
 * @example
 * const { verdict, leftOut } = await previewRows({ path: 'data.jsonl', ...validator, hotkey: hotkey.address });
 * console.log(verdict?.message ?? 'good', leftOut?.others);
 */
export async function previewRows(parameters: PreviewRowsParameters): Promise<RowsPreview> {
  const { path, competition, checker, evaluation, state, metadata, signal } = parameters;
  const intake = intakeOf(parameters);
  const subnet = await metadata.readSubnet({ signal });
  const { block, neurons } = subnet.metagraph;
  const commitments = neurons.flatMap(({ hotkey }) => subnet.commitments.get(hotkey) ?? []);
  const pointers = readPointers({ neurons, commitments }, competition, intake.excluded);
  const ledger = new Ledger(await state.ledger());
  const shown = { ledger, pointers, block };
  const unread = await readOthers(parameters, { ...shown, commitments });

  const neuron = neurons.find(({ hotkey }) => hotkey === parameters.hotkey);
  const hotkey = parameters.hotkey ?? NOBODY;
  const others = ledger.entries.filter((entry) => entry.hotkey !== hotkey).flatMap(({ showings }) => showings);
  const compared = {
    datasets: others.length,
    rows: others.reduce((sum, { rows }) => sum + rows, 0),
    evaluationRows: evaluation.rows.length,
  };
  const seen = { block, uid: neuron?.uid ?? null, compared, unread };
  const allowedRows = intake.evaluationRows === 'require' ? new Set(evaluation.rows.map(rowDigest)) : undefined;
  const checked = await checker.check({ path, competition, allowedRows, signal });
  if (!checked.ok) return { ...seen, verdict: checked.verdict, rows: null, leftOut: null, kept: null };

  const { sha256, rows, fingerprint } = checked.value;
  await state.fingerprints.write({ name: fingerprintName({ sha256 }), fingerprint });
  const pointer = { repo: REPO, commit: sha256.slice(0, 40), competition: competition.id };
  const showing = shownFirst({ ...pointer, sha256, rows, position: endOf(block) });
  const known = ledger.of(hotkey);
  const coldkey = neuron?.coldkey ?? NOBODY;
  ledger.put({ hotkey, coldkey, received: [], unreadable: null, showings: [showing, ...(known?.showings ?? [])] });
  const own: ReadPointer = {
    ...{ uid: neuron?.uid ?? neurons.length, hotkey, coldkey, text: null },
    submission: accept({ uid: neuron?.uid ?? neurons.length, hotkey, pointer, commitBlock: block }),
  };
  await judgeRows(parameters, { ledger, pointers: new Map([[hotkey, own]]), neurons, block, signal });
  const judged = ledger.showing(hotkey, pointer)!;
  const uidOf = (one: string) => (one === hotkey ? seen.uid : (pointers.get(one)?.uid ?? null));
  const rules = { ...competition, ...intake };
  const withOwn = new Map([...pointers, [hotkey, own]]);
  const verdict =
    leftOutVerdict(rules, judged, uidOf) ??
    (await commonRowsVerdicts(rules, parameters, { ledger, pointers: withOwn, block, signal })).get(hotkey) ??
    null;
  return {
    ...{ ...seen, verdict, rows },
    leftOut: judged.judgement && evidenceOf(judged.judgement.leftOut, uidOf),
    kept: Array.from(keptRows(judged) ?? []),
  };
}

interface ReadOthersParameters {
  ledger: Ledger;
  pointers: Map<string, ReadPointer>;
  commitments: Parameters<typeof readPositions>[1]['commitments'];
  block: number;
}

/** Reads what was never read, keeps of it what it takes to compare rows, and forgets what nobody claims any more. */
async function readOthers(
  parameters: PreviewRowsParameters,
  { ledger, pointers, commitments, block }: ReadOthersParameters,
): Promise<RowsPreview['unread']> {
  const { state, signal } = parameters;
  const shown = { ledger, pointers, block };
  const positions = await readPositions(parameters, { ...shown, commitments, signal });
  const { outcomes } = await readDatasets(parameters, { ...shown, positions, drawn: [], signal });
  // Nobody is evaluated here, so each is taken to beat the base model.
  for (const { hotkey, showings } of ledger.entries)
    for (const showing of showings)
      if (showing.beatsBaseline === null) ledger.putShowing(hotkey, showing, { ...showing, beatsBaseline: true });
  settleClaims(parameters, shown);
  forgetClaims(parameters, shown);
  await state.putLedger(ledger.takeChanges());
  const submissions = [...pointers.values()].flatMap(({ submission }) => (submission.ok ? submission.value : []));
  const named = submissions.map(({ pointer }) => pointer);
  await state.keepSince({ block: block - BLOCKS_PER_DAY, named });
  await state.fingerprints.keepOnly(ledger.entries.flatMap(({ showings }) => showings.map(fingerprintName)));
  // What rows are compared by is kept; the datasets themselves are a hundred times as large.
  await pruneCache(cacheOf(parameters), new Set());
  return submissions
    .filter(({ hotkey, pointer }) => !ledger.showing(hotkey, pointer) && !outcomes.has(hotkey))
    .map(({ uid, pointer }) => ({ uid, repo: pointer.repo }));
}
