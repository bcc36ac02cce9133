import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import {
  type DatasetChecker,
  FlockOffError,
  hubCacheFolder,
  LoraTrainer,
  type Scorer,
  type Subtensor,
  type Trainer,
  TrainerPool,
  type WalletHotkey,
  waitUntilAvailable,
} from 'flock-off';
import { Fleet } from 'flock-off/fleet';
import type { CommonOptions } from './options.ts';
import type { Owners } from './owners.ts';
import { queueAccess } from './queue-secrets.ts';
import type { Rules } from './rules.ts';
import { tellWait } from './tell-wait.ts';

export interface OpenScorerParameters {
  command: Command;
  options: CommonOptions;
  rules: Rules;
  /** Of all competitions: so many trainers are on each device. */
  baseModels: number;
  hotkey: WalletHotkey;
  subtensor: Subtensor;
  checker: DatasetChecker;
  open: Owners;
  doing: (what: string | null) => void;
  signal?: AbortSignal;
}

/**
 * What the flags say that trains: this machine, in one process or in several, or the workers of a queue.
 * @throws FlockOffError `bad-argument` where they contradict each other; what opening it throws.
 */
export async function openScorer(parameters: OpenScorerParameters): Promise<Trainer | Scorer> {
  const { command, options, checker, open, rules, baseModels, doing } = parameters;
  const { queue, devices, trainers, dry_run: isDry } = command.opts();
  requireOne({ '--queue': queue, '--devices': devices, '--trainers': trainers });
  if (queue !== undefined && isDry)
    throw new FlockOffError({
      code: 'bad-argument',
      what: '--queue and --dry_run contradict each other: jobs are named by the hotkey, and those of the validator that runs with it would be cancelled',
      fix: 'leave out --queue, so that this machine trains',
      facts: { name: '--dry_run' },
    });
  if (queue !== undefined) return openFleet(parameters);
  doing(`loading the base model ${rules.baseModel.model}`);
  const places: (string | undefined)[] = devices ?? Array.from({ length: trainers ?? 1 });
  // On one processor each would reckon with all of its memory.
  const memoryBytes =
    devices || places.length === 1 ? undefined : (0.9 * process.availableMemory()) / (places.length * baseModels);
  const memoryShare = 1 / baseModels;
  const opened: LoraTrainer[] = [];
  for (const device of places)
    opened.push(open.own(await openTrainer(parameters, { device, memoryBytes, memoryShare }), (it) => it.dispose()));
  const [only] = opened;
  return only && opened.length === 1 ? only : new TrainerPool({ trainers: opened, checker, logger: options.logger });
}

function openTrainer(
  { command, options, rules, signal }: OpenScorerParameters,
  place: { device?: string; memoryBytes?: number; memoryShare?: number },
): Promise<LoraTrainer> {
  const { hubEndpoint, hubToken, logger } = options;
  const { cache_dir: cacheDir, training_env: env } = command.opts();
  const base = {
    ...rules.baseModel,
    hubCacheDir: hubCacheFolder(process.env),
    cacheDir,
    hubEndpoint,
    hubToken,
    logger,
  };
  const load = () => LoraTrainer.open({ ...base, ...place, recipe: rules.competition.recipe, env, signal });
  return waitUntilAvailable({ attempt: load, onWait: tellWait('the hub', logger), signal });
}

async function openFleet(parameters: OpenScorerParameters): Promise<Fleet> {
  const { command, options, rules, hotkey, subtensor, open, doing, signal } = parameters;
  const { netuid, competition, founded, baseModel } = rules;
  const { workers, volatile_queue: isVolatile, recheck_one_in: recheckOneIn } = command.opts();
  const { device_class: device, device_precision: precision } = command.opts();
  const { logger } = options;
  const fleet = {
    ...(await queueAccess(command)),
    genesisHash: await subtensor.read({
      what: 'looking which chain this is',
      use: async (snapshot) => snapshot.genesisHash,
      signal,
    }),
    ...{ hotkey, netuid, competition, isVolatile, recheckOneIn, wanted: { device, precision }, logger, signal },
    base: { ...baseModel, sha256: founded?.document.baseModel.sha256 },
    workers: await readKeys(workers),
    onWait: doing,
  };
  doing('waiting for the queue');
  const attempt = () => Fleet.open(fleet);
  return open.own(await waitUntilAvailable({ attempt, onWait: tellWait('the queue', logger), signal }), (it) =>
    it.close(),
  );
}

/** Of the flag, with commas between, or of a file. */
async function readKeys(flag: string | undefined): Promise<string[]> {
  if (flag === undefined) return [];
  const isKeys = /^[0-9a-f]{64}(,|$)/.test(flag.trim());
  const text = isKeys
    ? flag
    : await readFile(flag, 'utf8').catch((cause) => {
        throw new FlockOffError({
          code: 'bad-argument',
          what: `--workers names no keys of 64 hex digits, and no file that can be read: ${flag}`,
          fix: 'name the keys that the workers print, with commas between, or a file with one in each line',
          facts: { name: '--workers' },
          cause,
        });
      });
  const keys = text.split(isKeys ? ',' : '\n').map((line) => line.replace(/#.*/, '').trim());
  return keys.filter((key) => key !== '');
}

function requireOne(flags: Record<string, unknown>): void {
  const [one, other] = Object.keys(flags).filter((name) => flags[name] !== undefined);
  if (other === undefined) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `${one} and ${other} contradict each other: training is in one place`,
    fix: 'leave one of them out',
    facts: { name: other },
  });
}
