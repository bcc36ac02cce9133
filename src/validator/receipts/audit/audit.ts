import type { Chain } from '../../../chain/chain.ts';
import { FlockOffError, messageOf } from '../../../errors/flock-off-error.ts';
import type { Policy } from '../../../policy/policy.ts';
import { yieldToEventLoop } from '../../../shared/yield-to-event-loop.ts';
import { Chains } from '../chains.ts';
import { addOwnWeights, checkParts, type WeightsByCompetition } from './check-parts.ts';
import { checkSets } from './check-sets.ts';
import { compareWithChain } from './compare-with-chain.ts';
import { filesOf } from './files.ts';
import { checkLink, type Link, linkOf } from './links.ts';
import { ownPolicyOf } from './own-policy.ts';
import { readReceipt } from './read-receipt.ts';
import { recompute } from './recompute.ts';

export interface AuditFinding {
  /** The value that is not as it should be, such as `entries[2].weight`; `the file` where that cannot be told. */
  place: string;
  /** Goes on behind the place. */
  why: string;
}

/** What was found in one report. */
export interface AuditedReport {
  path: string;
  /** `null` where that cannot be told. */
  startBlock: number | null;
  /** Empty where all is as it should be. */
  findings: AuditFinding[];
  /** What could not be looked at, in sentences. */
  unchecked: string[];
}

export interface AuditReceiptsParameters {
  /** Files, or folders with files `epoch-<block>.json`. */
  paths: string[];
  /** ss58 address of whose reports they should be. Default: of one hotkey, whichever. */
  signer?: string;
  /**
   * A policy of the operator's own that the reports name, or what makes it from the parameters in a competition: it is called
   * with those of each report, as the validator called it.
   */
  policy?: Policy | ((parameters: Record<string, unknown>) => Policy);
  /** Where it is looked what the chain says of the same. Default: nowhere. */
  subtensor?: Pick<Chain, 'read'>;
  signal?: AbortSignal;
}

export interface AuditReceiptsReturnType {
  /** Whether nothing was found. */
  good: boolean;
  /** By block; those that cannot be read first. */
  reports: AuditedReport[];
  /** What was compared with the chain, in sentences; `null` where it was not asked. */
  chain: string[] | null;
}

/**
 * Looks whether reports are as their validator signed them, whether each follows from its own inputs (draw, verdicts by
 * arithmetic, scores, weights: computed again by the validator's own functions) and goes on where the one before has ended,
 * and whether the chain says the same. Of several competitions that are played together, those of all of them are given. Needs no GPU and no dataset: losses are taken as they are.
 * @throws FlockOffError `bad-argument` where there is no report, or one names a policy that this package does not have and
 *   `policy` is not; `disk`; faults of the chain.
 * @example
 * const { good, reports } = await auditReceipts({ paths: ['.flock-off/validator/reports'], subtensor });
 * for (const { path, findings } of reports) console.log(path, findings.length);
 */
export async function auditReceipts(parameters: AuditReceiptsParameters): Promise<AuditReceiptsReturnType> {
  const { signer = null, policy, subtensor, signal } = parameters;
  const { bad, sound, weights } = await readAll(await filesOf(parameters.paths), policy, signal);
  const reports: AuditedReport[] = [];
  /** Each of several competitions that are played together has one of its own. */
  const chains = new Chains<Link>();
  let first = signer;
  for (const { path, sha256, startBlock, chain, own } of sound) {
    await yieldToEventLoop(signal);
    // Read again: a hundred of them need not be in memory at once.
    const read = await readReceipt({ path, look: 'nothing' });
    if (!read.ok || read.sha256 !== sha256) {
      bad.push({
        path,
        startBlock,
        findings: [{ place: 'the file', why: 'changed while it was read' }],
        unchecked: [],
      });
      continue;
    }
    const { receipt } = read;
    first ??= receipt.signer;
    const before = chains.before(chain, receipt);
    const link = checkLink({ receipt, before, signer: first });
    const again = await orFinding(async () => recompute({ receipt, policy: own }));
    const sets = await orFinding(() => checkSets(receipt, own));
    const others = checkParts(receipt, weights);
    reports.push({
      ...{ path, startBlock },
      findings: [link, again, sets, others].flatMap(({ findings }) => findings),
      unchecked: [link, again, sets, others].flatMap(({ unchecked }) => unchecked),
    });
    chains.add(chain, linkOf(receipt, { sha256, after: again.after, before }));
  }
  const paths = sound.map(({ path }) => path);
  const chainSays = subtensor && (await compareWithChain({ subtensor, paths, signal }));
  for (const { path, finding } of chainSays?.findings ?? [])
    reports.find((one) => one.path === path)?.findings.push(finding);
  const all = [...bad, ...reports];
  return {
    good: all.every(({ findings }) => findings.length === 0),
    reports: all,
    chain: chainSays?.said ?? null,
  };
}

async function orFinding<T>(work: () => Promise<T>): Promise<T | BadInputs> {
  try {
    return await work();
  } catch (error) {
    // Whatever a signed report holds, it is the report's fault and not the auditor's end.
    const why = `cannot be computed with: ${error instanceof FlockOffError ? error.sentence : messageOf(error)}`;
    return { findings: [{ place: 'inputs', why }], unchecked: [], after: null };
  }
}

interface BadInputs {
  findings: AuditFinding[];
  unchecked: string[];
  after: null;
}

interface SoundFile {
  path: string;
  startBlock: number;
  sha256: string;
  /** Which of its validator's chains of reports it is of: the id of its competition where several are played. */
  chain: string;
  /** The policy of the operator's own that it names. */
  own: Policy | undefined;
}

/** Of the reports that are as they were signed, by block. */
async function readAll(
  paths: string[],
  policy: AuditReceiptsParameters['policy'],
  signal?: AbortSignal,
): Promise<{ bad: AuditedReport[]; sound: SoundFile[]; weights: WeightsByCompetition }> {
  const bad: AuditedReport[] = [];
  const sound: SoundFile[] = [];
  const weights: WeightsByCompetition = new Map();
  const seen = new Set<string>();
  for (const path of paths) {
    await yieldToEventLoop(signal);
    const read = await readReceipt({ path });
    if (!read.ok) {
      bad.push({ path, startBlock: null, findings: [read.bad], unchecked: [] });
      continue;
    }
    const { receipt, sha256 } = read;
    // A copy of one that was given.
    if (seen.has(sha256)) continue;
    seen.add(sha256);
    const chain = receipt.inputs.blend ? receipt.competition : '';
    addOwnWeights(weights, receipt);
    sound.push({ path, startBlock: receipt.startBlock, sha256, chain, own: ownPolicyOf(receipt, policy) });
  }
  sound.sort((a, b) => a.startBlock - b.startBlock);
  return { bad, sound, weights };
}
