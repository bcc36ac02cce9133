import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { VERBOSE_LOGGING } from '../../src/setup/tensorflow-log.ts';
import type { Measured, MeasureParameters } from './measure.ts';
import { type TracedNode, tracedNodes } from './trace.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const COUNTERS_BYTES = 64;

/** Runs programs of this repository on one device: the stand-in, or what TensorFlow finds by itself. */
export class Runner {
  readonly #env: NodeJS.ProcessEnv;

  /** @param standIn library of the stand-in, if it is to be the device */
  constructor(standIn?: string, env: NodeJS.ProcessEnv = {}) {
    this.#env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', ...(standIn ? { LD_PRELOAD: standIn } : {}), ...env };
  }

  /** Standard output and error of a tool of this repository, such as `tsx`. @throws with its output when it fails. */
  async tool(name: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ stdout: string; stderr: string }> {
    return this.command(join(root, 'node_modules', '.bin', name), args, env);
  }

  /** Output of the golden tests of a file whose names have these words. @throws with it when one fails, or when none has them. */
  async goldens(file: string, title: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const where = ['--config', 'test/vitest.config.ts', '--testTimeout', '300000', '--maxWorkers', '1'];
    const { stdout } = await this.tool('vitest', ['run', ...where, '-t', title, `test/trainer/golden/${file}`], env);
    if (!/Tests .*\d+ passed/.test(stdout))
      throw new Error(`no golden test of ${file} is named "${title}":\n${stdout}`);
    return stdout;
  }

  async command(command: string, args: string[], env: NodeJS.ProcessEnv = {}) {
    return run(command, args, { cwd: root, env: { ...this.#env, ...env }, maxBuffer: 2e9 });
  }

  async measure(parameters: MeasureParameters, env: NodeJS.ProcessEnv = {}): Promise<Measured & { log: string }> {
    const folder = await mkdtemp(join(tmpdir(), 'flock-off-gpu-'));
    const counters = join(folder, 'counters');
    try {
      await writeFile(counters, new Uint8Array(COUNTERS_BYTES));
      const { stdout, stderr } = await this.#measure(parameters, { ...env, TF_GPU_STAND_IN_COUNTERS: counters });
      return { ...(JSON.parse(stdout.trim().split('\n').at(-1)!) as Measured), log: stderr };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Every node that ran, and where. */
  async trace(parameters: MeasureParameters): Promise<TracedNode[]> {
    const { stderr } = await this.#measure(parameters, VERBOSE_LOGGING);
    return tracedNodes(stderr);
  }

  #measure(parameters: MeasureParameters, env: NodeJS.ProcessEnv) {
    return this.tool('tsx', ['test/gpu/measure.ts', JSON.stringify(parameters)], env);
  }
}
