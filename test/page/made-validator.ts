import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { epochFactsOf } from '../../src/page/epoch-facts.ts';
import type { Receipt } from '../../src/validator/receipts/receipt.ts';
import { makeReceipts } from '../validator/receipts/made-receipts.ts';

/** What miners and the Hub could write. */
export const HOSTILE = {
  pointer: '</script><img src=x onerror="document.title=1">',
  message: `</title></style><script>document.title='owned'</script>'" onmouseover=alert(1) \u202egpj.exe`,
  problem: '<svg onload=fetch("http://127.0.0.1:1/stolen")>',
};

export interface MadeValidatorParameters {
  folder: string;
  epochs: number;
  miners: number;
  /** Default 120. */
  steps?: number;
}

/**
 * A validator's folder after some epochs: reports with verdicts, evidence and faults, and the metrics of each run of the last
 * two. Some of what miners wrote is hostile.
 */
export async function makeValidator({ folder, epochs, miners, steps = 120 }: MadeValidatorParameters): Promise<void> {
  const hotkeys = await makeReceipts({ folder, epochs, miners });
  await mkdir(join(folder, 'metrics'), { recursive: true });
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const path = join(folder, 'reports', `epoch-${360 * epoch}.json`);
    const receipt: Receipt = JSON.parse(await readFile(path, 'utf8'));
    const isLast = epoch === epochs;
    const { entries, inputs } = receipt;
    if (isLast) refuse(receipt);
    if (epoch % 7 === 3)
      for (const entry of entries.slice(-3)) {
        entry.outcome = { kind: 'postponed', by: 'hub', message: 'the hub answered 503 three times' };
        entry.why = 'keeps its weight and is evaluated again: the hub answered 503 three times';
      }
    if (epoch === 2) {
      receipt.receipt = null;
      receipt.notSent = 'no weights were sent, those set before stand: no dataset has been evaluated yet';
    }
    await writeFile(path, `${JSON.stringify(receipt)}\n`);
    if (epoch >= epochs - 1)
      for (const [name, { hotkey }] of epochFactsOf(receipt).runs)
        await writeFile(join(folder, 'metrics', name), metrics(hotkeys.indexOf(hotkey), steps));
    inputs.measured = {};
  }
}

/** The last three of the report are refused, with all that evidence can have. */
function refuse({ entries, inputs }: Receipt): void {
  const [one, two, three] = entries.slice(-3);
  const leftOut = {
    ...{ others: 6, evaluation: 1, repeats: 2 },
    sources: [{ uid: 4, hotkey: entries[0]!.hotkey, rows: 6 }],
    examples: [{ line: 7, uid: 4, hotkey: entries[0]!.hotkey, ofLine: 1, block: 340, alike: 1 }],
  };
  const message = 'rows left out: 6 shown earlier by uid 4: 1 of 10 rows are left, at least 5 are needed';
  one!.outcome = {
    kind: 'rejected',
    verdict: { reason: 'duplicate', message, facts: { rows: 10, rowsLeft: 1, rowsNeeded: 5, leftOut } },
  };
  one!.why = message;
  one!.leftOut = leftOut;
  const facts = { problemCount: 1, problems: [{ line: 3, problem: HOSTILE.problem }], kinds: [] };
  two!.outcome = { kind: 'rejected', verdict: { reason: 'invalid-rows', message: HOSTILE.message, facts } };
  two!.why = HOSTILE.message;
  three!.outcome = { kind: 'postponed', by: 'miner', message: `${HOSTILE.message} ${'long'.repeat(200)}` };
  three!.why = three!.outcome.message;
  const commitment = inputs.epoch.commitments.find(({ hotkey }) => hotkey === two!.hotkey)!;
  commitment.text = HOSTILE.pointer;
  two!.pointer = HOSTILE.pointer;
  for (const entry of [one!, two!, three!]) entry.score = null;
}

function metrics(uid: number, steps: number): string {
  return Array.from({ length: steps }, (_, i) => {
    const wave = Math.sin((i + 1) * (uid + 1) * 12.9898);
    const lossNatsPerToken = 1.4 + ((uid * 7) % 11) / 20 + 1.6 * Math.exp(-i / (12 + uid)) + 0.08 * wave;
    const gradNorm = i === 5 && uid === 0 ? null : 0.4 + 2 * Math.exp(-i / 9) + 0.1 * Math.abs(wave);
    const line = { step: i + 1, epoch: i / steps, lossNatsPerToken, learningRate: 1e-4, gradNorm };
    return `${JSON.stringify({ ...line, tokens: 2048, tokensPerSecond: 900, durationMs: 2_275 })}\n`;
  }).join('');
}
