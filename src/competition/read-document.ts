import { verifyBare, verifyBytes } from '../chain/wallet/signed-bytes.ts';
import { COMPETITION_FILE, type CompetitionStore, MAX_COMPETITION_BYTES } from '../hub/competition-store.ts';
import { Competition } from '../schema/competition.ts';
import { issuesText, namesIn } from '../shared/nearest-name.ts';
import { badCompetition } from './bad-competition.ts';
import { competitionId, competitionText, contentHash, signedText } from './content.ts';
import { COMPETITION_FORMAT, COMPETITION_FORMAT_VERSION, CompetitionDocument } from './document.ts';
import { type CompetitionReference, referenceText } from './reference.ts';
import { policyNames } from './rules-file.ts';

/**
 * A competition as it was published, whole and signed by the address that it names. Whether that address owns the subnet,
 * only the chain can say: `requireCompetition`.
 */
export interface FoundedCompetition {
  reference: CompetitionReference;
  document: CompetitionDocument;
  /** 64 hex digits: of all that the owner has signed. */
  hash: string;
  /** The rules with the id. */
  competition: Competition;
}

export interface ReadFoundedCompetitionParameters {
  reference: CompetitionReference;
  competitions: Pick<CompetitionStore, 'read'>;
  signal?: AbortSignal;
}

/**
 * Fetches a competition, with no more than 256 KiB, and looks at all that can be seen without a chain: its names and values,
 * that its id is that of its content, and the signature.
 * @throws FlockOffError `bad-competition`; `hub-unreachable` (transient).
 * @example
 * const reference = parseCompetitionReference(text);
 * const founded = await readFoundedCompetition({ reference, competitions: new HubCompetitionStore({}) });
 * console.log(competitionLines(founded).join('\n'));
 */
export async function readFoundedCompetition(
  parameters: ReadFoundedCompetitionParameters,
): Promise<FoundedCompetition> {
  const { reference, competitions, signal } = parameters;
  const name = referenceText(reference);
  const text = await competitions.read({ ...reference, signal });
  if (text === 'missing')
    throw badCompetition({
      ...{ competition: name, problem: 'missing' },
      why: `is not there: the Hub shows no ${COMPETITION_FILE} in a public repository at that commit`,
    });
  if (text === 'too-large')
    throw badCompetition({
      ...{ competition: name, problem: 'too-large' },
      why: `has more than ${MAX_COMPETITION_BYTES} bytes in ${COMPETITION_FILE}, which none has`,
    });
  return openDocument(text, reference);
}

/**
 * What a `competition.json` holds, once that its id and its signature are right.
 * @throws FlockOffError `bad-competition`.
 */
export async function openDocument(text: string, reference: CompetitionReference): Promise<FoundedCompetition> {
  const name = referenceText(reference);
  const { document, json } = parseDocument(text, name);
  const hash = contentHash(json);
  const id = competitionId(hash);
  if (document.id !== id)
    throw badCompetition({
      ...{ competition: name, problem: 'id' },
      why: `was changed after it was signed: it has the id ${document.id}, and its content gives ${id}`,
    });
  const { owner, signature } = document;
  const signed = { address: owner.address, bytes: signedText(hash), signature: Buffer.from(signature, 'hex') };
  // Wallets sign texts in either way.
  if (!(await verifyBytes(signed)) && !(await verifyBare(signed)))
    throw badCompetition({
      ...{ competition: name, problem: 'signature' },
      why: `does not have the signature of ${owner.address}, whom it names as the owner of the subnet`,
    });
  return { reference, document, hash, competition: Competition.parse({ ...document.rules, id }) };
}

/** What the file holds, as this version knows it and as it stands there. */
function parseDocument(
  text: string,
  competition: string,
): { document: CompetitionDocument; json: Record<string, unknown> } {
  const unreadable = (why: string, more: { fix?: string; cause?: unknown } = {}) =>
    badCompetition({ competition, problem: 'unreadable', why: `${why} (${COMPETITION_FILE})`, ...more });
  let json: Record<string, unknown> | null;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw unreadable('is not JSON', { cause });
  }
  if (json?.format !== COMPETITION_FORMAT) throw unreadable('is no competition of this kind');
  if (json.version !== COMPETITION_FORMAT_VERSION)
    throw unreadable(`has another format than version ${COMPETITION_FORMAT_VERSION}, which this version reads`, {
      fix: 'use the version of flock-off that the competition asks for',
    });
  const parsed = CompetitionDocument.safeParse(json);
  if (!parsed.success) {
    const known = [...namesIn(CompetitionDocument), ...policyNames('rules.')];
    throw unreadable(`does not hold what a competition does: ${issuesText(parsed.error, known)}`);
  }
  if (!isAsWritten(text, json)) throw unreadable('was not written as flock-off does: a name may stand in it twice');
  return { document: parsed.data, json };
}

function isAsWritten(text: string, json: object): boolean {
  try {
    return competitionText(json) === text;
  } catch (error) {
    // Nested too deeply for this process to write.
    if (error instanceof RangeError) return false;
    throw error;
  }
}
