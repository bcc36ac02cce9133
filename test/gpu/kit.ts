/**
 * `npm run gpu`: everything that is to be known of the trainer on this machine's NVIDIA GPU, without network. Prints the tables of
 * docs/benchmarks.md; the exit code is 1 where something does not hold.
 *
 *     npm run gpu [-- --python venv/bin/python]     PEFT's column needs a Python with torch for CUDA, transformers and peft
 *     npm run gpu -- --stand-in                     the same, small, on a device that has no GPU
 *     npm run gpu:pack -- FOLDER                    a folder to take along; run.sh in it is this
 */
import { parseArgs } from 'node:util';
import { explainNoCuda, proveNative } from '../../src/setup/proof.ts';
import { findTensorFlowPackage } from '../../src/setup/tensorflow-package.ts';
import { LIMITS } from './limits.ts';
import type { MeasureParameters } from './measure.ts';
import { GpuMemory } from './memory-watch.ts';
import { Runner } from './run-here.ts';
import { buildStandIn } from './stand-in/build.ts';
import { computedOnHost, crossingsUp } from './trace.ts';

const { values: options } = parseArgs({
  options: { 'stand-in': { type: 'boolean', default: false }, python: { type: 'string' } },
});

interface Timed {
  msPerStep: number;
  tokensPerSecond: number;
  firstMs?: number;
}

const TYPES: MeasureParameters[] = [
  { storage: 'bfloat16', matmul: 'bfloat16' },
  { storage: 'float16', matmul: 'float16', checkpointing: 'layer' },
  {},
];
const BENCH = options['stand-in']
  ? ['--shape tiny --tokens 64 --steps 3']
  : [
      '--shape 0.5b --batch 2 --dtype bfloat16 --steps 20',
      '--shape 1.5b --batch 2 --dtype bfloat16 --steps 20',
      '--shape 1.5b --batch 8 --dtype bfloat16 --steps 10',
      '--shape 1.5b --batch 1 --tokens 4096 --dtype bfloat16 --checkpointing --steps 5',
      '--shape 1.5b --batch 2 --tokens 4096 --dtype bfloat16 --checkpointing --steps 5',
      '--shape 1.5b --batch 8 --dtype bfloat16 --evaluate --steps 10',
    ];
/** By file, and words of the tests' titles. */
const GOLDENS: [file: string, title: string][] = options['stand-in']
  ? [
      ['forward', 'of the graph equals transformers tiny-qwen2 on chat'],
      ['half', 'in bfloat16 the gradient of tiny-r4-std'],
    ]
  : [
      ['forward', 'of the graph'],
      ['gradients', 'one graph'],
      ['training', 'one graph'],
      ['half', 'in'],
    ];

const native = findTensorFlowPackage();
const proof = !options['stand-in'] && native ? await proveNative(native) : null;
if (proof && !(proof.ok && proof.cuda)) {
  const why = proof.ok ? ((await explainNoCuda(native!)) ?? 'no CUDA device computes') : proof.reason;
  console.error(`There is no GPU to measure: ${why}. Try "npm run gpu -- --stand-in" on a machine without one.`);
  process.exit(1);
}
const built = options['stand-in'] ? await buildStandIn() : null;
if (built?.reason) throw new Error(`there is no stand-in: ${built.reason}`);
const gpu = new Runner(built?.library ?? undefined);
const failures: string[] = [];

/** Goes on with the next part whatever happens in one. */
async function part(title: string, work: () => Promise<void>): Promise<void> {
  console.log(`\n## ${title}\n`);
  await work().catch((error: Error) => {
    failures.push(title);
    console.log(`does not hold: ${error.message.slice(-4_000)}`);
  });
}

// The host's time would say nothing.
if (!options['stand-in'])
  await part('Type of the products', async () => {
    console.log((await gpu.tool('tsx', ['test/gpu/choose.ts'])).stdout.trim());
  });

await part('Placement', async () => {
  console.log('| products | on the device | on the host | copied up besides feeds |');
  console.log('|---|---|---|---|');
  for (const parameters of options['stand-in'] ? TYPES.slice(0, 1) : TYPES) {
    const nodes = await gpu.trace(parameters);
    const onDevice = nodes.filter(({ device }) => device === 'GPU:0').length;
    const [onHost, crossings] = [computedOnHost(nodes), crossingsUp(nodes)];
    console.log(
      `| ${parameters.matmul ?? 'float32'} | ${onDevice} | ${onHost.join(', ') || '-'} | ${crossings.join(', ')} |`,
    );
    if (onDevice === 0 || onHost.some((op) => !LIMITS.onHost.includes(op))) failures.push('Placement');
  }
});

await part('Fidelity', async () => {
  for (const [file, title] of GOLDENS) {
    const stdout = await gpu.goldens(`${file}.test.ts`, title, { SHOW_FIDELITY: '1' });
    console.log(stdout.match(/^.*( of [\d.e-]+| gradient |Tests ).*$/gm)?.join('\n') ?? stdout);
  }
});

await part('Speed and memory', async () => {
  console.log(
    '| case | ms a step | tokens/s | first step ms | peak MiB of the card | PEFT ms | PEFT tokens/s | PEFT peak MiB | speed ratio | memory ratio |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  for (const flags of BENCH) {
    const args = flags.split(' ');
    const ours = await withPeak(() => gpu.tool('tsx', ['test/bench/trainer-case.ts', ...args]));
    const theirs = options.python
      ? await withPeak(() => gpu.command(options.python!, ['test/bench/peft-case.py', '--device', 'cuda', ...args]))
      : null;
    const { msPerStep, tokensPerSecond, firstMs = 0 } = ours.timed;
    const cells = [
      flags.replaceAll('--', ''),
      msPerStep.toFixed(1),
      tokensPerSecond.toFixed(0),
      firstMs.toFixed(0),
      ours.peakMiB ?? '-',
    ];
    const beside = theirs
      ? [
          theirs.timed.msPerStep.toFixed(1),
          theirs.timed.tokensPerSecond.toFixed(0),
          theirs.peakMiB ?? '-',
          (tokensPerSecond / theirs.timed.tokensPerSecond).toFixed(2),
          ratio(ours.peakMiB, theirs.peakMiB),
        ]
      : Array(5).fill('-');
    console.log(`| ${[...cells, ...beside].join(' | ')} |`);
  }
});

console.log(failures.length === 0 ? '\nEverything holds.' : `\nDoes not hold: ${[...new Set(failures)].join(', ')}.`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function withPeak(work: () => Promise<{ stdout: string }>) {
  const memory = await GpuMemory.watch();
  try {
    const { stdout } = await work();
    return { timed: JSON.parse(stdout.trim().split('\n').at(-1)!) as Timed, peakMiB: memory.peakMiB };
  } finally {
    memory.stop();
  }
}

function ratio(ours: number | null, theirs: number | null): string {
  return ours === null || theirs === null ? '-' : (ours / theirs).toFixed(2);
}
