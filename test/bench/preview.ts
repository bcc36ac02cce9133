/**
 * How long `flock-off preview` takes without training, and how much memory, where what others have shown is on this disk: a file of
 * 20,000 rows of 1 kB against 256 datasets of 20,000 rows, a tenth of its rows being those of one of them. Fingerprints are of
 * that size (many-fingerprints.ts), but for that one. npm run bench:preview. Numbers: docs/benchmarks.md.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Competition, DatasetChecker, type DatasetStore, type Neuron, ValidatorState } from 'flock-off';
import { checkReport } from '../../src/cli/check/check-report.ts';
import { openTokenCounter } from '../../src/cli/check/token-counter.ts';
import { fingerprintRows } from '../../src/dataset/fingerprint/fingerprint-rows.ts';
import { FINGERPRINT_VERSION } from '../../src/dataset/fingerprint/format.ts';
import { sealFingerprint } from '../../src/dataset/fingerprint/sealed-fingerprint.ts';
import { previewRows } from '../../src/miner/preview/preview-rows.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';
import { MersenneTwister } from '../../src/shared/random.ts';
import { toPosition } from '../../src/validator/ledger/position.ts';
import { shownFirst } from '../../src/validator/read-datasets.ts';
import { writeFingerprints } from './many-fingerprints.ts';

/** Peak memory of this process and of those that it has started, looked at ten times a second. */
class MostMemory {
  #most = 0;
  readonly #timer = setInterval(() => void this.#look(), 100);

  stop(): number {
    clearInterval(this.#timer);
    return Math.round(Math.max(this.#most, memoryOf(process.pid, 'VmHWM')));
  }

  async #look(): Promise<void> {
    let sum = memoryOf(process.pid, 'VmRSS');
    for (const name of await readdir('/proc')) if (/^\d+$/.test(name) && isChild(name)) sum += memoryOf(name, 'VmRSS');
    this.#most = Math.max(this.#most, sum);
  }
}

const OWNERS = Number(process.argv[2] ?? 256);
const ROWS = 20_000;
const COPIED = ROWS / 10;
const BLOCK = 1_000;
const competition = Competition.parse({});
const folder = mkdtempSync(join(tmpdir(), 'flock-off-bench-preview-'));
try {
  await measure(prepare());
} finally {
  rmSync(folder, { recursive: true });
}

interface Prepared {
  path: string;
  shas: string[];
}

function prepare(): Prepared {
  const fingerprints = join(folder, 'state-fingerprints');
  mkdirSync(fingerprints);
  writeFingerprints({ folder, owners: OWNERS, judged: 0, rows: ROWS });
  const rows = rowsOfWords(ROWS, 1);
  const path = join(folder, 'mine.jsonl');
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const theirs = fingerprintRows([...rows.slice(0, COPIED), ...rowsOfWords(ROWS - COPIED, 2)]);
  const shas = Array.from({ length: OWNERS }, (_, owner) => {
    const sha256 = createHash('sha256').update(`${owner}`).digest('hex');
    const stored = join(fingerprints, `${sha256}.${FINGERPRINT_VERSION}.fp`);
    if (owner === 0) writeFileSync(stored, sealFingerprint(theirs));
    else renameSync(join(folder, `${owner}.current`), stored);
    rmSync(join(folder, `${owner}.earlier`));
    return sha256;
  });
  return { path, shas };
}

async function measure({ path, shas }: Prepared): Promise<void> {
  const hotkeyOf = (owner: number) => `5${`${owner}`.padStart(47, 'F')}`;
  const pointers = shas.map((sha256, owner) => ({ repo: `u/d${owner}`, commit: sha256.slice(0, 40) }));
  const state = await ValidatorState.open({ path: join(folder, 'state') });
  const put = shas.map((sha256, owner) => {
    const showing = shownFirst({ ...pointers[owner]!, sha256, rows: ROWS, position: toPosition(owner, null, owner) });
    const showings = [{ ...showing, beatsBaseline: true }];
    return { hotkey: hotkeyOf(owner), coldkey: hotkeyOf(owner), showings, received: [], unreadable: null };
  });
  await state.putLedger({ put, removed: [] });
  const neurons = shas.map((_, uid) => {
    return { uid, hotkey: hotkeyOf(uid), coldkey: hotkeyOf(uid), registrationBlock: 0, consensus: 0 } as Neuron;
  });
  const commitments = new Map(
    pointers.map(({ repo, commit }, uid) => {
      const hotkey = hotkeyOf(uid);
      return [hotkey, { hotkey, block: uid, text: `${repo}:1:${commit}`, kind: 'Raw' }];
    }),
  );
  const checker = new DatasetChecker();
  const evaluation = rowsOfWords(200, 3);
  const counter = await openTokenCounter({ env: { HF_HOME: folder } });
  const most = new MostMemory();
  const [before, start] = [process.cpuUsage(), performance.now()];
  const found = await previewRows({
    ...{ path, competition, state, checker, cacheDir: join(folder, 'cache') },
    metadata: {
      readSubnet: async () => ({ metagraph: { block: BLOCK, neurons } as never, commitments }),
      readPositions: async () => new Map(),
    },
    // Nothing is downloaded.
    datasets: {} as DatasetStore,
    evaluation: { rows: evaluation, sha256: '', bytes: 0, codePoints: 0, likelyTokens: 0, warnings: [] },
  });
  const compared = performance.now();
  await checkReport({ path, competition, counter, evaluation: fingerprintRows(evaluation) });
  const { user, system } = process.cpuUsage(before);
  const seconds = (ms: number) => (ms / 1000).toFixed(1);
  console.log(
    `${found.compared.datasets} datasets, ${found.compared.rows} rows: ${seconds(performance.now() - start)} s, of them ${seconds(compared - start)} s comparing ` +
      `(${((user + system) / 1e6).toFixed(1)} s of a processor here); ${most.stop()} MiB at most, the checking process included; ` +
      `${found.leftOut?.others} of ${COPIED} copied rows found`,
  );
  checker.close();
  await state.close();
}

function isChild(pid: string): boolean {
  return new RegExp(`^PPid:\\s+${process.pid}$`, 'm').test(statusOf(pid));
}

/** MiB. */
function memoryOf(pid: string | number, what: string): number {
  return Number(new RegExp(`^${what}:\\s+(\\d+)`, 'm').exec(statusOf(pid))?.[1] ?? 0) / 1024;
}

function statusOf(pid: string | number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

function rowsOfWords(count: number, seed: number): DatasetRow[] {
  const random = new MersenneTwister(seed);
  const below = (n: number) => Math.floor(random.nextUniform() * n);
  const letters = () => Array.from({ length: 2 + below(8) }, () => String.fromCharCode(97 + below(26))).join('');
  const words = Array.from({ length: 20_000 }, letters);
  const text = (length: number) => {
    let written = '';
    while (written.length < length) written += `${words[below(words.length)]} `;
    return written.trim();
  };
  return Array.from({ length: count }, () => ({
    conversations: [
      { role: 'user', content: text(100) },
      { role: 'assistant', content: text(820) },
    ],
  }));
}
