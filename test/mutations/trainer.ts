/**
 * `npm run mutate`: puts deliberate mistakes into the trainer, one at a time, in a copy of the sources, and expects the
 * golden tests to notice each. Some minutes. `npm run mutate -- dropout` tries only mistakes with that word.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Mutation {
  mistake: string;
  file: string;
  /** Occurs once in the file. */
  from: string;
  to: string;
}

const GRAPH = 'src/trainer/engine/graph';
const MUTATIONS: Mutation[] = [
  {
    mistake: 'rotary embedding turned the other way',
    file: `${GRAPH}/batch-feeds.ts`,
    from: 'i % config.headDim < config.headDim / 2',
    to: 'i % config.headDim >= config.headDim / 2',
  },
  {
    mistake: 'epsilon of the norms ten times as large',
    file: `${GRAPH}/rms-norm.ts`,
    from: "constant('float32', epsilon)",
    to: "constant('float32', 10 * epsilon)",
  },
  {
    mistake: 'no bias in q, k and v',
    file: `${GRAPH}/lora-linear.ts`,
    from: 'linear.bias ? ops.add(adapted, matrix(context, linear.bias)) : adapted',
    to: 'adapted',
  },
  {
    mistake: 'a token may not look at itself',
    file: `${GRAPH}/lora-graph.ts`,
    from: "compare('Greater', ops.reshape(places, [1, -1])",
    to: "compare('GreaterEqual', ops.reshape(places, [1, -1])",
  },
  {
    mistake: 'attention scaled by the head dimension, not its root',
    file: `${GRAPH}/attention.ts`,
    from: "ops.multiply(scores, ops.graph.constant('float32', 1 / Math.sqrt(config.headDim)))",
    to: "ops.multiply(scores, ops.graph.constant('float32', 1 / config.headDim))",
  },
  {
    mistake: 'attention scale forgotten in the gradient',
    file: `${GRAPH}/attention.ts`,
    from: "ops.multiply(dScores, ops.graph.constant('float32', 1 / Math.sqrt(headDim)))",
    to: 'dScores',
  },
  {
    mistake: 'gradient of softmax without its sum',
    file: `${GRAPH}/attention.ts`,
    from: "ops.subtract(weighted, ops.multiply(share, ops.reduceLast('Sum', weighted)))",
    to: 'weighted',
  },
  {
    mistake: 'rotation not turned back for its gradient',
    file: `${GRAPH}/attention.ts`,
    from: 'ops.swapHalves(ops.multiply(exact, sin), 4)',
    to: 'ops.multiply(ops.swapHalves(exact, 4), sin)',
  },
  {
    mistake: 'slope of SiLU without its second part',
    file: `${GRAPH}/decoder-layer.ts`,
    from: 'ops.add(gate, ops.subtract(activated, ops.multiply(activated, gate)))',
    to: 'gate',
  },
  {
    mistake: 'gradient of the norm without its mean',
    file: `${GRAPH}/rms-norm.ts`,
    from: 'ops.subtract(dNormed, ops.multiply(normed, along))',
    to: 'dNormed',
  },
  {
    mistake: 'residual around attention missing in the gradient',
    file: `${GRAPH}/decoder-layer.ts`,
    from: 'dx: ops.add(dAttended, normBackward(ops, layer.inputNorm, pass.inputNorm, dH))',
    to: 'dx: normBackward(ops, layer.inputNorm, pass.inputNorm, dH)',
  },
  {
    mistake: 'the two norms of a layer exchanged',
    file: `${GRAPH}/lora-graph.ts`,
    from: '.input_layernorm.weight',
    to: '.post_attention_layernorm.weight',
  },
  {
    mistake: 'adapter scaled by alpha, not alpha / rank',
    file: `${GRAPH}/graph-training.ts`,
    from: 'adapter_scale: float(alpha / rank / (1 - dropout))',
    to: 'adapter_scale: float(alpha / (1 - dropout))',
  },
  {
    mistake: 'kept inputs not scaled up for the dropped ones',
    file: `${GRAPH}/graph-training.ts`,
    from: 'adapter_scale: float(alpha / rank / (1 - dropout))',
    to: 'adapter_scale: float(alpha / rank)',
  },
  {
    mistake: 'dropout forgotten in the gradient of the input',
    file: `${GRAPH}/lora-linear.ts`,
    from: 'mask ? ops.multiply(dSeen, mask) : dSeen',
    to: 'dSeen',
  },
  {
    mistake: 'gradient of A from all inputs, dropped ones too',
    file: `${GRAPH}/lora-linear.ts`,
    from: 'da: ops.cast(ops.matMul(dLow, seen, { transposeA: true })',
    to: 'da: ops.cast(ops.matMul(dLow, x, { transposeA: true })',
  },
  {
    mistake: 'no final norm',
    file: `${GRAPH}/loss-head.ts`,
    from: 'ops.sliceRows(norm.y, begin, rows, 2)',
    to: 'ops.sliceRows(norm.x, begin, rows, 2)',
  },
  {
    mistake: 'gradient of the loss without the target',
    file: `${GRAPH}/loss-head.ts`,
    from: 'ops.multiply(ops.subtract(expected, seen), lossScale)',
    to: 'ops.multiply(expected, lossScale)',
  },
  {
    mistake: 'gradients of micro batches replace each other',
    file: `${GRAPH}/ops.ts`,
    from: "this.#update('AssignAddVariableOp', variable, value, [])",
    to: "this.#update('AssignVariableOp', variable, value, [])",
  },
  {
    mistake: 'gradients stay after a step',
    file: `${GRAPH}/lora-graph.ts`,
    from: 'ops.assign(gradient, ops.zerosLike(sum), [moved])',
    to: 'ops.assign(gradient, ops.identity(sum), [moved])',
  },
  {
    mistake: 'Adam without bias correction',
    file: `${GRAPH}/graph-training.ts`,
    from: '(learningRate * correction) / (1 - beta1 ** this.#steps)',
    to: 'learningRate',
  },
  {
    mistake: 'gradients not clipped',
    file: 'src/trainer/run/clip.ts',
    from: 'Math.min(1, maxNorm / (norm + 1e-6))',
    to: '1 + 0 * maxNorm * norm',
  },
  {
    mistake: 'loss of a step is the mean of means',
    file: 'src/trainer/run/train.ts',
    from: 'run.accumulate(batch, 1 / targets)',
    to: 'run.accumulate(batch, 1 / batch.targetIds.length / batches.length)',
  },
  {
    mistake: 'learning rate one step ahead',
    file: 'src/trainer/run/train.ts',
    from: 'learningRateAt({ ...recipe, step, steps,',
    to: 'learningRateAt({ ...recipe, step: step + 1, steps,',
  },
  {
    mistake: 'every epoch in the same order',
    file: 'src/trainer/tokens/batches.ts',
    from: 'randomPermutation(rows, seed + epoch)',
    to: 'randomPermutation(rows, seed + 0 * epoch)',
  },
  {
    mistake: 'each token predicts itself',
    file: 'src/trainer/tokens/batches.ts',
    from: 'row * length + position - 1',
    to: 'row * length + position',
  },
  {
    mistake: 'every part of a batch draws the dropout of its beginning',
    file: `${GRAPH}/graph-training.ts`,
    from: 'first_position: integer(row * batch.length)',
    to: 'first_position: integer(0)',
  },
  {
    mistake: 'dropout of half as many inputs as asked',
    file: `${GRAPH}/graph-training.ts`,
    from: 'const RANDOM_VALUES = 65_536',
    to: 'const RANDOM_VALUES = 32_768',
  },
  {
    mistake: 'the same dropout for every batch',
    file: `${GRAPH}/graph-training.ts`,
    from: 'seed: this.#parameters.random.nextUint32() | 0',
    to: 'seed: 1',
  },
  {
    mistake: 'the same dropout for every linear layer',
    file: `${GRAPH}/dropout.ts`,
    from: "graph.constant('int32', linears.indexOf(linear))",
    to: 'zero',
  },
  {
    mistake: 'the last part of a batch is left out',
    file: `${GRAPH}/graph-training.ts`,
    from: 'row < batch.rows; row += rowsAtOnce',
    to: 'row <= batch.rows - rowsAtOnce - (rowsAtOnce < batch.rows ? 1 : 0); row += rowsAtOnce',
  },
];

