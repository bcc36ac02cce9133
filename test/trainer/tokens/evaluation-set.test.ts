import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type DatasetRow, DatasetSchema } from '../../../src/schema/dataset-row.ts';
import { MersenneTwister } from '../../../src/shared/random.ts';
import type { LoadedTensorFlow } from '../../../src/trainer/engine/tensorflow.ts';
import { loadLoraAdapter } from '../../../src/trainer/model/lora-adapter.ts';
import { LocalTrainer } from '../../../src/trainer/process/local-trainer.ts';
import { evaluateTokens } from '../../../src/trainer/run/evaluate.ts';
import type { TokenRow } from '../../../src/trainer/tokens/chat.ts';
import { prepareEvaluation } from '../../../src/trainer/tokens/evaluation-set.ts';
import type { TextTokenizer } from '../../../src/trainer/tokens/tokenizer.ts';
import { ENGINES, golden, goldenEngine, goldenRows, loadQuietly, temporaryFolder } from '../golden/golden.ts';

let encoded = 0;
vi.mock('../../../src/trainer/tokens/tokenizer.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../../src/trainer/tokens/tokenizer.ts')>();
  return {
    ...original,
    async loadTokenizer(parameters: { folder: string }): Promise<TextTokenizer> {
      const { vocabSize, encode } = await original.loadTokenizer(parameters);
      return {
        vocabSize,
        encode(...text) {
          encoded++;
          return encode(...text);
        },
      };
    },
  };
});

let loaded: LoadedTensorFlow;
beforeAll(async () => {
  loaded = await loadQuietly();
});

describe('prepareEvaluation', () => {
  it('puts every row with a target into one batch, sorted by length, at most 1024 tokens in a batch of several', () => {
    const row = fc.nat({ max: 700 }).map(
      (length): TokenRow => ({
        inputIds: new Array(length).fill(length % 7),
        labels: Array.from({ length }, (_, i) => (length % 5 === 0 ? -100 : i)),
      }),
    );
    fc.assert(
      fc.property(fc.array(row, { maxLength: 30 }), (rows) => {
        const { batches, rows: count } = prepareEvaluation(rows);
        expect(count).toBe(rows.length);
        const placed = batches.flatMap((batch) => batch.rows.map(({ index }) => index));
        const wanted = rows.flatMap(({ labels }, i) => (labels.length > 1 && labels.length % 5 > 0 ? [i] : []));
        expect([...placed].sort((a, b) => a - b)).toEqual(wanted);
        const lengths = placed.map((index) => rows[index]!.inputIds.length);
        expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
        for (const { batch } of batches)
          if (batch.lengths.length > 1) expect(batch.inputIds.length).toBeLessThanOrEqual(1024);
      }),
      { numRuns: 50 },
    );
  });
});

describe.each(ENGINES)('the loss is the same, bit by bit, whatever the order of the rows: $engine', (engineCase) => {
  it.each([null, 'lora/tiny-r4-nonzero'])('adapter %s', async (folder) => {
    const engine = await goldenEngine(loaded, engineCase, 'tiny-qwen2');
    const adapter = folder === null ? null : await loadLoraAdapter({ folder: golden(folder) });
    // Two rows twice, and some without labels among them.
    const rows = [...goldenRows('train').slice(0, 40), ...goldenRows('eval'), ...goldenRows('train').slice(0, 2)];
    rows.push({ inputIds: [1, 2], labels: [-100, -100] });
    const evaluate = async (some: TokenRow[]) => {
      const result = await evaluateTokens({ engine, set: prepareEvaluation(some), adapter });
      if (!result.ok) throw new Error(result.verdict.message);
      return result.value;
    };
    const inOrder = await evaluate(rows);
    const random = new MersenneTwister(1);
    for (let shuffle = 0; shuffle < 3; shuffle++) {
      const order = rows.map((_, index) => ({ index, key: random.nextUniform() })).sort((a, b) => a.key - b.key);
      const shuffled = await evaluate(order.map(({ index }) => rows[index]!));
      expect(shuffled.lossNatsPerToken).toBe(inOrder.lossNatsPerToken);
      order.forEach(({ index }, i) => {
        const [seen, truth] = [shuffled.rowLosses[i]!, inOrder.rowLosses[index]!];
        // Of equal rows either may come first, and stand elsewhere in a batch.
        if (truth === null) expect(seen).toBeNull();
        else expect(Math.abs(seen - truth)).toBeLessThanOrEqual(2e-6);
      });
    }
    engine.dispose();
  });
});

describe('a trainer', () => {
  const lines = readFileSync(golden('data/eval.jsonl'), 'utf8').trim().split('\n');
  const rows: DatasetRow[] = lines.map((line) => DatasetSchema.parse(JSON.parse(line)));
  let trainer: LocalTrainer;
  beforeAll(async () => {
    trainer = await LocalTrainer.load(golden('tiny-qwen2'), { cacheDir: temporaryFolder() });
  });
  afterAll(() => trainer.dispose());

  it('tokenizes an evaluation set once for many adapters, and again when rows or context change', async () => {
    const adapter = await loadLoraAdapter({ folder: golden('lora/tiny-r4-nonzero') });
    const evaluate = async (some: DatasetRow[], contextTokens = 64) => {
      const before = encoded;
      // As it comes out of another process: the same rows, but other objects.
      const result = await trainer.evaluate({ rows: structuredClone(some), adapter, contextTokens });
      return { result, encoded: encoded - before };
    };
    const first = await evaluate(rows);
    expect(first.encoded).toBeGreaterThan(rows.length);
    for (let again = 0; again < 3; again++) {
      expect(await evaluate(rows)).toEqual({ result: first.result, encoded: 0 });
    }
    expect((await evaluate(rows.slice(1))).encoded).toBeGreaterThan(0);
    expect((await evaluate(rows.slice(1), 32)).encoded).toBeGreaterThan(0);
    expect(await evaluate(rows)).toEqual(first);
  });
});
