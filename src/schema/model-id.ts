import * as z from 'zod';
import { FlockOffError } from '../errors/flock-off-error.ts';

/**
 * Most bytes a pointer may have on the chain: one `BigRaw` field of the Commitments pallet. Runtimes before spec 273, and
 * the competition's Python validators, know fields of up to 128 bytes only.
 * @example
 * const pointer = `ann/data:${competition.id}:${commit}`;
 * if (Buffer.byteLength(pointer) > MAX_POINTER_BYTES) console.log('use a shorter name');
 */
export const MAX_POINTER_BYTES = 512;

const repoPart = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?$/;

/**
 * `namespace/name` as the Hugging Face Hub allows it: no path tricks, no `..`, no `--`, no `.git` at the end.
 * @example
 * RepoId.safeParse('ann/data').success; // true
 */
export const RepoId = z.string().refine(
  (repo) => {
    const parts = repo.split('/');
    return parts.length === 2 && parts.every((part) => repoPart.test(part) && !/\.\.|--|\.git$/.test(part));
  },
  { error: 'expected a Hugging Face repository "namespace/name"' },
);

const ModelIdFields = z.object({
  /** `namespace/name` of the dataset repository. */
  repo: RepoId,
  /** Competition id, 1 to 12 characters. */
  competition: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,12}$/, { error: 'expected a competition id of 1 to 12 letters, digits, "-" or "_"' }),
  /** Full git commit sha (40 lower-case hex digits), or `main`, which no validator scores. */
  commit: z.union([z.literal('main'), z.string().regex(/^[0-9a-f]{40}$/)], {
    error: 'expected a 40-hex commit sha or "main"',
  }),
});

/** What a miner commits on the chain: the dataset repository, the competition, and the exact commit. */
export type ModelId = z.infer<typeof ModelIdFields>;
/** A {@link ModelId} that names one immutable dataset. */
export type PinnedModelId = ModelId & { commit: string };

/**
 * The pointer text `namespace/name:competition:commit` <-> its fields, at most 512 bytes of UTF-8.
 * `decode` reads a commit of `None` as `main`, as the Python reference does.
 *
 * @example
 * const id = ModelId.decode('ann/chat:1:0123456789abcdef0123456789abcdef01234567');
 * ModelId.encode(id); // the same text
 * @throws ZodError from `decode` and `encode`; `safeDecode` and `safeEncode` return it instead.
 */
export const ModelId = z.codec(
  z.string().refine(fitsPointer, { error: `expected at most ${MAX_POINTER_BYTES} bytes` }),
  ModelIdFields,
  {
    decode: (pointer, context) => {
      const [repo, competition, commit, ...rest] = pointer.split(':');
      if (repo === undefined || competition === undefined || commit === undefined || rest.length > 0) {
        context.issues.push({
          code: 'custom',
          input: pointer,
          message: 'expected "namespace/name:competition:commit"',
        });
        return z.NEVER;
      }
      return { repo, competition, commit: commit === 'None' ? 'main' : commit };
    },
    encode: ({ repo, competition, commit }) => `${repo}:${competition}:${commit}`,
  },
);

/**
 * The pointer text of an id, for sending.
 * @throws FlockOffError `bad-argument` in one sentence when it is no id.
 */
export function encodePointer(id: ModelId): string {
  const encoded = ModelId.safeEncode(id);
  if (encoded.success) return encoded.data;
  const why = encoded.error.issues[0]?.message ?? 'it is no pointer';
  throw new FlockOffError({
    code: 'bad-argument',
    what: `"${id.repo}:${id.competition}:${id.commit}" cannot be committed: ${why}`,
    facts: { name: 'id', value: id },
  });
}

/**
 * True when the commit is a full sha, so that everybody reads the same bytes.
 * @example
 * const id = ModelId.decode('ann/chat:1:main');
 * if (!isPinned(id)) console.log('its commit is a branch');
 */
export function isPinned(id: ModelId): id is PinnedModelId {
  return id.commit !== 'main';
}

function fitsPointer(text: string): boolean {
  return new TextEncoder().encode(text).length <= MAX_POINTER_BYTES;
}
