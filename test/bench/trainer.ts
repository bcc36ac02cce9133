/**
 * `npm run bench`: the trainer beside PEFT on this machine, case by case, each in a process of its own, as the table of
 * docs/benchmarks.md. PEFT's column needs a Python with torch, transformers and peft: name it in PEFT_PYTHON.
 *
 *     PEFT_PYTHON=venv/bin/python npm run bench [-- tiny 0.5b 1.5b]
 *
 * `npm run bench -- 0.5b steps=3 'real lengths'` measures the cases of that shape whose titles have those words, three steps each
 * at most: for slow machines.
 *
 * `npm run bench -- long` trains one step on two rows of 4096 tokens within 12 GiB: that takes many minutes.
 *
 * The exit code is 1 where a case takes more memory than the trainer expected.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { START_ENVIRONMENT } from '../../src/trainer/process/set-up-tensorflow.ts';

interface Case {
  title: string;
  flags: string;
  /** Flags of this package alone. */
  own?: string;
  /** Measured only when asked for, and without PEFT. */
  long?: boolean;
}

interface Measured {
  msPerStep: number;
  tokensPerSecond: number;
  peakMiB: number;
  /** Of which the system cannot take back. */
  anonymousMiB?: number;
  /** What the trainer expected. */
  estimateMiB?: number | null;
  /** TFLOP/s of what a step must multiply, and of the same products of the base weights alone. */
  tflops?: number;
  productsTflops?: number;
}

/** Where base weights are put that are mapped. */
const mapped = await mkdtemp(join(tmpdir(), 'flock-off-bench-'));
const CASES: Case[] = [
  { title: 'tiny (hidden 64, 2 layers), 1 x 64, fp32', flags: '--shape tiny --tokens 64 --steps 51' },
  { title: '0.5B, 2 x 256, bf16', flags: '--shape 0.5b --batch 2 --dtype bfloat16 --steps 5' },
  {
    title: '0.5B, 2 x 256, fp32 (base kept in bf16)',
    flags: '--shape 0.5b --batch 2 --dtype float32 --steps 5',
    own: '--storage bfloat16',
  },
  { title: '0.5B, 8 rows of real lengths a step, bf16', flags: '--shape 0.5b --real --dtype bfloat16 --steps 16' },
  {
    title: '0.5B, 8 rows of real lengths a step, fp32 (base kept in bf16)',
    flags: '--shape 0.5b --real --dtype float32 --steps 16',
    own: '--storage bfloat16',
  },
  {
    title: '0.5B, 1 x 2048, bf16, checkpointing',
    flags: '--shape 0.5b --tokens 2048 --dtype bfloat16 --checkpointing --steps 3',
  },
  {
    title: '0.5B, 1 x 4096, bf16, checkpointing',
    flags: '--shape 0.5b --tokens 4096 --dtype bfloat16 --checkpointing --steps 3',
  },
  {
    title: '0.5B, rows of real lengths, evaluation, bf16',
    flags: '--shape 0.5b --real --dtype bfloat16 --evaluate --steps 8',
  },
  { title: '0.5B, 4 x 256, evaluation, bf16', flags: '--shape 0.5b --batch 4 --dtype bfloat16 --evaluate --steps 5' },
  { title: '1.5B, 1 x 256, bf16', flags: '--shape 1.5b --batch 1 --dtype bfloat16 --steps 3' },
  {
    title: '1.5B, 1 x 256, bf16, checkpointing',
    flags: '--shape 1.5b --batch 1 --dtype bfloat16 --checkpointing --steps 3',
  },
  {
    title: '1.5B, 1 x 256, bf16, checkpointing, mapped weights',
    flags: '--shape 1.5b --batch 1 --dtype bfloat16 --checkpointing --steps 3',
    own: `--mapped ${mapped}`,
  },
  {
    title: '1.5B, 2 x 4096, bf16, within 12 GiB',
    flags: '--shape 1.5b --batch 2 --tokens 4096 --dtype bfloat16 --steps 0',
    own: '--memory 12',
    long: true,
  },
];

