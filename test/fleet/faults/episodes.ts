import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Competition, DatasetChecker, LoraTrainer } from 'flock-off';
import { WorkerKey } from 'flock-off/fleet';
import { TINY_BASE } from 'flock-off/local';
import { Redis } from 'ioredis';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { closeMachine, type Machine, type Miners } from '../../validator/miners.ts';
import { epochWith, openMiners } from '../miners-of-epoch.ts';
import { Network } from '../network.ts';
import { type RedisServer, startRedis } from '../redis-server.ts';
import type { Spec } from './validator-program.ts';

/** What breaks in an episode. */
export const FAULTS = [
  'a worker is killed',
  'a training process is killed',
  'the validator is killed',
  'Redis is killed',
  'Redis is killed and forgets',
  'the network of a worker is cut',
  'a worker answers late',
  'a worker answers wrongly',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface Episode {
  seed: number;
  fault: Fault;
  atMs: number;
  durationMs: number;
  /** What is not as it has to be; empty: nothing. */
  problems: string[];
}

const WORKERS = 3;
const MINERS = 4;
/** Of an episode; a machine that does other things too takes longer. */
const DEADLINE_MS = process.env.CI ? 400_000 : 90_000;
const LOCK_MS = 3_000;

/** Real workers, a real Redis, a real hub, and a validator that runs an epoch on a local chain; the faults of a seed. */
export class FaultStage {
  readonly #machine: Machine;
  readonly #miners: Miners;
  readonly #competition: Competition;
  readonly #redis: RedisServer;
  /** What an undisturbed epoch on this machine comes to. */
  readonly #expected: Awaited<ReturnType<typeof epochWith>>;
  readonly #workers: Actor[];
  readonly #liar: Actor;
  readonly #networks: Network[];
  /** Where processes of this stage have their temporary files, by which they are known. */
  readonly #temporary: string;

  private constructor(parts: {
    machine: Machine;
    miners: Miners;
    competition: Competition;
    redis: RedisServer;
    expected: Awaited<ReturnType<typeof epochWith>>;
    workers: Actor[];
    liar: Actor;
    networks: Network[];
    temporary: string;
  }) {
    this.#machine = parts.machine;
    this.#miners = parts.miners;
    this.#competition = parts.competition;
    this.#redis = parts.redis;
    this.#expected = parts.expected;
    this.#workers = parts.workers;
    this.#liar = parts.liar;
    this.#networks = parts.networks;
    this.#temporary = parts.temporary;
  }

  static async open(): Promise<FaultStage> {
    // As workers have one: on a thread of this process its sums would be in another order.
    const machine = { trainer: await LoraTrainer.open({ model: TINY_BASE }), checker: new DatasetChecker() };
    const redis = await startRedis();
    // Long enough that faults meet work.
    const miners = await openMiners({ machine, miners: MINERS, epochs: 24 });
    const { competition } = await miners.validator();
    const expected = await epochWith(miners, machine, 'undisturbed');
    if (expected.found.entries.some(({ weight }) => weight === 0)) throw new Error('a miner has no weight');
    const networks = await Promise.all(Array.from({ length: WORKERS + 1 }, () => Network.open(redis.port)));
    const temporary = mkdtempSync(join(tmpdir(), 'flock-off-faults-'));
    const actors = await Promise.all(
      networks.map(async ({ port }, number) => {
        const folder = join(miners.folder, `worker-${number}`);
        const keyFile = join(folder, 'key.pem');
        const { publicKey } = await WorkerKey.open({ path: keyFile });
        const wrongBy = number === WORKERS ? '0.5' : '0';
        return new Actor('worker-program.ts', [`redis://127.0.0.1:${port}`, keyFile, folder, miners.hub.url, wrongBy], {
          publicKey,
          folder,
          temporary,
        });
      }),
    );
    const [workers, liar] = [actors.slice(0, WORKERS), actors[WORKERS]!];
    return new FaultStage({ machine, miners, competition, redis, expected, networks, workers, liar, temporary });
  }

  async play(seed: number): Promise<Episode> {
    const numbers = new MersenneTwister(seed);
    const draw = () => numbers.nextUniform();
    const fault = FAULTS[seed % FAULTS.length]!;
    const atMs = Math.floor(draw() * 4_000);
    const begunMs = performance.now();
    const problems: string[] = [];
    const redis = new Redis(this.#redis.url, { maxRetriesPerRequest: null });
    redis.on('error', () => {});
    await redis.flushall();
    const isLiar = fault === 'a worker answers wrongly';
    for (const worker of [...this.#workers, ...(isLiar ? [this.#liar] : [])]) worker.start();
    const { folder } = this.#miners;
    const [specFile, resultsFile] = [join(folder, 'spec.json'), join(folder, 'results.json')];
    rmSync(resultsFile, { force: true });
    // What an episode before trained, this one trains again, and sends again.
    for (const { folder: of } of [...this.#workers, this.#liar])
      rmSync(join(of, 'worker', 'checkpoints'), { recursive: true, force: true });
    await this.#miners.forgetWeights();
    writeFileSync(specFile, JSON.stringify(this.#spec(isLiar, seed)));
    const validator = new Actor('validator-program.ts', [specFile, resultsFile], {
      ...{ publicKey: '', folder, temporary: this.#temporary },
    });
    validator.start();
    const harm = this.#harm(fault, validator, { draw, atMs });
    const finished = async () => {
      await harm;
      for (;;) {
        const code = await validator.exit();
        if (code === 0) return true;
        problems.push(`the validator ended with ${code}: ${validator.tail()}`);
        return false;
      }
    };
    const inTime = await Promise.race([finished(), sleep(DEADLINE_MS, null, { ref: false })]);
    if (inTime === null) problems.push(`it was not done after ${DEADLINE_MS / 1000} s: ${validator.tail()}`);
    await validator.kill();
    const results = readJson(resultsFile);
    const { found, onChain } = this.#expected;
    if (JSON.stringify(results) !== JSON.stringify(found))
      problems.push(`it came to ${JSON.stringify(results)}, and one machine to ${JSON.stringify(found)}`);
    const sent = this.#miners.weights();
    if (JSON.stringify(sent) !== JSON.stringify(onChain))
      problems.push(`the chain has the weights ${JSON.stringify(sent)}, and of one machine ${JSON.stringify(onChain)}`);
    rmSync(join(folder, `state-${seed}`), { recursive: true, force: true });
    if (isLiar) await this.#liar.kill();
    problems.push(...(await this.#leftovers(redis)));
    redis.disconnect();
    return { seed, fault, atMs, durationMs: Math.round(performance.now() - begunMs), problems };
  }

  async close(): Promise<void> {
    for (const actor of [...this.#workers, this.#liar]) await actor.kill();
    for (const network of this.#networks) network.close();
    await this.#redis.close();
    await this.#miners.close();
    closeMachine(this.#machine);
    rmSync(this.#temporary, { recursive: true, force: true });
  }

  #spec(isLiar: boolean, seed: number): Spec {
    const workers = [...this.#workers, ...(isLiar ? [this.#liar] : [])].map(({ publicKey }) => publicKey);
    const { folder, chain, hub } = this.#miners;
    return {
      ...{ url: this.#redis.url, workers, chain: chain.url, hub: hub.url, folder, competition: this.#competition },
      stateFolder: join(folder, `state-${seed}`),
    };
  }

  async #harm(fault: Fault, validator: Actor, { draw, atMs }: { draw: () => number; atMs: number }): Promise<void> {
    const number = Math.floor(draw() * WORKERS);
    const worker = this.#workers[number]!;
    const network = this.#networks[number]!;
    const lastsMs = 500 + draw() * 2 * LOCK_MS;
    // Something is at work by then.
    const begun = [validator.said('scoring'), ...this.#workers.map((one) => one.said('ready'))];
    await Promise.race([Promise.all(begun), sleep(DEADLINE_MS / 4)]);
    await sleep(atMs);
    if (fault === 'a worker is killed') {
      await worker.kill();
      await sleep(lastsMs);
      worker.start();
    } else if (fault === 'a training process is killed') worker.killTraining();
    else if (fault === 'the validator is killed') {
      await validator.kill();
      await sleep(lastsMs);
      validator.start();
    } else if (fault === 'Redis is killed') await this.#redis.restart();
    else if (fault === 'Redis is killed and forgets') await this.#redis.restart({ empty: true });
    else if (fault === 'the network of a worker is cut') {
      network.cut();
      await sleep(lastsMs);
      network.mend();
    } else if (fault === 'a worker answers late') {
      worker.signal('SIGSTOP');
      await sleep(lastsMs);
      worker.signal('SIGCONT');
    }
  }

  /** Locks, processes and files that nobody will come back to. */
  async #leftovers(redis: Redis): Promise<string[]> {
    await sleep(600);
    const problems: string[] = [];
    const deadline = performance.now() + 3 * LOCK_MS;
    let locks: string[] = [];
    let orphans: string[] = [];
    for (;;) {
      locks = await redis.keys('bull:flock-off-*:lock');
      orphans = orphansOf(this.#temporary, [...this.#workers, this.#liar]);
      if ((locks.length === 0 && orphans.length === 0) || performance.now() > deadline) break;
      await sleep(300);
    }
    if (locks.length > 0) problems.push(`a lock is left: ${locks.join()}`);
    if (orphans.length > 0) problems.push(`a process is left: ${orphans.join()}`);
    const files = readdirSync(this.#miners.folder, { recursive: true }).filter((file) =>
      /arriving|[.]tmp$|at-work.*incomplete-/.test(String(file)),
    );
    if (files.length > 0) problems.push(`a file is left: ${files.join()}`);
    return problems;
  }
}

/** A process that is started again after its end. */
class Actor {
  readonly publicKey: string;
  readonly folder: string;
  readonly #temporary: string;
  readonly #program: string;
  readonly #flags: string[];
  #child: ChildProcess | undefined;
  #lines: string[] = [];

  constructor(program: string, flags: string[], of: { publicKey: string; folder: string; temporary: string }) {
    this.#program = fileURLToPath(new URL(program, import.meta.url));
    this.#flags = flags;
    this.publicKey = of.publicKey;
    this.folder = of.folder;
    this.#temporary = of.temporary;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    if (this.#isRunning()) return;
    this.#lines = [];
    const child = spawn(process.execPath, ['--import', 'tsx', this.#program, ...this.#flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: this.#temporary },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => this.#lines.push(...String(data).trim().split('\n')));
  }

  tail(): string {
    return this.#lines.slice(-4).join(' | ').slice(-1_200);
  }

  async said(word: string): Promise<void> {
    while (!this.#lines.includes(word)) await sleep(50);
  }

  async exit(): Promise<number | string | null> {
    const child = this.#child!;
    if (this.#isRunning()) await once(child, 'exit');
    return child.exitCode ?? child.signalCode;
  }

  signal(name: NodeJS.Signals): void {
    if (this.#isRunning()) this.#child?.kill(name);
  }

  async kill(): Promise<void> {
    if (!this.#isRunning()) return;
    const ended = once(this.#child!, 'exit');
    this.#child?.kill('SIGKILL');
    await ended;
  }

  killTraining(): void {
    for (const { pid, parent, command } of processes())
      if (parent === this.pid && command.includes('process-main')) process.kill(pid, 'SIGKILL');
  }

  #isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }
}

interface Process {
  pid: number;
  parent: number;
  command: string;
}

function processes(): Process[] {
  return readdirSync('/proc').flatMap((name): Process[] => {
    try {
      const parent = Number(/^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1]);
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return /^\d+$/.test(name) ? [{ pid: Number(name), parent, command }] : [];
    } catch {
      return [];
    }
  });
}

/** Training and checking processes of a stage whose worker is gone; those of other tests have temporary files elsewhere. */
function orphansOf(temporary: string, workers: Actor[]): string[] {
  const pids = new Set(workers.map(({ pid }) => pid));
  return processes()
    .filter(({ command }) => /(process|checker)-main/.test(command))
    .filter(({ pid, parent }) => !pids.has(parent) && environmentOf(pid).includes(`TMPDIR=${temporary}`))
    .map(({ pid, parent }) => `${pid} of ${parent}`);
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}