const root = fileURLToPath(new URL('../..', import.meta.url));
const copy = await mkdtemp(join(tmpdir(), 'flock-off-mutations-'));
for (const name of ['src', 'test', 'package.json', 'tsconfig.json'])
  await cp(join(root, name), join(copy, name), { recursive: true });
await symlink(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir');

/** True when the golden tests of the graph pass on the copy. */
function goldenTestsPass(): Promise<boolean> {
  const args = [
    'vitest',
    'run',
    '--config',
    'test/vitest.config.ts',
    '--bail',
    '1',
    '-t',
    'one graph|the graph engine',
  ];
  const files = ['test/trainer/golden/gradients.test.ts', 'test/trainer/golden/training.test.ts'];
  files.push('test/trainer/engine/graph/graph-engine.test.ts', 'test/trainer/engine/dropout.test.ts');
  return new Promise((resolve) =>
    execFile('npx', [...args, ...files], { cwd: copy }, (error) => resolve(error === null)),
  );
}

if (!(await goldenTestsPass())) throw new Error('the golden tests fail without any mistake');
const tried = MUTATIONS.filter(({ mistake }) => mistake.includes(process.argv[2] ?? ''));
let unnoticed = 0;
for (const { mistake, file, from, to } of tried) {
  const path = join(copy, file);
  const source = await readFile(path, 'utf8');
  if (source.split(from).length !== 2) throw new Error(`${file} should hold once: ${from}`);
  await writeFile(
    path,
    source.replace(from, () => to),
  );
  const noticed = !(await goldenTestsPass());
  await writeFile(path, source);
  if (!noticed) unnoticed++;
  console.log(`${noticed ? 'noticed  ' : 'UNNOTICED'}  ${mistake}`);
}
await rm(copy, { recursive: true });
console.log(`${tried.length - unnoticed} of ${tried.length} mistakes noticed`);
process.exitCode = unnoticed === 0 ? 0 : 1;
