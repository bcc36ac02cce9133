import { createHash } from 'node:crypto';
import * as z from 'zod';
import { Competition } from '../schema/competition.ts';
import { Verdict } from '../schema/verdict.ts';
import { canonicalJson } from '../shared/canonical-json.ts';
import { BACKENDS } from '../trainer/engine/tensorflow.ts';

// What validator and workers write to a queue for each other. Everything is parsed when it is read: whoever can write to the
// queue may have written it.

/** Of what stands in a queue, and part of its name. */
export const FORMAT = 5;

/** How many of the tries that it ended with a worker remembers. */
export const MOST_LOST = 128;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
/** Ed25519, hex. */
export const WorkerKeyText = hash;
const signature = z.string().regex(/^[0-9a-f]{128,130}$/);
/** Of a stranger, for a line of a log. */
const words = z.string().max(1_000);

const DTYPES = ['bfloat16', 'float16', 'float32'] as const;
const MATMULS = [...DTYPES, 'tf32'] as const;

/** What makes losses comparable: all workers of an epoch have the same. */
export const MachineClass = z.object({
  packageVersion: words,
  /** Of the base model. */
  baseSha256: words,
  /** Such as `tfjs-node 4.22.0, TensorFlow 2.21.0 on the CPU`. */
  backend: words,
  /** Such as `float32, matrices stored as float32`. */
  precision: words,
});
export type MachineClass = z.infer<typeof MachineClass>;

/** What the trainer of a worker has loaded. */
const Facts = z.object({
  backend: z.object({
    name: z.enum(BACKENDS),
    packageVersion: words,
    libraryVersion: words.nullable(),
    cuda: z.boolean(),
  }),
  precision: z.object({ matmul: z.enum(MATMULS), xla: z.boolean(), reason: words }),
  weightStorage: z.object({ dtype: z.enum(DTYPES), mapped: z.boolean(), reason: words }),
  baseSha256: words,
});

/** What workers load. */
const Base = z.object({ model: words, revision: words.optional(), sha256: words.optional() });

/** What a validator says of its queue, signed by its hotkey. */
export const About = z.object({
  format: z.number(),
  packageVersion: words,
  /** Of the chain, with `0x`. */
  genesisHash: words,
  hotkey: words,
  netuid: z.int(),
  competition: words,
  /** Grows with each that is said: whoever can write to the queue can put an earlier one back. */
  serial: z.number(),
  /** What workers load; `baseSha256` where the competition was founded with it. */
  base: Base,
  /** Of the competition: a worker must be able to train by it. */
  recipe: Competition.shape.recipe,
  /** Keys of the workers whose results are taken. */
  workers: z.array(WorkerKeyText),
  /** What the losses of an epoch have in common; `null` before the first of the workers is there. */
  chosen: z
    .object({
      machine: MachineClass,
      facts: Facts,
      /** Of the epoch; `null` before one has begun. */
      seed: z.int().nonnegative().nullable(),
    })
    .nullable(),
});
export type About = z.infer<typeof About>;
/** What of it stands there in every format, so that a worker of another one is told. */
export const AnyAbout = z.looseObject({ format: z.int(), packageVersion: words, hotkey: words });
export const SignedAnyAbout = z.object({ about: AnyAbout, signature });
export const SignedAbout = z.object({ about: About, signature });

/** What a worker says of itself, signed by its key. */
export const Hello = z.object({
  worker: WorkerKeyText,
  /** Of the queue that it is for. */
  queue: words,
  /** Of its machine, for people. */
  name: words,
  machine: MachineClass,
  /** What it was told to load. */
  base: Base,
  /** What its trainer has loaded. */
  facts: Facts,
  /** Why it takes no jobs; `null` where it does. */
  refused: words.nullable(),
  /** The same where it could take none of any class: it has no say in what the others have in common. */
  unfit: words.nullable(),
  /** Hashes of the tries that its process ended with, again for each time. */
  lost: z.array(hash).max(MOST_LOST),
  /** The roll call that it answers: nobody can have signed that before the validator drew it. `''` where there is none. */
  rollCall: z.string().max(64),
});
export type Hello = z.infer<typeof Hello>;
export const SignedHello = z.object({ hello: Hello, signature });

