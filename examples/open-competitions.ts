import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command, OptionValues } from 'commander';
import {
  type BytesSigner,
  COMPETITIONS_FOLDER,
  type Dataset,
  type DatasetStore,
  FlockOffError,
  ReceiptFolder,
  type RunCompetitionsParameters,
  requireBaseModel,
  requireShares,
  runCompetitions,
  runValidator,
  type ScheduledShare,
  type Scorer,
  type Trainer,
  type Validator,
  type ValidatorState,
} from 'flock-off';
import { openEvaluationSet } from './evaluation-set.ts';
import { openState } from './open-state.ts';
import type { CommonOptions } from './options.ts';
import type { Owners } from './owners.ts';
import { type Rules, readRules } from './rules.ts';
import { maskSecrets } from './secrets.ts';
import { namedShares } from './shares.ts';
import { tellWait } from './tell-wait.ts';

/** A competition that the validator plays, with what it has for itself. */
export interface OpenCompetition {
  rules: Rules;
  /** `null` where it is the only one, and has all of the weights. */
  shares: ScheduledShare[] | null;
  /** Where its state and reports are. */
  folder: string;
  evaluation: Dataset;
  receipts: ReceiptFolder | undefined;
  state: ValidatorState;
}

/** What `--competition` names, once or several times. */
export type NamedRules = Pick<OpenCompetition, 'rules' | 'shares'>[];

/**
 * Reads the rules of each.
 * @throws FlockOffError `bad-argument` where flags contradict each other, or what is played together is not of one subnet.
 */
export async function readCompetitions(
  command: Command,
  options: CommonOptions,
  signal?: AbortSignal,
): Promise<NamedRules> {
  const flags = command.opts();
  if (flags.competition === undefined) return [{ rules: await readRules(command, options, signal), shares: null }];
  const names = namedShares(flags.competition);
  const isShared = names.some(({ shares }) => shares !== null);
  for (const flag of isShared ? OF_ONE : OF_SEVERAL) if (flags[flag] !== undefined) throw contradiction(flag, isShared);
  const named: NamedRules = [];
  for (const { reference, shares } of names)
    named.push({ rules: await readRules(command, options, signal, reference), shares });
  for (const { rules } of named) if (rules.netuid !== named[0]!.rules.netuid) throw otherSubnet(named[0]!.rules, rules);
  if (isShared) requireShares(named.map(({ rules, shares }) => ({ id: rules.competition.id, shares: shares ?? [] })));
  return named;
}

export interface OpenCompetitionsParameters {
  named: NamedRules;
  /** Of the command line. */
  flags: OptionValues;
  options: CommonOptions;
  hotkey: BytesSigner;
  datasets: DatasetStore;
  open: Owners;
  say: (line: string) => void;
  signal?: AbortSignal;
}

export interface OpenCompetitions {
  competitions: [OpenCompetition, ...OpenCompetition[]];
  /** What is of all of them; of one, its own. */
  state: ValidatorState;
}

/** Opens what each has for itself. */
export async function openCompetitions(parameters: OpenCompetitionsParameters): Promise<OpenCompetitions> {
  const { named, flags, options, hotkey, datasets, open, say, signal } = parameters;
  const { data_dir: data, cache_dir: cacheDir, eval_data_dir: evalData, repair_state: repair } = flags;
  const openOne = async (folder: string) => open.own(await openState({ folder, repair, say }), (it) => it.close());
  // What is of all of them: pending reveals, and what stands for each.
  const common = named[0]?.shares ? await openOne(data) : null;
  const competitions: OpenCompetition[] = [];
  for (const { rules, shares } of named) {
    const { founded, baseModel, competition } = rules;
    const set = { founded, datasets, cacheDir, folder: evalData, baseModel: baseModel.model };
    const evaluation = await openEvaluationSet({ ...set, onWait: tellWait('the hub', options.logger), signal });
    const folder = shares === null ? data : join(data, COMPETITIONS_FOLDER, competition.id);
    await requireNoHistory(common, { data, folder, id: competition.id });
    const reports = { folder: join(folder, 'reports'), hotkey, mask: maskSecrets };
    const receipts = flags.dry_run ? undefined : new ReceiptFolder(reports);
    competitions.push({ rules, shares, folder, evaluation, receipts, state: await openOne(folder) });
  }
  const [first, ...others] = competitions as OpenCompetitions['competitions'];
  return { competitions: [first, ...others], state: common ?? first.state };
}

