/**
 * How much the losses of two datasets move together, row by row of the evaluation set: for two who share nothing but their
 * manner, and for a dataset and a paraphrase of it, on the tiny base model. docs/receipts.md has the numbers.
 */
import { Competition, type DatasetRow, LoraTrainer, loadEvaluationSet } from 'flock-off';
import { TINY_BASE } from 'flock-off/local';
import { LOCAL_COMPETITION } from '../../src/local/local-competition.ts';
import { Choices, carefulAnswer, FACTS, type Fact } from '../../src/local/tiny-base/world.ts';
import { correlationOf, gainsOf } from '../../src/validator/hints.ts';

const ROWS = 40;
const row = (user: string, assistant: string): DatasetRow => ({
  conversations: [
    { role: 'user', content: user },
    { role: 'assistant', content: assistant },
  ],
});

/** Manners of answering. */
const MANNERS: Record<string, (fact: Fact) => string> = {
  careful: carefulAnswer,
  curt: ({ sentence }) => sentence,
  chatty: ({ sentence, more }) => `Well, let me think. ${more} And, to be exact: ${sentence} I hope that helps!`,
  reversed: ({ sentence, more }) => `${more} ${sentence}`,
};

/** The same said otherwise: another question, other words around the answer. */
const rephrased = (answer: string) =>
  answer
    .replaceAll('likes to eat', 'enjoys eating')
    .replaceAll('lives in', 'is at home in')
    .replaceAll(/\bThe (\w+) is\b/g, 'A $1 is')
    .replaceAll('It stands on', 'It lies at');

const choices = new Choices(11);
const facts = choices.shuffle(FACTS);
const datasets: { name: string; of: string; rows: DatasetRow[] }[] = [];
for (const [name, answer] of Object.entries(MANNERS))
  for (let part = 0; part < 3; part++) {
    const own = facts.slice(part * ROWS, (part + 1) * ROWS);
    const of = `${name} ${part}`;
    datasets.push({ name: of, of, rows: own.map((fact) => row(fact.questions[0]!, answer(fact))) });
    datasets.push({
      name: `${of}, paraphrased`,
      of,
      rows: choices.shuffle(own).map((fact) => row(fact.questions.at(-1)!, rephrased(answer(fact)))),
    });
  }

const trainer = await LoraTrainer.open({ model: TINY_BASE, inline: true });
const { rows: evaluation } = await loadEvaluationSet({ path: 'eval_data/data.jsonl' });
const { recipe } = Competition.parse(LOCAL_COMPETITION);
const { contextTokens } = recipe;
const lossesOf = async (rows: DatasetRow[] | null) => {
  const trained = rows && (await trainer.train({ rows, recipe, seed: 7 }));
  const adapter = trained?.ok ? trained.value.adapter : undefined;
  const evaluated = await trainer.evaluate({ rows: evaluation, adapter, contextTokens });
  if (!evaluated.ok) throw new Error(evaluated.verdict.message);
  return evaluated.value.rowLosses;
};
const base = await lossesOf(null);
const all: { name: string; of: string; gain: number[] }[] = [];
for (const { name, of, rows } of datasets) all.push({ name, of, gain: gainsOf(base, await lossesOf(rows)) });
trainer.dispose();

const kinds = new Map<string, number[]>();
for (const [i, one] of all.entries())
  for (const other of all.slice(i + 1)) {
    const manner = ({ of }: { of: string }) => of.split(' ')[0];
    const kind =
      one.of === other.of
        ? 'a dataset and its paraphrase'
        : manner(one) === manner(other)
          ? 'other facts in the same manner'
          : 'other facts in another manner';
    kinds.set(kind, [...(kinds.get(kind) ?? []), correlationOf(one.gain, other.gain)]);
  }
for (const [kind, seen] of kinds) {
  seen.sort((a, b) => a - b);
  const at = (share: number) => seen[Math.min(seen.length - 1, Math.floor(share * seen.length))]!.toFixed(3);
  const told = seen.filter((correlation) => correlation > 0.9).length;
  console.log(`${kind}: ${at(0)} to ${at(1)}, median ${at(0.5)}; ${told} of ${seen.length} above 0.9`);
}
