import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { adviseEvaluation, type EvaluationAdvice } from '../../competition/advise-evaluation.ts';
import { competitionLines, lockedLines } from '../../competition/competition-text.ts';
import type { CompetitionDraft } from '../../competition/document.ts';
import { type DraftFolder, readDraftFolder } from '../../competition/draft-folder.ts';
import { fetchEvaluation } from '../../competition/fetch-evaluation.ts';
import { readOwnRows } from '../../competition/own-rows.ts';
import { readFoundedCompetition } from '../../competition/read-document.ts';
import { parseCompetitionReference } from '../../competition/reference.ts';
import { requireCompetition } from '../../competition/require-competition.ts';
import { fingerprintRows } from '../../dataset/fingerprint/fingerprint-rows.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { HubCompetitionStore } from '../../hub/competition-store.ts';
import { HubDatasetStore } from '../../hub/hub-dataset-store.ts';
import { subnetText } from '../../schema/subnet-identity.ts';
import { LoraTrainer } from '../../trainer/lora-trainer.ts';
import { hubCacheFolder } from '../../trainer/model/hub-cache-folder.ts';
import { findKeptModel } from '../../trainer/model/kept-model.ts';
import { amount, labelled, lineList, printable } from '../check/words.ts';
import { policyRemark, scheduleRemarks } from './policy-remark.ts';
import { hubAccess, runCommand, type ServiceFlags, say, withChain } from './services.ts';
import { signerRemark } from './signer-remark.ts';

export interface CompetitionCheckFlags extends ServiceFlags {
  /** A folder, or `org/name@sha`. */
  target: string;
  known?: string[];
  base_model?: string;
  no_losses?: boolean;
  json: boolean;
}

/** What `--json` prints of a folder. Fields may be added to a version; none is changed or removed. */
export interface CompetitionCheckOutput {
  version: 1;
  draft: CompetitionDraft;
  evaluation: EvaluationAdvice;
  /** On the policy, and the times of its sets: one sentence each. */
  remarks: string[];
}

/** Losses of the base model alone, by row, or why there are none. */
type Losses = { rowLosses: (number | null)[] } | { rowLosses: null; whyNoLosses?: string };

const NOT_ASKED: Losses = {
  rowLosses: null,
  whyNoLosses: 'losses were not measured (--no_losses), so nothing is known of how they are spread',
};
const CACHE = join('.flock-off', 'cache');

/** Looks at a draft or a published competition, and prints what was found; sets the exit code and never throws. */
export async function runCompetitionCheck(flags: CompetitionCheckFlags): Promise<void> {
  const isFolder = (await stat(flags.target).catch(() => null))?.isDirectory() ?? false;
  await runCommand((signal) => (isFolder ? checkFolder(flags, signal) : checkPublished(flags, signal)));
}

async function checkFolder(flags: CompetitionCheckFlags, signal: AbortSignal): Promise<void> {
  const drafted = await readDraftFolder({ folder: flags.target, signal });
  const known = await fingerprintsOf(flags.known ?? [], signal);
  const losses = flags.no_losses ? NOT_ASKED : await measure(drafted, flags, signal);
  const evaluation = await adviseEvaluation({ drafted, known, ...losses, signal });
  const { rules } = drafted.draft;
  const remarks = [...policyRemark(rules), ...scheduleRemarks(rules, Date.now())];
  const output: CompetitionCheckOutput = { version: 1, draft: drafted.draft, evaluation, remarks };
  if (flags.json) console.log(JSON.stringify(output, null, 2));
  else say(...draftLines(drafted), ...adviceLines(evaluation), ...remarks);
}

