import type { Chain } from '../chain/chain.ts';
import { requireSubnet } from '../chain/subnet/identity.ts';
import { readIdentity } from '../chain/subnet/subnet.ts';
import { isAddress } from '../chain/wallet/hotkey.ts';
import { type BytesSigner, signBytes } from '../chain/wallet/signed-bytes.ts';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { type CompetitionStore, MAX_COMPETITION_BYTES } from '../hub/competition-store.ts';
import { RepoId } from '../schema/model-id.ts';
import { badCompetition } from './bad-competition.ts';
import { competitionId, competitionText, contentHash, signedText } from './content.ts';
import { CompetitionDocument, CompetitionDraft } from './document.ts';
import type { DraftFolder } from './draft-folder.ts';
import { type FoundedCompetition, openDocument, readFoundedCompetition } from './read-document.ts';
import { requireBlockTime } from './require-block-time.ts';
import { requireCompetition } from './require-competition.ts';

export interface PublishFoundedCompetitionParameters {
  drafted: Pick<DraftFolder, 'folder' | 'draft' | 'evaluationPath'>;
  /** `namespace/name`; created when missing. */
  repo: string;
  subtensor: Pick<Chain, 'read'>;
  competitions: CompetitionStore;
  /** The coldkey that owns the subnet. */
  owner: BytesSigner;
  /** The block that the signature is to name. Default: the last final one. Given where the text was signed before. */
  ownerBlock?: number;
  signal?: AbortSignal;
}

/**
 * Signs a draft and publishes it with its evaluation set, and looks at what was published as everybody will. Done again with
 * the same draft it changes nothing. Another version in a repository has to count from a later block than the one before.
 * @throws FlockOffError `wrong-subnet` where the number is another project's by now; `bad-argument` where the key is not that
 *   of the subnet's owner; `bad-competition`; what the Hub, the chain and the disk throw.
 * @example
 * const drafted = await readDraftFolder({ folder: 'my-competition' });
 * const competitions = new HubCompetitionStore({ token });
 * const { reference } = await publishFoundedCompetition({ drafted, repo: 'ann/rules', subtensor, competitions, owner });
 * console.log(referenceText(reference));
 */
export async function publishFoundedCompetition(
  parameters: PublishFoundedCompetitionParameters,
): Promise<FoundedCompetition> {
  const { drafted, repo, subtensor, competitions, owner, signal } = parameters;
  if (!RepoId.safeParse(repo).success)
    throw new FlockOffError({
      code: 'bad-argument',
      what: `"${repo}" is no repository on the Hub: expected namespace/name`,
      fix: 'name one of yours, such as org/chats (--repo)',
      facts: { name: '--repo', value: repo },
    });
  await requireSignerAddress(drafted);
  const { draft, evaluationPath, folder } = drafted;
  const { netuid } = draft.subnet;
  const { address, block } = await readOwner(parameters);
  if (address !== owner.address)
    throw new FlockOffError({
      code: 'bad-argument',
      what: `the key is that of ${owner.address}, and the owner of subnet ${netuid} is ${address ?? 'nobody'}`,
      fix: "sign with the owner's coldkey (--wallet.name)",
      facts: { name: '--wallet.name', value: owner.address, netuid },
    });

  await requireBlockTime({ name: folder, competition: draft.rules, subtensor, signal });
  const latest = await competitions.latest({ repo, signal });
  const before = parse(latest);
  const isSame = before !== null && competitionText(draftOf(before)) === competitionText(draftOf(draft));
  if (before !== null && !isSame && draft.countsFromBlock <= before.countsFromBlock)
    throw badCompetition({
      ...{ competition: folder, problem: 'not-yet', firstBlock: before.countsFromBlock + 1 },
      why: `counts from block ${draft.countsFromBlock}, and the version that ${repo} has from block ${before.countsFromBlock}`,
      fix: 'let the new version count from a later block (countsFromBlock), at which everybody can have changed over',
    });
  const text =
    isSame && latest !== null && (await isSignedBy(latest, owner.address, repo))
      ? latest
      : competitionText(await sign(contentOf(draft, owner.address, parameters.ownerBlock ?? block), owner));
  if (Buffer.byteLength(text) > MAX_COMPETITION_BYTES)
    throw badCompetition({
      ...{ competition: folder, problem: 'too-large' },
      why: `would have ${Buffer.byteLength(text)} bytes, and ${MAX_COMPETITION_BYTES} are read`,
      fix: 'shorten its texts or its parameters',
    });
  await requireSignature(text, { repo, address: owner.address });
  const commit = await competitions.publish({ repo, text, evaluationPath, signal });
  const founded = await readFoundedCompetition({ reference: { repo, commit }, competitions, signal });
  await requireCompetition({ founded, subtensor, early: true, signal });
  return founded;
}

