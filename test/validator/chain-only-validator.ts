import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  ChainMetadataStore,
  Competition,
  type DatasetCheckerPort,
  type DatasetRow,
  type DatasetStore,
  type DrandBeacon,
  type HotkeySigner,
  type LoraTrainer,
  loadEvaluationSet,
  type Subtensor,
  type Validator,
  type ValidatorState,
  WeightSetter,
} from 'flock-off';
import { fingerprintRows } from '../../src/dataset/fingerprint/fingerprint-rows.ts';

export interface ChainOnlyValidatorParameters {
  folder: string;
  subtensor: Subtensor;
  netuid: number;
  hotkey: HotkeySigner;
  state: ValidatorState;
  blockThreshold: number;
  hide?: 'timelock' | 'hash';
  beacon?: DrandBeacon;
}

/** A validator whose hub and trainer take no time: what is left to be measured is the chain. */
export async function chainOnlyValidator(parameters: ChainOnlyValidatorParameters): Promise<Validator> {
  const { folder, subtensor, netuid, hotkey, state, blockThreshold, hide, beacon } = parameters;
  const { pendingReveals } = state;
  const competition = Competition.parse({ blocksPerEpoch: 4 });
  const lines = (topic: string) =>
    Array.from({ length: competition.minRows }, (_, i) => `${JSON.stringify(rowOn(topic, i))}\n`).join('');
  const evaluationPath = join(folder, 'eval.jsonl');
  await writeFile(evaluationPath, lines('evaluation'));
  const checker: DatasetCheckerPort = {
    check: async ({ path }) => {
      const rows = parseRows(await readFile(path, 'utf8'));
      const facts = { sha256: sha256(rows), bytes: 1, codePoints: 1, likelyTokens: 1, warnings: [] };
      return { ok: true, value: { ...facts, rows: rows.length, fingerprint: fingerprintRows(rows) } };
    },
    readRows: async ({ path }) => parseRows(await readFile(path, 'utf8')),
  };
  const datasets: Pick<DatasetStore, 'download' | 'owners' | 'isReadable'> = {
    owners: async () => ({ ok: true, value: null }),
    isReadable: async () => true,
    download: async ({ repo, to }) => {
      const text = lines(repo);
      await mkdir(dirname(to), { recursive: true });
      await writeFile(to, text);
      return { ok: true, value: { path: to, sha256: sha256(text), bytes: text.length } };
    },
  };
  const trainer = {
    baseSha256: '',
    precision: { matmul: 'float32', reason: '' },
    train: async () => ({ ok: true, value: { adapter: {} } }),
    evaluate: async ({ adapter }: { adapter?: object }) => ({
      ok: true,
      value: { lossNatsPerToken: adapter ? 1 : 2, rowLosses: [] },
    }),
  };
  return {
    netuid,
    competition,
    subtensor,
    metadata: new ChainMetadataStore({ subtensor, netuid }),
    weightSetter: new WeightSetter({ subtensor, netuid, hotkey, pendingReveals, hide, beacon }),
    datasets: datasets as DatasetStore,
    checker,
    trainer: trainer as unknown as LoraTrainer,
    evaluation: await loadEvaluationSet({ path: evaluationPath }),
    state,
    cacheDir: join(folder, 'cache'),
    blockThreshold,
  };
}

function rowOn(topic: string, i: number): DatasetRow {
  return {
    conversations: [
      { role: 'user', content: `What is ${topic} ${i}?` },
      { role: 'assistant', content: `It is number ${i} of ${topic}.` },
    ],
  } as DatasetRow;
}

function parseRows(text: string): DatasetRow[] {
  return text.split('\n').flatMap((line) => (line ? (JSON.parse(line) as DatasetRow) : []));
}

function sha256(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
