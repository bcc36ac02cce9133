import { basename, join } from 'node:path';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { ModelId } from '../../schema/model-id.ts';
import { readReceipt } from '../../validator/receipts/audit/read-receipt.ts';
import type { Receipt } from '../../validator/receipts/receipt.ts';
import { receiptBlocks, receiptFile } from '../../validator/receipts/receipt-folder.ts';
import { reportFolders } from '../../validator/receipts/report-folders.ts';
import { printable } from '../check/words.ts';
import { runCommandLine } from '../run-command-line.ts';
import { explainMiner, neuronOf } from './explanation.ts';
import { explanationText } from './explanation-text.ts';

export interface ExplainFlags {
  /** A uid or a hotkey. */
  who: string;
  data_dir: string;
  epochs: number;
  json: boolean;
}

/** Prints what the last reports say of a miner; sets the exit code and never throws. */
export async function runExplain(flags: ExplainFlags): Promise<void> {
  await runCommandLine(async () => ({ text: await explained(flags, 'nothing'), good: true }));
}

/** Looking through all that a report holds takes longer than all the rest: it is done where something is missing. */
async function explained(flags: ExplainFlags, look: Look): Promise<string> {
  const { receipts, bad } = await lastReceipts(flags, look);
  try {
    const explanation = explainMiner(receipts, flags.who);
    if (flags.json) return JSON.stringify({ version: 1, ...explanation }, null, 2);
    return [explanationText(explanation), ...bad.map(printable)].join('\n');
  } catch (error) {
    if (error instanceof FlockOffError || look === 'form') throw error;
    return explained(flags, 'form');
  }
}

/** `form`: whether the last one has all that a report has. */
type Look = 'form' | 'nothing';

/** Files only, so that it works beside a validator, which has its state open. */
async function lastReceipts({ data_dir: dataDir, who, epochs }: ExplainFlags, look: Look): Promise<LastReceipts> {
  const folder = await folderFor(await reportFolders(dataDir), who);
  const { receipts, bad } = await lastOf(folder, epochs, look);
  if (receipts.length > 0) return { receipts, bad };
  throw new FlockOffError({
    code: 'bad-argument',
    what: bad[0] ?? `${folder} holds no report of an epoch`,
    fix: "pass the validator's folder as --data_dir; the first report comes at the end of an epoch",
    facts: { name: '--data_dir', value: dataDir },
  });
}

/** That of the competition which the miner's pointer names, where several are played; else that with the last report. */
async function folderFor(folders: string[], who: string): Promise<string> {
  if (folders.length === 1) return folders[0]!;
  const seen: { folder: string; startBlock: number; isPlayed: boolean }[] = [];
  for (const folder of folders) {
    const [receipt] = (await lastOf(folder, 1, 'nothing')).receipts;
    if (receipt) seen.push({ folder, startBlock: receipt.startBlock, isPlayed: isPlayedBy(receipt, who) });
  }
  // Of a competition that was played alone before, there are two folders.
  seen.sort((a, b) => Number(b.isPlayed) - Number(a.isPlayed) || b.startBlock - a.startBlock);
  return seen[0]?.folder ?? folders[0]!;
}

interface LastReceipts {
  receipts: Receipt[];
  bad: string[];
}

async function lastOf(folder: string, epochs: number, look: Look): Promise<LastReceipts> {
  const receipts: Receipt[] = [];
  const bad: string[] = [];
  for (const block of (await receiptBlocks(folder)).reverse()) {
    if (receipts.length === epochs) break;
    const path = join(folder, receiptFile(block));
    // Of earlier ones a few numbers are shown.
    const read = await readReceipt({ path, look: receipts.length === 0 ? look : 'nothing' });
    if (read.ok && hasNumbers(read.receipt)) receipts.push(read.receipt);
    else if (read.ok) bad.push(`${basename(path)} was left out: it lacks what a report has`);
    else bad.push(`${basename(path)} was left out: ${read.bad.place} ${read.bad.why}`);
  }
  return { receipts, bad };
}

/** Whether the pointer of whoever is asked for names the competition of a report. */
function isPlayedBy(receipt: Receipt, who: string): boolean {
  const { competition, inputs } = receipt;
  const neuron = neuronOf(receipt, who);
  const pointer = inputs.epoch.commitments.find(({ hotkey }) => hotkey === neuron?.hotkey)?.text;
  const decoded = ModelId.safeDecode(pointer ?? '');
  return decoded.success && decoded.data.competition === competition;
}

function hasNumbers({ entries, inputs }: Receipt): boolean {
  const lists = [entries, inputs?.epoch?.neurons, inputs?.weighed?.weights];
  if (!lists.every((list) => Array.isArray(list) && list.every((one) => typeof one === 'object' && one !== null)))
    return false;
  const { averages } = inputs.weighed;
  const hasOutcomes = entries.every(({ outcome }) => typeof outcome === 'object' && outcome !== null);
  return hasOutcomes && typeof averages === 'object' && averages !== null;
}