/** A competition that was played alone before has its history where that of all is now: it must not begin anew. */
export async function requireNoHistory(
  common: ValidatorState | null,
  { data, folder, id }: { data: string; folder: string; id: string },
): Promise<void> {
  if (common === null || existsSync(join(folder, 'state'))) return;
  if ((await common.history())?.competition !== id) return;
  const state = join(data, 'state');
  throw new FlockOffError({
    code: 'bad-argument',
    what: `${state} holds the history of competition ${id}, and ${folder} has none: it would begin anew`,
    fix: `copy it first: mkdir -p ${folder} && cp -a ${state} ${state}-fingerprints ${join(data, 'reports')} ${folder}`,
    facts: { name: '--data_dir', value: data },
  });
}

/**
 * What trains for each of them. On this machine those with one base model have one trainer: their epochs follow each other.
 * @throws what opening one throws; `bad-competition` where the base model is not the one that was signed.
 */
export async function openScorers(
  competitions: OpenCompetition[],
  { isFleet, openOne }: { isFleet: boolean; openOne: (rules: Rules, baseModels: number) => Promise<Trainer | Scorer> },
): Promise<(Trainer | Scorer)[]> {
  const opened = new Map<unknown, Trainer | Scorer>();
  const scorers: (Trainer | Scorer)[] = [];
  const nameOf = (of: Rules) => (isFleet ? of : JSON.stringify(of.baseModel));
  // Those of different ones train at the same time.
  const baseModels = new Set(competitions.map(({ rules }) => nameOf(rules))).size;
  for (const { rules } of competitions) {
    const name = nameOf(rules);
    // Memory has to do for the longest context.
    const [longest] = competitions
      .flatMap((one) => (nameOf(one.rules) === name ? one.rules : []))
      .sort((a, b) => b.competition.recipe.contextTokens - a.competition.recipe.contextTokens);
    const scorer = opened.get(name) ?? (await openOne(longest!, baseModels));
    opened.set(name, scorer);
    if (rules.founded) requireBaseModel({ founded: rules.founded, baseSha256: scorer.baseSha256 });
    scorers.push(scorer);
  }
  return scorers;
}

export interface PlayCompetitionsParameters extends Omit<RunCompetitionsParameters, 'competitions'> {
  competitions: OpenCompetition[];
  /** Of each. */
  validators: Validator[];
}

/** One as ever, or several with their shares. */
export async function playCompetitions(parameters: PlayCompetitionsParameters): Promise<void> {
  const { competitions, validators, ...run } = parameters;
  const played = competitions.map(({ shares }, i) => ({ validator: validators[i]!, shares: shares ?? [] }));
  if (competitions[0]!.shares === null) await runValidator({ ...run, validator: validators[0]! });
  else await runCompetitions({ ...run, competitions: played });
}

const OF_ONE = ['policy', 'ledger', 'ledger_from'];
const OF_SEVERAL = ['rest_uid'];

function contradiction(flag: string, isShared: boolean): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: isShared
      ? `--${flag} is for one competition, and shares are for several`
      : `--${flag} is for competitions with shares`,
    fix: `leave out --${flag}${isShared ? ', or the shares' : ''}`,
    facts: { name: `--${flag}` },
  });
}

function otherSubnet(one: Rules, other: Rules): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `competition ${one.competition.id} is played on subnet ${one.netuid} and ${other.competition.id} on ${other.netuid}: their weights cannot be sent as one`,
    fix: 'run a validator for each',
    facts: { name: '--competition' },
  });
}
