import { judgeHealth } from './health.ts';
import { type RunningEpoch, snapshotsOf, type ValidatorSnapshot } from './snapshot.ts';
import { blocksText, clockText, durationText } from './words.ts';

/** A snapshot for a person to read, a line for each thing that there is to say. */
export function snapshotText(snapshot: ValidatorSnapshot, nowMs: number): string {
  const { netuid, competition, hotkey, version, host, pid, startedMs, endedMs, device, chain, subnet } = snapshot;
  const { lastWeights, totals } = snapshot;
  const lines: Line[] = [
    ['validator', `${hotkey}, subnet ${netuid}, competition ${competition}`],
    ['process', `${pid} on ${host}, flock-off ${version}, ${runs()}`],
    ['device', device ?? 'not open yet'],
    ['chain', chain === null ? 'has not answered yet' : chainText(chain, nowMs)],
  ];
  if (subnet)
    lines.push([
      'subnet',
      subnet.neuron
        ? `uid ${subnet.neuron.uid} of ${subnet.neurons}, trust ${subnet.neuron.validatorTrust.toFixed(3)}, ${subnet.neuron.validatorPermit ? 'with' : 'without'} a permit`
        : `${subnet.neurons} neurons, and this hotkey is none of them`,
    ]);
  const all = snapshotsOf(snapshot);
  for (const one of all) {
    if (all.length > 1) lines.push(['competition', one.competition]);
    lines.push(...epochLines(one, nowMs));
  }
  if (lastWeights) lines.push(['sent', `in block ${lastWeights.block}, ${durationText(nowMs - lastWeights.atMs)} ago`]);
  lines.push(['since then', `${totals.epochs} epochs, ${totals.interruptions} interruptions`]);
  const { problems } = judgeHealth(snapshot, nowMs);
  lines.push(['health', problems.length === 0 ? 'well' : problems.join('; ')]);
  return lines.map(([name, said]) => `${name.padEnd(WIDTH)} ${said}`).join('\n');

  function runs(): string {
    return endedMs === null
      ? `running for ${durationText(nowMs - startedMs)}`
      : `ended ${durationText(nowMs - endedMs)} ago`;
  }
}

type Line = [name: string, said: string];

const WIDTH = 'competition'.length;

/** What there is to say of one competition. */
function epochLines(snapshot: ValidatorSnapshot, nowMs: number): Line[] {
  const { epoch, lastEpoch, fault } = snapshot;
  const lines: Line[] = [['epoch', epoch === null ? 'none runs' : epochText(epoch, nowMs)]];
  for (const work of epoch?.work ?? []) lines.push(['', workText(work)]);
  const left = weightsText(snapshot, nowMs);
  if (left !== null) lines.push(['weights', left]);
  if (lastEpoch) {
    const { startBlock, atMs, durationMs, scored, rejected, postponed, notSent } = lastEpoch;
    const counts = `${scored} scored, ${rejected} refused, ${postponed} postponed`;
    lines.push([
      'last',
      `epoch of block ${startBlock} ended ${durationText(nowMs - atMs)} ago after ${durationText(durationMs)}: ${counts}`,
    ]);
    if (notSent !== null) lines.push(['', notSent]);
  }
  if (fault) {
    const again = fault.retryMs === null ? 'with the next weights' : `at ${clockText(fault.retryMs, nowMs)}`;
    lines.push(['waits', `${fault.message} It is tried again ${again}.`]);
  }
  return lines;
}

function chainText(
  { block, blockSeenMs, nextEpochBlock, blockTimeMs }: NonNullable<ValidatorSnapshot['chain']>,
  nowMs: number,
) {
  const age = `block ${block}, ${durationText(nowMs - blockSeenMs)} ago`;
  if (nextEpochBlock === null) return age;
  return `${age}; the subnet's epoch ends in ${blocksText(Math.max(0, nextEpochBlock - block), blockTimeMs)}`;
}

/** Such as "of block 360 for 12 min: miner 4 of 7". */
function epochText(epoch: RunningEpoch, nowMs: number): string {
  const place = placeIn(epoch);
  const miners = place === null ? `${epoch.drawn} miners drawn` : place;
  return `of block ${epoch.startBlock} for ${durationText(nowMs - epoch.sinceMs)}: ${miners}`;
}

/**
 * Which of the miners that are trained on it is at, such as "miner 4 of 7"; `null` before that is known.
 * @example
 * placeIn({ scoring: [4, 7], settled: [{ uid: 4, kind: 'scored', lossNatsPerToken: 2.0, reason: null }] }); // 'miner 2 of 2'
 */
export function placeIn({ scoring, settled }: Pick<RunningEpoch, 'scoring' | 'settled'>): string | null {
  if (scoring === null) return null;
  const over = new Set(settled.map(({ uid }) => uid));
  const done = scoring.filter((uid) => over.has(uid)).length;
  return done === scoring.length ? `all ${scoring.length} miners done` : `miner ${done + 1} of ${scoring.length}`;
}

function workText({ uid, phase, done, of, lossNatsPerToken, tokensPerSecond }: RunningEpoch['work'][number]): string {
  const parts = [
    of > 0 ? `${done}/${of}` : null,
    lossNatsPerToken === null ? null : `loss ${lossNatsPerToken.toFixed(3)}`,
    tokensPerSecond === null ? null : `${Math.round(tokensPerSecond)} tokens/s`,
  ];
  return `uid ${uid}: ${phase} ${parts.filter((part) => part !== null).join(', ')}`.trimEnd();
}

/**
 * When the next weights go out, as far as that is known: "at block 410, in 12 blocks (2 min), at 14:32".
 * @example
 * console.log(weightsText(watch.snapshot(), Date.now()) ?? 'not known yet');
 */
export function weightsText(
  { epoch, chain }: Pick<ValidatorSnapshot, 'epoch' | 'chain'>,
  nowMs: number,
): string | null {
  if (!epoch || epoch.weightsBlock === null || !chain) return null;
  const blocks = Math.max(0, epoch.weightsBlock - chain.block);
  const atMs = Math.max(nowMs, chain.blockSeenMs + blocks * chain.blockTimeMs);
  return `at block ${epoch.weightsBlock}, in ${blocksText(blocks, chain.blockTimeMs)}, at ${clockText(atMs, nowMs)}`;
}