export interface TextToSign {
  /** ss58 address of the coldkey that is to sign. */
  address: string;
  /** The block at which it owns the subnet, which the signature names. */
  block: number;
  /** To be signed as it is, or between `<Bytes>` and `</Bytes>` as browser wallets do. */
  text: string;
}

/**
 * What the owner signs where the coldkey is not on this machine; `publishFoundedCompetition` then takes the block as
 * `ownerBlock`, and as `owner` whatever hands the signature out. Any change of the draft makes it another text.
 * @throws FlockOffError `wrong-subnet`; `bad-argument` where nobody owns the subnet; what reading the chain throws.
 * @example
 * const drafted = await readDraftFolder({ folder: 'my-competition' });
 * const { address, block, text } = await competitionTextToSign({ drafted, subtensor });
 * console.log(`${address} signs, as of block ${block}: ${text}`);
 */
export async function competitionTextToSign(
  parameters: Pick<PublishFoundedCompetitionParameters, 'drafted' | 'subtensor' | 'ownerBlock' | 'signal'>,
): Promise<TextToSign> {
  const { draft } = parameters.drafted;
  await requireSignerAddress(parameters.drafted);
  const { address, block: final } = await readOwner(parameters);
  const block = parameters.ownerBlock ?? final;
  if (address !== null) {
    const hash = contentHash(contentOf(draft, address, block));
    return { address, block, text: Buffer.from(signedText(hash)).toString() };
  }
  const { netuid } = draft.subnet;
  const what = `subnet ${netuid} has no owner, so nobody can sign a competition for it`;
  throw new FlockOffError({ code: 'bad-argument', what, fix: 'check --netuid', facts: { netuid } });
}

/** @throws FlockOffError `bad-argument` where the address of who lists the sets has a mistake, which nobody's key could mend. */
async function requireSignerAddress({
  draft: { rules },
}: PublishFoundedCompetitionParameters['drafted']): Promise<void> {
  const signer = rules.evaluationSets?.signer;
  if (signer === undefined || (await isAddress(signer))) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `the signer of the evaluation sets, ${signer}, is no ss58 address: nobody could list a set`,
    fix: 'correct rules.evaluationSets.signer: it is the address of the hotkey that lists them',
    facts: { name: 'rules.evaluationSets.signer', value: signer },
  });
}

/** @throws FlockOffError `wrong-subnet` where the number is another project's by now. */
async function readOwner({
  drafted,
  subtensor,
  signal,
}: Pick<PublishFoundedCompetitionParameters, 'drafted' | 'subtensor' | 'signal'>): Promise<{
  address: string | null;
  block: number;
}> {
  const { netuid, genesisHash, registrationBlock } = drafted.draft.subnet;
  const { seen, block } = await subtensor.read({
    what: 'reading whose subnet it is',
    // What the key is compared with cannot be taken back.
    use: async (snapshot) => ({ seen: await readIdentity(snapshot, netuid), block: await snapshot.finalBlock() }),
    signal,
  });
  requireSubnet({ seen, expected: { genesisHash, registrationBlock: registrationBlock ?? undefined } });
  return { address: seen.owner, block };
}

/** What is signed: what will be read back out of the file. */
function contentOf(draft: CompetitionDraft, address: string, block: number): Record<string, unknown> {
  return JSON.parse(JSON.stringify({ ...draftOf(draft), owner: { address, block } }));
}

async function sign(json: Record<string, unknown>, owner: BytesSigner): Promise<CompetitionDocument> {
  const hash = contentHash(json);
  const signature = await signBytes({ hotkey: owner, bytes: signedText(hash) });
  return CompetitionDocument.parse({
    ...json,
    id: competitionId(hash),
    signature: Buffer.from(signature).toString('hex'),
  });
}

/** @throws FlockOffError `bad-argument` before anything is sent, where a signature was made of something else. */
async function requireSignature(text: string, { repo, address }: { repo: string; address: string }): Promise<void> {
  if (await isSignedBy(text, address, repo)) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `the signature is not that of ${address} for this competition`,
    fix: 'have the text signed anew (--to_sign): a draft that was changed since has another one',
    facts: { name: '--signature' },
  });
}

/** Whether a text is a competition with the signature of an address. */
async function isSignedBy(text: string, address: string, repo: string): Promise<boolean> {
  const opened = await openDocument(text, { repo, commit: 'main' }).catch(() => null);
  return opened?.document.owner.address === address;
}

/** The version that a repository has; `null` where its file is no competition, so that there is none to count later than. */
function parse(text: string | null): CompetitionDocument | null {
  try {
    return CompetitionDocument.parse(JSON.parse(text ?? 'null'));
  } catch {
    return null;
  }
}

/** The founder's part, in the order of the schema. */
function draftOf(document: CompetitionDraft): CompetitionDraft {
  return CompetitionDraft.strip().parse(document);
}
