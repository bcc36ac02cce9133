import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ChainFault } from '../../../src/local/chain/node/faults.ts';
import type { HubFault } from '../../../src/local/hub/faults.ts';
import type { Injection, Stage, Step } from './stage.ts';

const HUB: Record<string, HubFault> = {
  'answers 503': { kind: 'status', status: 503 },
  'answers 429': { kind: 'status', status: 429, headers: { 'Retry-After': '1' } },
  'answers 401': { kind: 'status', status: 401 },
  'answers 403': { kind: 'body', status: 403, body: 'no' },
  hangs: { kind: 'hang' },
  drops: { kind: 'drop' },
  'sends half': { kind: 'truncate', afterBytes: 100 },
  'stops in the middle': { kind: 'stall', afterBytes: 100 },
  'sends broken bytes': { kind: 'wrong-bytes' },
  'is a captive portal': { kind: 'body', status: 200, body: '<html>Please log in</html>' },
};
const CHAIN: Record<string, ChainFault> = {
  drops: { kind: 'drop' },
  'loses its answer': { kind: 'lose-answer' },
  hangs: { kind: 'hang' },
  'goes silent': { kind: 'half-open' },
  'answers an error': { kind: 'error', code: -32603, message: 'Internal error' },
  'answers garbage': { kind: 'lie', result: 'garbage' },
  'answers null': { kind: 'lie', result: null },
};
const DAY_MS = 86_400_000;

/** Does something at the n-th step of a kind, once. */
function once(
  name: string,
  isStep: (step: Step) => boolean,
  at: number,
  act: (stage: Stage, step: Step) => void,
): Injection {
  let seen = 0;
  return {
    name,
    onStep(step, stage) {
      if (isStep(step) && seen++ === at) act(stage, step);
    },
  };
}

const kill = (pid: number) => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {}
};

/** Leaves a process no more memory than it has. */
function starve(pid: number): void {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[0]);
  spawnSync('prlimit', ['--pid', `${pid}`, `--as=${pages * 4096 + 65_536}`]);
}

/** Files cannot grow: what a full disk does, to this process. Without a handler the system would end it. */
function fillDisk(isFull: boolean): void {
  if (process.listenerCount('SIGXFSZ' as NodeJS.Signals) === 0) process.on('SIGXFSZ' as NodeJS.Signals, () => {});
  spawnSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${isFull ? '0' : 'unlimited'}:unlimited`]);
}

/** Everything that can break, at each step of the epoch, by kind. */
export function allInjections({ steps }: Stage): Injection[][] {
  const count = (isStep: (step: Step) => boolean) => steps.filter(isStep).length;
  const eachOf = (isStep: (step: Step) => boolean, make: (at: number) => Injection[]) =>
    Array.from({ length: count(isStep) }, (_, at) => make(at)).flat();
  const isHub = ({ kind }: Step) => kind === 'hub';
  const isVictims = (step: Step) => step.kind === 'hub' && step.request.includes('u/victim');
  const isChain = ({ kind }: Step) => kind === 'chain';
  const isEvent = ({ kind }: Step) => kind === 'event';
  const isTraining = (step: Step) =>
    step.kind === 'event' && (step.event.kind === 'training' || step.event.kind === 'evaluating');

  const hubOnce = eachOf(isHub, (at) =>
    Object.entries(HUB).map(([how, fault]) =>
      once(`request ${at} of the hub ${how}`, isHub, at, ({ arena }) => arena.hub.faults.inject({ on: '', fault })),
    ),
  );
  const lasting = (isStep: (step: Step) => boolean, on: string, whose: string) =>
    eachOf(isStep, (at) =>
      Object.entries(HUB)
        .filter(([how]) => how !== 'answers 401')
        .map(([how, fault]) =>
          once(`from request ${at} on the hub ${how}${whose}`, isStep, at, ({ arena }) =>
            arena.hub.faults.inject({ on, fault, times: Number.POSITIVE_INFINITY }),
          ),
        ),
    );
  const chainOnce = eachOf(isChain, (at) =>
    Object.entries(CHAIN).map(([how, fault]) =>
      once(`request ${at} of the chain ${how}`, isChain, at, ({ arena }) =>
        arena.chain.faults.inject({ on: '', fault }),
      ),
    ),
  );
  const chainLasting = eachOf(isChain, (at) =>
    ['drops', 'hangs', 'answers an error'].map((how) =>
      once(`from request ${at} on the chain ${how}`, isChain, at, ({ arena }) =>
        arena.chain.faults.inject({ on: '', fault: CHAIN[how]!, times: Number.POSITIVE_INFINITY }),
      ),
    ),
  );
  const perEvent = eachOf(isEvent, (at): Injection[] => [
    once(`a re-org at event ${at}`, isEvent, at, ({ arena }) => {
      try {
        arena.chain.reorg();
      } catch {}
    }),
    once(`the chain restarts at event ${at}`, isEvent, at, ({ arena }) => void arena.chain.restart(50)),
    once(`the clock jumps a day on at event ${at}`, isEvent, at, (stage) => stage.moveClock(DAY_MS)),
    once(`the clock jumps a day back at event ${at}`, isEvent, at, (stage) => stage.moveClock(-DAY_MS)),
    {
      ...once(`the disk is full from event ${at} on`, isEvent, at, () => fillDisk(true)),
      mend: () => fillDisk(false),
    },
  ]);
  const ofProcesses = eachOf(isTraining, (at) => [
    ofTraining(`the training process is killed at step ${at}`, isTraining, at, kill),
    ofTraining(`the training process has no more memory at step ${at}`, isTraining, at, starve),
  ]);
  return [
    hubOnce,
    lasting(isHub, '', ''),
    lasting(isVictims, 'u/victim', ' for one miner'),
    chainOnce,
    chainLasting,
    perEvent,
    ofProcesses,
    alwaysKilled(),
  ];
}

function ofTraining(name: string, isStep: (step: Step) => boolean, at: number, act: (pid: number) => void): Injection {
  return once(name, isStep, at, ({ pids }) => {
    if (pids.training !== undefined) act(pids.training);
  });
}

/** Until it is mended. */
function always(name: string, act: (step: Step, stage: Stage) => void): Injection {
  let isOver = false;
  return {
    name,
    onStep(step, stage) {
      if (!isOver) act(step, stage);
    },
    mend() {
      isOver = true;
    },
  };
}

const isChecking = (step: Step) => step.kind === 'process' && step.what === 'checking';

function alwaysKilled(): Injection[] {
  const onTraining = (name: string, uid: number | null): Injection =>
    always(name, (step, { pids }) => {
      const isTheirs =
        step.kind === 'event' && step.event.kind === 'training' && (uid === null || step.event.uid === uid);
      if (isTheirs && pids.training !== undefined) kill(pids.training);
    });
  return [
    onTraining('training on one dataset kills the process each time', 3),
    onTraining('the training process is killed each time', null),
    always('the checking process is killed each time', (step) => {
      if (step.kind === 'process' && isChecking(step)) kill(step.pid);
    }),
    once('the checking process is killed once', isChecking, 0, (_, step) => {
      if (step.kind === 'process') kill(step.pid);
    }),
  ];
}
