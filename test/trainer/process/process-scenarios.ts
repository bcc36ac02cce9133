/** What trainer-process.test.ts looks at, in a process of its own: forking needs the loader that runs TypeScript. */
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type DatasetRow, DatasetSchema, LoraTrainer, type LoraTrainerParameters } from 'flock-off';
import { childrenOf } from '../../shared/children-of.ts';
import { golden } from '../golden/golden-path.ts';

const lines = readFileSync(golden('data/train.jsonl'), 'utf8').trim().split('\n');
const rows: DatasetRow[] = lines.slice(0, 24).map((line) => DatasetSchema.parse(JSON.parse(line)));
const recipe = { rank: 4, alpha: 8, epochs: 2, contextTokens: 64, learningRate: 5e-3, warmupSteps: 1 };
const load = (more: Partial<LoraTrainerParameters> = {}) => LoraTrainer.open({ model: golden('tiny-qwen2'), ...more });
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'succeeded',
    (error: { code?: string; message: string; transient?: boolean }) => [error.code, error.transient, error.message],
  );

/** The training process. */
const childPid = () => childrenOf(process.pid).at(-1)!;

const SCENARIOS: Record<string, () => Promise<unknown>> = {
  async same() {
    const [inline, apart] = [await load({ inline: true }), await load()];
    const [here, there] = [await inline.train({ rows, recipe, seed: 7 }), await apart.train({ rows, recipe, seed: 7 })];
    if (!here.ok || !there.ok) return 'no result';
    const evaluations = await Promise.all(
      [inline, apart].map((trainer) => trainer.evaluate({ rows, adapter: here.value.adapter })),
    );
    const facts = [inline, apart].map(({ backend, precision, baseSha256 }) => [backend, precision, baseSha256]);
    inline.dispose();
    apart.dispose();
    const equal = (a: unknown, b: unknown) => JSON.stringify(plain(a)) === JSON.stringify(plain(b));
    return {
      trained: equal(here, there),
      evaluated: equal(evaluations[0], evaluations[1]),
      facts: equal(facts[0], facts[1]),
    };
  },
  async apart() {
    const trainer = await load();
    const environment = readFileSync(`/proc/${childPid()}/environ`, 'utf8');
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const steps: number[] = [];
    await trainer.train({
      rows,
      recipe: { ...recipe, epochs: 20 },
      seed: 7,
      onProgress: ({ step }) => steps.push(step),
    });
    delay.disable();
    trainer.dispose();
    const growsOnGpu = environment.includes('TF_FORCE_GPU_ALLOW_GROWTH=true');
    const givesBack = environment.includes('MALLOC_TRIM_THRESHOLD_=131072');
    return { growsOnGpu, givesBack, steps: steps.length, p99Ms: delay.percentile(99) / 1e6 };
  },
  /** Names in the environment that the training process was started with, and that it has while it trains. */
  async environment() {
    const folder = await mkdtemp(join(tmpdir(), 'flock-off-environment-'));
    const [hook, seen] = [join(folder, 'hook.cjs'), join(folder, 'seen.json')];
    await writeFile(
      hook,
      `process.env.PRELOADED = 'secret';
       const { renameSync, writeFileSync } = require('node:fs');
       const tell = () => {
         writeFileSync('${seen}.new', JSON.stringify([Object.keys(process.env), process.env.NODE_OPTIONS]));
         renameSync('${seen}.new', '${seen}');
       };
       if (require('node:worker_threads').isMainThread) setInterval(tell, 20).unref();`,
    );
    const { NODE_OPTIONS = '' } = process.env;
    process.env.NODE_OPTIONS = `${NODE_OPTIONS} --inspect=127.0.0.1:0 --require ${hook}`;
    const trainer = await load({ env: ['NAMED'] });
    const started = readFileSync(`/proc/${childPid()}/environ`, 'utf8').split('\0').filter(Boolean);
    const trained = await trainer.train({ rows, recipe, seed: 7 });
    await rm(seen, { force: true });
    while (!existsSync(seen)) await new Promise((resolve) => setTimeout(resolve, 10));
    const [later, options] = JSON.parse(readFileSync(seen, 'utf8'));
    const flags = [...readFileSync(`/proc/${childPid()}/cmdline`, 'utf8').split('\0'), options];
    trainer.dispose();
    await rm(folder, { recursive: true });
    return { atStart: started.map((line) => line.split('=')[0]), later, flags, trained: trained.ok };
  },
  async killed() {
    const trainer = await load();
    const onProgress = ({ step }: { step: number }) => step === 2 && process.kill(childPid(), 'SIGKILL');
    const lost = await codeOf(trainer.train({ rows, recipe: { ...recipe, epochs: 50 }, seed: 7, onProgress }));
    const next = await trainer.train({ rows, recipe, seed: 7 });
    trainer.dispose();
    return { lost, next: next.ok };
  },
  async gone() {
    const trainer = await load();
    process.kill(childPid(), 'SIGKILL');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500); // It is gone before anything is heard of that.
    const lost = await Promise.all([1, 2, 3].map((seed) => codeOf(trainer.train({ rows, recipe, seed }))));
    const next = await trainer.train({ rows, recipe, seed: 7 });
    trainer.dispose();
    return { lost: lost.map(([code]) => code), next: next.ok };
  },
  async replaced() {
    const model = await mkdtemp(join(tmpdir(), 'flock-off-replaced-'));
    await cp(golden('tiny-qwen2'), model, { recursive: true });
    const trainer = await load({ model });
    const killed = trainer.train({ rows, recipe, seed: 7, onProgress: () => process.kill(childPid(), 'SIGKILL') });
    await killed.catch(() => {});
    await cp(golden('tiny-qwen2-untied'), model, { recursive: true });
    const refused = await codeOf(trainer.train({ rows, recipe, seed: 7 }));
    await cp(golden('tiny-qwen2'), model, { recursive: true });
    const next = await trainer.train({ rows, recipe, seed: 7 });
    trainer.dispose();
    await rm(model, { recursive: true });
    return { refused, next: next.ok };
  },
  async resumed() {
    const folder = await mkdtemp(join(tmpdir(), 'flock-off-resumed-'));
    const path = join(folder, 'run.safetensors');
    const whole = await load({ inline: true });
    const parameters = { recipe: { ...recipe, dropout: 0.1 }, seed: 7 };
    const truth = await whole.train({ rows, ...parameters });
    const trainer = await load();
    const checkpoint = { path, everyMs: 0 };
    const onProgress = ({ step }: { step: number }) => step === 4 && process.kill(childPid(), 'SIGKILL');
    const metricsPath = join(folder, 'run.jsonl');
    const lost = await codeOf(trainer.train({ rows, ...parameters, checkpoint, metricsPath, onProgress }));
    const left = existsSync(path);
    const steps: number[] = [];
    const onStep = ({ step }: { step: number }) => steps.push(step);
    const resumed = await trainer.train({ rows, ...parameters, checkpoint, metricsPath, onProgress: onStep });
    trainer.dispose();
    const equal = JSON.stringify(plain(resumed)) === JSON.stringify(plain(truth));
    const removed = !existsSync(path);
    const lines = readFileSync(metricsPath, 'utf8').trimEnd().split('\n');
    const written = lines.map((line) => JSON.parse(line).step);
    await rm(folder, { recursive: true });
    return { lost: lost[0], left, first: steps[0], last: steps.at(-1), equal, removed, written };
  },
  async misused() {
    const trainer = await load();
    const pid = childPid();
    const own = new Error('a bug of the caller');
    const throwing = () => {
      throw own;
    };
    const thrown = await trainer.train({ rows, recipe, seed: 7, onProgress: throwing }).catch((error) => error === own);
    const unsendable = { ...recipe, rank: (() => 4) as never };
    const unsent = await codeOf(trainer.train({ rows, recipe: unsendable, seed: 7 }));
    const next = await trainer.train({ rows, recipe, seed: 7 });
    const sameProcess = childPid() === pid;
    trainer.dispose();
    return { thrown, unsent, next: next.ok, sameProcess };
  },
  async short() {
    const model = golden('tiny-qwen2');
    const trainer = await load({ model, recipe });
    const killed = trainer.train({ rows, recipe, seed: 7, onProgress: () => process.kill(childPid(), 'SIGKILL') });
    await killed.catch(() => {});
    // The next process finds little free memory.
    const { NODE_OPTIONS = '' } = process.env;
    const hook = join(await mkdtemp(join(tmpdir(), 'flock-off-short-')), 'little-memory.cjs');
    await writeFile(hook, "require('node:os').freemem = () => 300e6; require('node:module').syncBuiltinESMExports();");
    process.env.NODE_OPTIONS = `${NODE_OPTIONS} --require ${hook}`;
    const lost = await codeOf(trainer.train({ rows, recipe, seed: 7 }));
    process.env.NODE_OPTIONS = NODE_OPTIONS;
    const next = await trainer.train({ rows, recipe, seed: 7 });
    trainer.dispose();
    await rm(dirname(hook), { recursive: true });
    return { lost, next: next.ok };
  },
  async aborted() {
    const trainer = await load();
    const pid = childPid();
    const controller = new AbortController();
    const onProgress = ({ step }: { step: number }) => step === 2 && controller.abort(new Error('enough'));
    const long = { ...recipe, epochs: 500 };
    const aborted = await codeOf(trainer.train({ rows, recipe: long, seed: 7, onProgress, signal: controller.signal }));
    const next = await trainer.train({ rows, recipe, seed: 7 });
    const sameProcess = childPid() === pid;
    trainer.dispose();
    return { aborted, next: next.ok, sameProcess };
  },
  async stalled() {
    const trainer = await load({ stallTimeoutMs: 10_000 });
    const pid = childPid();
    const onProgress = ({ step }: { step: number }) => step === 2 && process.kill(pid, 'SIGSTOP');
    const lost = await codeOf(trainer.train({ rows, recipe: { ...recipe, epochs: 500 }, seed: 7, onProgress }));
    trainer.dispose();
    return { lost };
  },
  async refused() {
    const broken = await codeOf(load({ model: golden('data') }));
    const trainer = await load();
    const unlabelled = await trainer.train({ rows, recipe: { ...recipe, contextTokens: 4 }, seed: 7 });
    const diverging = { ...recipe, learningRate: 1e30 };
    const diverged = await trainer.train({ rows, recipe: diverging, seed: 7 });
    trainer.dispose();
    const disposed = await codeOf(trainer.evaluate({ rows }));
    return { broken, unlabelled, diverged, disposed };
  },
  /** Ends with the trainer still there. */
  async forgotten() {
    await load();
    return childPid();
  },
};

/** Typed arrays and maps as JSON. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return [...value].map(plain);
  if (ArrayBuffer.isView(value)) return Array.from(value as Float32Array);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

console.log(JSON.stringify(await SCENARIOS[process.argv[2]!]!()));
