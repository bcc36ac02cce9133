import { expect, test } from 'vitest';
import type { PreviewFlags, PreviewOutput, TrainedPreview } from '../../src/cli/preview/preview-output.ts';
import { previewText } from '../../src/cli/preview/preview-text.ts';
import { Competition } from '../../src/schema/competition.ts';

// What a page says of a loss; whole pages of real files are in preview.test.ts.

const place = { startBlock: 360, losses: [], place: 1, best: 1, worst: 1, own: null, baselineLossNatsPerToken: 4 };
const whole: TrainedPreview = {
  ...{ baseline: 4, losses: [{ seed: 1, loss: 3 }], mean: 3, seedDeviation: null, standardError: null, gain: 0.25 },
  ...{ sample: null, halfSampleLoss: null, evaluated: { rows: 9, ofRows: 9 }, verdict: null, tooSlow: false },
  ...{ backend: 'tfjs', worth: 1, place, rowValues: null },
};
const sample = { rows: 20, ofRows: 400, steps: 5, ofSteps: 100 };

function textOf(trained: TrainedPreview): string {
  const none = { rows: 0, lines: [] };
  const output: PreviewOutput = {
    ...{ version: 1, good: true, competition: null, commit: null, trained, subnet: {} as PreviewOutput['subnet'] },
    check: {
      ...{
        file: 'data.jsonl',
        bytes: 9,
        sha256: null,
        verdict: null,
        format: null,
        rows: 9,
        codePoints: 9,
        warnings: [],
      },
      problems: { lines: 0, kinds: [], list: [] },
      turns: { all: 9, most: 2 },
      tokens: { exact: true, how: '', all: 9, sizes: null, cut: none, unlearned: none },
      ...{ repeated: { rows: 0, examples: [] }, evaluation: null, competition: Competition.parse({}) },
    },
    rows: {
      ...{ block: 9, uid: null, verdict: null, rows: 9, leftOut: null, rowsTrainedOn: 9, unread: [] },
      compared: { datasets: 0, rows: 0, evaluationRows: 9 },
    },
  };
  return previewText(output, { lines: [], all: false } as unknown as PreviewFlags & { lines: string[] }).replace(
    /\n +/g,
    ' ',
  );
}

test('what a loss is worth and where it stands is said of what was trained on', () => {
  expect(textOf(whole)).toMatch(/Worth +it beats the base model/);
  expect(textOf(whole)).toMatch(/Worth +.*\nPlace +1 of 1/);
  expect(textOf({ ...whole, worth: null })).toMatch(/Worth +nothing: it does not beat/);
  expect(textOf({ ...whole, sample })).toMatch(/Worth +the sample beats the base model/);
  expect(textOf({ ...whole, sample })).toMatch(/Place +of the sample 1 of 1/);
  expect(textOf({ ...whole, sample, worth: null })).toMatch(/Worth +not known: the sample does not beat/);
});
