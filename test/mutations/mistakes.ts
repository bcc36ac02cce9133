/** A deliberate mistake in one file of the trainer. */
export interface Mutation {
  mistake: string;
  file: string;
  /** Occurs once in the file. */
  from: string;
  to: string;
}

const GRAPH = 'src/trainer/engine/graph';
export const MUTATIONS: Mutation[] = [
  {
    mistake: 'rotary embedding turned the other way',
    file: `${GRAPH}/batch-feeds.ts`,
    from: 'i % headDim < headDim / 2',
    to: 'i % headDim >= headDim / 2',
  },
  {
    mistake: 'epsilon of the norms ten times as large',
    file: `${GRAPH}/rms-norm.ts`,
    from: "constant('float32', epsilon)",
    to: "constant('float32', 10 * epsilon)",
  },
  {
    mistake: 'no bias in q, k and v',
    file: `${GRAPH}/linear-stack.ts`,
    from: 'stack.bias ? ops.add(adapted, ops.read(stack.bias)) : adapted',
    to: 'adapted',
  },
  {
    mistake: 'a token may not look at itself',
    file: `${GRAPH}/lora-graph.ts`,
    from: "compare('Greater', ops.reshape(count(ops.add",
    to: "compare('GreaterEqual', ops.reshape(count(ops.add",
  },
  {
    mistake: 'attention scaled by the head dimension, not its root',
    file: `${GRAPH}/batch-feeds.ts`,
    from: 'headDim ** -0.25',
    to: 'headDim ** -0.5',
  },
  {
    mistake: 'gradient of the queries twice as large',
    file: `${GRAPH}/attention.ts`,
    from: 'ops.batchMatMul(dScores, keys)',
    to: 'ops.batchMatMul(dScores, ops.add(keys, keys))',
  },
  {
    mistake: 'gradient of softmax without its sum',
    file: `${GRAPH}/attention.ts`,
    from: 'ops.subtract(dShares, queriesOf(context, tile, mean, 1))',
    to: 'dShares',
  },
  {
    mistake: 'rotation not turned back for its gradient',
    file: `${GRAPH}/attention.ts`,
    from: 'ops.swapHalves(ops.multiply(dy, sin), 3)',
    to: 'ops.multiply(ops.swapHalves(dy, 3), sin)',
  },
  {
    mistake: 'slope of SiLU without its second part',
    file: `${GRAPH}/decoder-layer.ts`,
    from: 'ops.add(open, ops.subtract(activated, ops.multiply(activated, open)))',
    to: 'open',
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
    file: `${GRAPH}/graph-engine.ts`,
    from: 'adapter.alpha / adapter.rank / (1 - adapter.dropout)',
    to: 'adapter.alpha / (1 - adapter.dropout)',
  },
  {
    mistake: 'kept inputs not scaled up for the dropped ones',
    file: `${GRAPH}/graph-engine.ts`,
    from: 'adapter.alpha / adapter.rank / (1 - adapter.dropout)',
    to: 'adapter.alpha / adapter.rank',
  },
  {
    mistake: 'dropout forgotten in the gradient of the input',
    file: `${GRAPH}/linear-stack.ts`,
    from: 'ops.multiply(ops.matMul(dLow, ops.read(stack.blocksOfA)), factors)',
    to: 'ops.matMul(dLow, ops.read(stack.blocksOfA))',
  },
  {
    mistake: 'gradient of A from all inputs, dropped ones too',
    file: `${GRAPH}/linear-stack.ts`,
    from: 'exact(ops.matMul(dLow, seenBy(ops, stack, x, factors)',
    to: "exact(ops.matMul(dLow, seenBy(ops, stack, x, ops.add(ops.zerosLike(factors), ops.graph.constant('float32', 1)))",
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
    file: `${GRAPH}/adapter-variables.ts`,
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
    from: 'start + position - 1',
    to: 'start + position',
  },
  {
    mistake: 'every part of a batch draws the dropout of its beginning',
    file: `${GRAPH}/graph-training.ts`,
    from: 'first_position: integer(place)',
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
    from: 'this.#seed = this.#parameters.random.nextUint32() | 0',
    to: 'this.#seed = 1',
  },
  {
    mistake: 'the same dropout for every decoder layer',
    file: `${GRAPH}/dropout.ts`,
    from: "graph.constant('int32', layer)",
    to: 'zero',
  },
  {
    mistake: 'later queries forgotten in the gradient of keys',
    file: `${GRAPH}/attention.ts`,
    from: 'ops.add(ofLaterQueries, ops.cast',
    to: 'ops.add(ops.zerosLike(ofLaterQueries), ops.cast',
  },
  {
    mistake: 'a key of the row before is looked at too',
    file: `${GRAPH}/attention-tiles.ts`,
    from: 'vectors.push(...[0, row, 0], ...[-1, keys, -1]);',
    to: 'vectors.push(...[0, Math.max(0, row - 1), 0], ...[-1, keys, -1]);',
  },
  {
    mistake: 'each call of a step draws the dropout of its beginning',
    file: `${GRAPH}/graph-training.ts`,
    from: 'this.#place += batch.inputIds.length',
    to: 'this.#place += 0',
  },
  {
    mistake: 'places go on from row to row',
    file: `${GRAPH}/batch-feeds.ts`,
    from: 'Int32Array.from(lengths.flatMap((length) => Array.from({ length }, (_, place) => place)))',
    to: 'Int32Array.from(inputIds.keys())',
  },
  {
    mistake: 'the same dropout for all linear layers that read the same',
    file: `${GRAPH}/linear-stack.ts`,
    from: 'ops.reshape(factors, [-1, p, in_])',
    to: 'ops.sliceRows(ops.reshape(factors, [-1, in_]), 0, 1, 2)',
  },
  {
    mistake: 'gradient of B without the scale of the adapter',
    file: `${GRAPH}/linear-stack.ts`,
    from: 'ops.sumOver(ops.multiply(byPart, blocks[stack.name].ofB), 1)',
    to: 'ops.sumOver(byPart, 1)',
  },
  {
    mistake: 'gradient of A of all linear layers of a stack together',
    file: `${GRAPH}/linear-stack.ts`,
    from: 'ops.multiply(ops.reshape(of, [p, -1, p, in_]), blocks[name].ofA)',
    to: 'ops.reshape(of, [p, -1, p, in_])',
  },
  {
    mistake: 'a step goes on with the adapter from before it',
    file: `${GRAPH}/adapter-variables.ts`,
    from: 'graph.after(moved, () => writeBlocks',
    to: 'graph.after([], () => moved.length ? [] : writeBlocks',
  },
  {
    mistake: 'the last part of a batch is left out',
    file: `${GRAPH}/graph-training.ts`,
    from: 'for (const rows of parts) {',
    to: 'for (const rows of parts.length > 1 ? parts.slice(0, -1) : parts) {',
  },
];
