import type { EpochEntry, EpochReport, Metagraph, Neuron, ValidatorEvent } from 'flock-off';

/** Time that stands still until it is told to go on. */
export function manualClock(nowMs = Date.UTC(2026, 0, 2, 3, 4, 5)) {
  return {
    now: nowMs,
    nowMs() {
      return this.now;
    },
    pass(ms: number) {
      this.now += ms;
    },
    sleep: () => new Promise<void>((resolve) => setImmediate(resolve)),
  };
}

export const HOTKEY = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';

export function training(uid: number, step: number, steps = 100): ValidatorEvent {
  return {
    kind: 'training',
    uid,
    progress: {
      ...{ step, steps, epoch: 0, lossNatsPerToken: 1.25, learningRate: 0, gradNorm: 0.5 },
      ...{ tokensPerSecond: 900, etaMs: 0 },
    },
  };
}

function neuron(uid: number, hotkey: string): Neuron {
  return {
    ...{ uid, hotkey, coldkey: hotkey, active: true, validatorPermit: uid === 0, consensus: 0, incentive: 0 },
    ...{ dividends: 0, validatorTrust: 0.9, emissionAlpha: 0, stakeAlpha: 5, stakeWeight: 5 },
    ...{ lastUpdateBlock: 90, registrationBlock: 1 },
  };
}

export function subnetOf(miners: number, block = 400): Metagraph {
  const neurons = [neuron(0, HOTKEY), ...Array.from({ length: miners }, (_, i) => neuron(i + 1, `miner ${i + 1}`))];
  return { netuid: 7, block, neurons, nextEpochBlock: 460, hyperparameters: {} as Metagraph['hyperparameters'] };
}

/** An epoch with so many miners: of three in turn one is scored, one refused, one postponed. */
export function finished(miners: number, sent = true): ValidatorEvent {
  const entries = Array.from({ length: miners }, (_, i): EpochEntry => {
    const outcome: EpochEntry['outcome'] =
      i % 3 === 0
        ? { kind: 'scored', lossNatsPerToken: 1 + i / 1000 }
        : i % 3 === 1
          ? { kind: 'rejected', verdict: { reason: 'no-labels', message: 'nothing to learn' } as never }
          : { kind: 'postponed', by: 'hub', message: 'the hub is down' };
    return {
      ...{ uid: i + 1, hotkey: `miner ${i + 1}`, pointer: null, rows: 10, leftOut: null, outcome },
      ...{ score: i % 3 === 0 ? 0.5 : null, weight: 1 / miners, why: '' },
    };
  });
  const report = {
    ...{ startBlock: 360, entries, baselineLossNatsPerToken: 1.5 },
    ...{ receipt: sent ? { block: 410, mode: 'set' } : null, notSent: sent ? null : 'no weights were sent' },
  } as unknown as EpochReport;
  return { kind: 'finished', report, subnet: subnetOf(miners), durationMs: 90_000 };
}