/** Asks all workers who is there: drawn anew with each look, so that what they sign is of now. */
export const RollCall = z.object({ rollCall: z.string().min(1).max(64) });

/** All that a result follows from. */
export const Task = z.object({
  kind: z.enum(['score', 'base', 'probe']),
  queue: words,
  /** Of the result; for a score the one that the validator stores it under. */
  key: words,
  /** For messages, such as `uid 3`. */
  name: words,
  /** Of the miner; 0 where there is none. */
  uid: z.int().nonnegative(),
  machine: MachineClass,
  dataset: z
    .object({
      repo: z.string(),
      commit: z.string().regex(/^[0-9a-f]{40}$/),
      sha256: hash,
      rows: z.int().nonnegative(),
      /** A bit a row, packed. */
      keep: z.string(),
    })
    .nullable(),
  competition: Competition,
  seed: z.int().nonnegative(),
  evaluation: z.object({ sha256: words, rows: z.int().positive(), textSha256: hash }),
});
export type Task = z.infer<typeof Task>;

export const JobData = z.object({
  task: Task,
  /** Of the validator's hotkey. */
  signature,
  /** Workers that have had it, and must not have it again. */
  not: z.array(WorkerKeyText),
  /** It has killed workers: it is tried once more in a training process of its own. */
  alone: z.boolean(),
  cancelled: z.boolean(),
  /** Drawn anew after each failure: a worker signs it with the next, or with its end, so that one counts once. */
  attempt: z.string().max(64),
});
export type JobData = z.infer<typeof JobData>;

/** What a worker found, before it is signed. */
export const Found = z.object({
  /** Of the task. */
  task: hash,
  machine: MachineClass,
  checked: z.discriminatedUnion('ok', [
    z.object({
      ok: z.literal(true),
      lossNatsPerToken: z.number().nonnegative(),
      /** Packed. */
      rowLosses: z.string(),
      trainingMs: z.number().nonnegative(),
      evaluationMs: z.number().nonnegative(),
      divided: z.literal(true).optional(),
    }),
    z.object({ ok: z.literal(false), verdict: Verdict }),
  ]),
});
export type Found = z.infer<typeof Found>;
export const SignedFound = z.object({ found: Found, worker: WorkerKeyText, signature });

/** Why a job failed on a worker, before it is signed. */
export const Failure = z.object({
  /** Of the task. */
  task: hash,
  /** Of the job. */
  attempt: z.string().max(64),
  code: words,
  what: words,
  fix: words.optional(),
});
export type Failure = z.infer<typeof Failure>;
export const SignedFailure = z.object({ failure: Failure, worker: WorkerKeyText, signature });

/** How far a job is: for people only. */
export const ProgressNote = z.object({
  kind: z.enum(['training', 'evaluating']),
  progress: z.record(z.string(), z.number()),
});

export type ProgressNote = z.infer<typeof ProgressNote>;

/** What is signed of a part: never to be taken for another kind of text. */
export function textToSign(
  kind: 'about' | 'hello' | 'task' | 'found' | 'failure',
  value: object,
  format = FORMAT,
): Uint8Array {
  return Buffer.from(`flock-off fleet ${format} ${kind}\n${canonicalJson(value)}`);
}

const hashes = new WeakMap<Task, string>();

/** Tasks do not change: each is hashed once. */
export function taskHash(task: Task): string {
  const known = hashes.get(task);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(textToSign('task', task)).digest('hex');
  hashes.set(task, hash);
  return hash;
}

/** Names one try of a task, which nobody knows before the validator has drawn it. */
export function tryHash(task: Task, attempt: string): string {
  return createHash('sha256')
    .update(canonicalJson([taskHash(task), attempt]))
    .digest('hex');
}