const run = promisify(execFile);
/** As users run it: what reads TypeScript takes 40 MiB of a process. */
const program = fileURLToPath(new URL('../../node_modules/.cache/flock-off/trainer-case.mjs', import.meta.url));
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const python = process.env.PEFT_PYTHON ?? 'python3';

async function measure(command: string, args: string[], defaults: Record<string, string> = {}): Promise<Measured> {
  const env = { ...defaults, ...process.env, NODE_OPTIONS: '--expose-gc' };
  const { stdout } = await run(command, args, { maxBuffer: 1e8, env });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Measured;
}

async function peftProblem(): Promise<string | null> {
  try {
    await run(python, ['-c', 'import torch, transformers, peft']);
    return null;
  } catch (error) {
    return String((error as { stderr?: string }).stderr || error)
      .trim()
      .split('\n')
      .at(-1)!;
  }
}

const bundle = { bundle: true, platform: 'node', format: 'esm', packages: 'external' } as const;
await build({ ...bundle, entryPoints: [here('trainer-case.ts')], outfile: program });
const words = process.argv.slice(2);
const wanted = words.filter((word) => word === 'long' || /^(tiny|[\d.]+b)$/.test(word));
const mostSteps = Number(
  words.find((word) => word.startsWith('steps='))?.slice('steps='.length) ?? Number.POSITIVE_INFINITY,
);
const titled = words.filter((word) => !wanted.includes(word) && !word.startsWith('steps='));
const problem = await peftProblem();
if (problem) console.log(`PEFT is left out: ${python} has not what it needs (${problem}).\n`);
console.log(
  '| case | ms a step | tokens/s | TFLOP/s, of products alone | peak MiB (anonymous) | expected MiB | PEFT ms | PEFT tokens/s | PEFT peak MiB | speed ratio | memory ratio |',
);
console.log('|---|---|---|---|---|---|---|---|---|---|---|');
for (const { title, flags, own = '', long = false } of CASES) {
  const asked = long ? wanted.includes('long') : wanted.some((shape) => flags.includes(`--shape ${shape}`));
  if (!asked && (long || wanted.length > 0)) continue;
  if (!titled.every((word) => title.includes(word))) continue;
  const args = flags.replace(/(?<=--steps )\d+/, (steps) => `${Math.min(Number(steps), mostSteps)}`).split(' ');
  const ownArgs = [program, ...args, ...own.split(' ').filter(Boolean)];
  const ours = await measure(process.execPath, ownArgs, START_ENVIRONMENT);
  const theirs = problem || long ? null : await measure(python, [here('peft-case.py'), ...args]);
  const cells = [title, ours.msPerStep.toFixed(1), ours.tokensPerSecond.toFixed(0)];
  const [reached, alone] = [ours.tflops ?? 0, ours.productsTflops ?? 0];
  cells.push(`${reached.toFixed(3)}, ${alone.toFixed(3)} (${Math.round((100 * reached) / alone)} %)`);
  cells.push(`${ours.peakMiB} (${ours.anonymousMiB})`, String(ours.estimateMiB ?? '-'));
  const beside = theirs
    ? [
        ...[theirs.msPerStep.toFixed(1), theirs.tokensPerSecond.toFixed(0), theirs.peakMiB],
        ...[(ours.tokensPerSecond / theirs.tokensPerSecond).toFixed(2), (ours.peakMiB / theirs.peakMiB).toFixed(2)],
      ]
    : ['-', '-', '-', '-', '-'];
  console.log(`| ${[...cells, ...beside].join(' | ')} |`);
  if (ours.estimateMiB && ours.peakMiB > ours.estimateMiB) process.exitCode = 1;
}
await rm(mapped, { recursive: true, force: true });
