/** A deliberate mistake in one file of the trainer. */
export interface Mutation {
  mistake: string;
  file: string;
  /** Occurs once in the file. */
  from: string;
  to: string;
}

const GRAPH = 'src/trainer/engine/graph';
const PLAIN = 'src/trainer/engine/plain';
export const MUTATIONS: Mutation[] = [
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
  {
    mistake: 'another dropout where a layer is computed again',
    file: `${GRAPH}/dropout.ts`,
    from: "graph.constant('int32', linears.indexOf(linear))",
    to: "graph.constant('int32', linears.indexOf(linear) + (name.includes('again') ? 1000 : 0))",
  },
  {
    mistake: 'plain: rotation with the wrong sign',
    file: `${PLAIN}/qwen2.ts`,
    from: 'tf.concat([tf.neg(second), first], -1)',
    to: 'tf.concat([second, first], -1)',
  },
  {
    mistake: 'plain: attention scaled by the head dimension, not its root',
    file: `${PLAIN}/qwen2.ts`,
    from: '1 / Math.sqrt(D)',
    to: '1 / D',
  },
  {
    mistake: 'plain: a token sees its future',
    file: `${PLAIN}/qwen2.ts`,
    from: "tf.cast(isFuture, 'float32'), -1e9)",
    to: "tf.cast(isFuture, 'float32'), 0)",
  },
  {
    mistake: 'plain: epsilon of the norms ten times as large',
    file: `${PLAIN}/qwen2.ts`,
    from: 'tf.add(meanSquare, config.rmsNormEpsilon)',
    to: 'tf.add(meanSquare, 10 * config.rmsNormEpsilon)',
  },
  {
    mistake: 'plain: SiLU is the sigmoid',
    file: `${PLAIN}/qwen2.ts`,
    from: 'tf.mul(tf.mul(gate, tf.sigmoid(gate)), up)',
    to: 'tf.mul(tf.sigmoid(gate), up)',
  },
  {
    mistake: 'plain: a head of its own is not used',
    file: `${PLAIN}/qwen2.ts`,
    from: "config.tiedHead ? 'model.embed_tokens.weight' : 'lm_head.weight'",
    to: "'model.embed_tokens.weight'",
  },
  {
    mistake: 'plain: adapter scaled by alpha, not alpha / rank',
    file: `${PLAIN}/tfjs-engine.ts`,
    from: 'adapter.alpha / adapter.rank',
    to: 'adapter.alpha',
  },
  {
    mistake: 'plain: kept inputs of drawn dropout not scaled up',
    file: `${PLAIN}/tfjs-engine.ts`,
    from: 'const kept = 1 / (1 - p);',
    to: 'const kept = 1;',
  },
  {
    mistake: 'plain: drawn dropout of twice as many inputs as asked',
    file: `${PLAIN}/tfjs-engine.ts`,
    from: 'random.nextUniform() < p ? 0 : kept',
    to: 'random.nextUniform() < 2 * p ? 0 : kept',
  },
  {
    mistake: 'plain: a resumed run counts its steps from 0',
    file: `${PLAIN}/tfjs-engine.ts`,
    from: 'steps: resume.steps,',
    to: 'steps: 0,',
  },
  {
    mistake: 'plain: Adam without bias correction',
    file: `${PLAIN}/adamw.ts`,
    from: 'learningRate / (1 - beta1 ** this.#step)',
    to: 'learningRate',
  },
  {
    mistake: 'plain: epsilon under the root',
    file: `${PLAIN}/adamw.ts`,
    from: 'tf.add(tf.div(tf.sqrt(second), correction2), epsilon)',
    to: 'tf.div(tf.sqrt(tf.add(second, epsilon)), correction2)',
  },
  {
    mistake: 'plain: gradients of micro batches replace each other',
    file: `${PLAIN}/gradients.ts`,
    from: 'tf.add(requiredItem(before, i), gradient)',
    to: 'gradient.clone()',
  },
  {
    mistake: 'plain: gradients not clipped',
    file: `${PLAIN}/gradients.ts`,
    from: 'tf.mul(sum, factor)',
    to: 'tf.mul(sum, 1)',
  },
  {
    mistake: 'no warm-up',
    file: 'src/trainer/run/schedule.ts',
    from: 'if (step < warmupSteps)',
    to: 'if (step < 0)',
  },
  {
    mistake: 'the learning rate decays from the first step, not from the last of the warm-up',
    file: 'src/trainer/run/schedule.ts',
    from: 'Math.max(1, steps - warmupSteps)',
    to: 'Math.max(1, steps)',
  },
  {
    mistake: 'evaluation loss is the mean of tokens, not of rows',
    file: 'src/trainer/run/evaluate.ts',
    from: 'lossNatsPerToken: mean(counted)',
    to: 'lossNatsPerToken: counted.reduce((sum, loss) => sum + loss, 0) / tokens',
  },
  {
    mistake: 'losses of a batch of evaluation rows are given to their neighbours',
    file: 'src/trainer/run/evaluate.ts',
    from: 'start += targets;',
    to: 'start += 1;',
  },
  {
    mistake: 'the first token of a row counts as a target',
    file: 'src/trainer/tokens/chat.ts',
    from: 'for (let position = 1; position < labels.length; position++)',
    to: 'for (let position = 0; position < labels.length; position++)',
  },
  {
    mistake: 'rows that are left over at the end of an epoch are not trained on',
    file: 'src/trainer/tokens/batches.ts',
    from: 'Math.ceil(items.length / size)',
    to: 'Math.floor(items.length / size)',
  },
];
