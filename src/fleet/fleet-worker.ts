import { eitherSignal } from '../shared/either-signal.ts';
import { findQueue } from './find-queue.ts';
import { FleetMember } from './fleet-member.ts';
import type { RunFleetWorkerParameters } from './fleet-worker-parameters.ts';
import { parseQueueAddress } from './queue-address.ts';
import { QueueServer } from './queue-server.ts';

/**
 * Takes the jobs of one validator, one at a time, until the signal aborts: fetches each dataset, trains, measures, and signs
 * what it found. It needs no wallet, and its word counts only for validators that were told of its key. A job that it cannot
 * finish goes back to the queue. While its losses could not be compared with those of the others it waits, and says why.
 * @throws FlockOffError `queue-unreachable` at the start; `queue-refused` where there is no queue that it can work for, or the
 *   validator takes its results no more; `disk` and others for faults of this machine. The signal's reason.
 * @example
 * await runFleetWorker({
 *   url: 'redis://10.0.0.1:6379',
 *   validator: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
 *   key: await WorkerKey.open({ path: 'worker.pem' }),
 *   openTrainer: ({ base }) => LoraTrainer.open(base),
 *   datasets: new HubDatasetStore(),
 *   checker: new DatasetChecker(),
 *   cacheDir: '.flock-off/worker',
 *   signal,
 * });
 */
export async function runFleetWorker(parameters: RunFleetWorkerParameters): Promise<void> {
  const { url, password, lockMs = 120_000, logger, signal } = parameters;
  const server = await QueueServer.open({ address: parseQueueAddress({ url, password }), logger, signal });
  const ended = new AbortController();
  const life = eitherSignal(ended.signal, signal);
  let member: FleetMember | undefined;
  try {
    const { queue, about } = await findQueue({ ...parameters, server, signal });
    member = await FleetMember.open({
      ...{ ...parameters, lockMs, server, queue, about, signal: life.signal },
      onFault: (fault) => ended.abort(fault),
    });
    await member.work();
  } finally {
    ended.abort();
    life.release();
    await member?.close();
    await server.close();
  }
}
