import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runCommand } from '../../../src/setup/run-command.ts';

const SCRIPT = fileURLToPath(new URL('process-scenarios.ts', import.meta.url));
const LINUX = process.platform === 'linux';

async function scenario(name: string, env: NodeJS.ProcessEnv = {}): Promise<{ seen: unknown; stderr: string }> {
  const { code, stdout, stderr } = await runCommand({
    command: process.execPath,
    args: ['--import', 'tsx', SCRIPT, name],
    env: { ...process.env, ...env },
    timeoutMs: 60_000,
  });
  expect(code, stderr).toBe(0);
  return { seen: JSON.parse(stdout.trim().split('\n').at(-1)!), stderr };
}

// By itself a training process takes one thread for a model as tiny as this, and this process all.
test('a training process gives what training in this process gives with as many threads, bit by bit', async () => {
  expect((await scenario('same')).seen).toEqual({
    trained: true,
    evaluated: true,
    facts: true,
  });
});

test.runIf(LINUX)(
  'it leaves room on a GPU, gives back what it has freed, says nothing on its terminal, and leaves its event loop free',
  async () => {
    const { seen, stderr } = await scenario('apart');
    expect(seen).toEqual({ growsOnGpu: true, givesBack: true, steps: 60, p99Ms: expect.any(Number) });
    expect((seen as { p99Ms: number }).p99Ms).toBeLessThan(20);
    expect(stderr).toBe('');
  },
);

test.runIf(LINUX)(
  'it gets of the environment what training may need and what is named, also when something is loaded first',
  async () => {
    const secrets = `WALLET_SEED DATABASE_URL GH_PAT HF_TOKEN AWS_ACCESS_KEY_ID AWS_PROFILE BT_PW__ANN BT_WALLET_NAME
    npm_config_token NPM_CONFIG__AUTH TF_VAR_db TF_TOKEN_app TF_HTTP_PASSWORD NVIDIA_API_KEY CUDA_API_TOKEN NODE_AUTH_TOKEN
    HTTPS_PROXY PIP_INDEX_URL SSH_AUTH_SOCK LD_SDK_KEY`.split(/\s+/);
    const needed = 'LC_ALL TZ CUDA_VISIBLE_DEVICES TF_NUM_INTRAOP_THREADS OMP_NUM_THREADS MALLOC_ARENA_MAX NAMED'.split(
      ' ',
    );
    const set = (names: string[]) => Object.fromEntries(names.map((name) => [name, 'C']));
    const env = {
      ...set(secrets),
      ...set(needed),
      CUDA_VISIBLE_DEVICES: '',
      OMP_NUM_THREADS: '1',
      TF_NUM_INTRAOP_THREADS: '1',
    };
    const { seen } = await scenario('environment', env);
    const { atStart, later, flags, trained } = seen as Record<'atStart' | 'later' | 'flags', string[]> & {
      trained: boolean;
    };
    for (const names of [atStart, later]) {
      expect(names.filter((name) => secrets.includes(name) || /PRELOADED/.test(name))).toEqual([]);
      expect(names).toEqual(expect.arrayContaining(needed));
    }
    expect(flags.filter((flag) => /inspect/.test(flag))).toEqual([]);
    expect(trained).toBe(true);
  },
);

test.runIf(LINUX)('a process that is killed costs one call, which may be made again', async () => {
  expect((await scenario('killed')).seen).toEqual({
    lost: ['trainer-failed', true, expect.stringContaining('the training process was ended by SIGKILL')],
    next: true,
  });
});

test.runIf(LINUX)('a process that is gone already costs the calls that did not know, and nothing else', async () => {
  expect((await scenario('gone')).seen).toEqual({ lost: Array(3).fill('trainer-failed'), next: true });
});

test.runIf(LINUX)('a process that is started again refuses another base model than the one before', async () => {
  expect((await scenario('replaced')).seen).toEqual({
    refused: ['bad-model', false, expect.stringContaining('is not the one that was loaded before')],
    next: true,
  });
});

test.runIf(LINUX)('what the caller throws or cannot send ends its call only', async () => {
  expect((await scenario('misused')).seen).toEqual({
    thrown: true,
    unsent: ['bad-argument', false, expect.stringContaining('cannot be sent to the training process')],
    next: true,
    sameProcess: true,
  });
});

test.runIf(LINUX)('memory that is short when the process is started again is a passing fault', async () => {
  expect((await scenario('short')).seen).toEqual({
    lost: ['out-of-memory', true, expect.stringContaining('there are 0.3 GiB for it')],
    next: true,
  });
});

test.runIf(LINUX)(
  'a process that is killed in the middle of a run goes on from its checkpoint and ends bit-equal',
  async () => {
    const { seen } = await scenario('resumed');
    expect(seen).toEqual({
      lost: 'trainer-failed',
      left: true,
      first: expect.any(Number),
      last: 6,
      equal: true,
      removed: true,
      written: [1, 2, 3, 4, 5, 6],
    });
    expect((seen as { first: number }).first).toBeGreaterThanOrEqual(4);
  },
);

test.runIf(LINUX)('a call that is aborted ends at once, and the process serves the next one', async () => {
  expect((await scenario('aborted')).seen).toEqual({ aborted: [null, null, 'enough'], next: true, sameProcess: true });
});

test.runIf(LINUX)('a process that falls silent is ended', async () => {
  expect((await scenario('stalled')).seen).toEqual({
    lost: ['trainer-failed', true, expect.stringContaining('reported nothing for 10 s and was ended')],
  });
});

test('errors, verdicts and the end are those of a trainer in this process', async () => {
  expect((await scenario('refused')).seen).toEqual({
    broken: [
      'bad-model',
      false,
      expect.stringMatching(/config\.json cannot be read\. Copy or download[^#]*\. See [^ ]+errors\.md#bad-model$/),
    ],
    unlabelled: { ok: false, verdict: { reason: 'no-labels', message: expect.any(String) } },
    diverged: {
      ok: false,
      verdict: { reason: 'diverged', message: expect.any(String), facts: { step: 3, steps: 6 } },
    },
    disposed: [
      'bad-argument',
      false,
      'this LoraTrainer has been disposed. Load another. See flock-off/docs/errors.md#bad-argument',
    ],
  });
});

test.runIf(LINUX)('a trainer that nobody disposed of keeps no process alive', async () => {
  const { seen } = await scenario('forgotten');
  await expect.poll(() => isAlive(seen as number), { timeout: 5_000 }).toBe(false);
});

test.runIf(LINUX)(
  'a training process ends with a parent that is killed, also while it computes',
  async () => {
    const script = fileURLToPath(new URL('orphan.ts', import.meta.url));
    const parent = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
      expect(isAlive(pid)).toBe(true);
      parent.kill('SIGKILL');
      await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
    } finally {
      parent.kill('SIGKILL');
    }
  },
  60_000,
);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