/** Everything of it is fetched but the base model. */
async function checkPublished(flags: CompetitionCheckFlags, signal: AbortSignal): Promise<void> {
  if (!flags.target.includes('@'))
    throw new FlockOffError({
      code: 'bad-argument',
      what: `there is no folder ${flags.target}, and it is no competition either`,
      fix: 'name the folder with the draft, or one that is published as org/name@<40 hex digits>',
      facts: { name: 'target', value: flags.target },
    });
  const reference = parseCompetitionReference(flags.target);
  const access = hubAccess(flags);
  const competitions = new HubCompetitionStore(access);
  const founded = await readFoundedCompetition({ reference, competitions, signal });
  const { subnet, remarks } = await withChain(flags, signal, async (subtensor) => {
    const found = await requireCompetition({ founded, subtensor, early: true, signal });
    const signer = await signerRemark(founded, subtensor, signal);
    return { ...found, remarks: [...found.remarks, ...signer, ...policyRemark(founded.competition)] };
  });
  await fetchEvaluation({ founded, datasets: new HubDatasetStore(access), cacheDir: CACHE, signal });
  if (flags.json) console.log(JSON.stringify({ version: 1, document: founded.document, subnet, remarks }, null, 2));
  else
    say(
      ...competitionLines(founded),
      `this is ${subnetText(subnet)}`,
      ...remarks,
      'signature, owner, subnet and evaluation set are as they should be',
    );
}

async function fingerprintsOf(files: string[], signal: AbortSignal) {
  const known = [];
  for (const file of files) {
    const { rows } = await readOwnRows({ path: file, signal });
    known.push({ file, fingerprint: fingerprintRows(rows) });
  }
  return known;
}

async function measure(
  { draft, evaluation }: DraftFolder,
  { base_model: named }: CompetitionCheckFlags,
  signal: AbortSignal,
): Promise<Losses> {
  const { model, commit, sha256 } = draft.baseModel;
  const hubCacheDir = hubCacheFolder(process.env);
  const folder = named ?? (await findKeptModel({ model, commit, hubCacheDir }));
  if (folder === null) return { rowLosses: null };
  const { contextTokens } = draft.rules.recipe;
  const trainer = await LoraTrainer.open({ model: folder, hubCacheDir, signal });
  try {
    if (trainer.baseSha256 !== sha256)
      throw new FlockOffError({
        code: 'bad-argument',
        what: `the base model in ${folder} is ${trainer.baseSha256}, and the draft has ${sha256} (${model} at ${commit})`,
        fix: 'pass the folder of that model with --base_model, or leave the losses out with --no_losses',
        facts: { name: '--base_model', value: folder },
      });
    const evaluated = await trainer.evaluate({ rows: evaluation.rows, contextTokens, signal });
    if (evaluated.ok) return { rowLosses: evaluated.value.rowLosses };
    return { rowLosses: null, whyNoLosses: `losses could not be measured: ${evaluated.verdict.message}` };
  } finally {
    trainer.dispose();
  }
}

function draftLines({ draft, isOtherSet }: DraftFolder): string[] {
  const { name, countsFromBlock, subnet, baseModel, rules } = draft;
  return [
    ...labelled('Draft', `"${printable(name)}" on subnet ${subnet.netuid}, from block ${countsFromBlock} on`),
    ...labelled('Policy', rules.policy.name),
    ...labelled('Base model', `${baseModel.model} at ${baseModel.commit}`),
    ...(rules.evaluationSets ? lockedLines(rules.evaluationSets).flatMap((line) => labelled('Sets', line.trim())) : []),
    ...(isOtherSet ? labelled('Note', 'data.jsonl is another one than when the draft was made') : []),
  ];
}

function adviceLines({ rows, bytes, sha256, repeated, known, losses, advice }: EvaluationAdvice): string[] {
  const nats = (value: number) => value.toFixed(4);
  return [
    ...labelled('Evaluation', `${amount(rows, 'row')}, ${amount(bytes, 'byte')}, sha256 ${sha256}`),
    ...labelled('Repeated', amount(repeated.rows, 'row') + lineNumbers(repeated.examples, repeated.rows)),
    ...known.flatMap((set) =>
      labelled('Known', `${amount(set.rows, 'row')} of ${set.file}${lineNumbers(set.examples, set.rows)}`),
    ),
    ...(losses === null
      ? []
      : labelled(
          'Losses',
          `mean ${nats(losses.mean)} (standard error ${nats(losses.standardError)}), least ${nats(losses.least)}, median ${nats(losses.median)}, most ${nats(losses.most)} nats per token`,
        )),
    ...advice.flatMap((one) => labelled('Advice', one)),
  ];
}

function lineNumbers(examples: { line: number }[], all: number): string {
  const lines = examples.map(({ line }) => line);
  return lines.length === 0 ? '' : `: line ${lineList(lines, all)}`;
}
