import type { ValidatorSnapshot } from '../operator/snapshot.ts';
import { durationText } from '../operator/words.ts';
import { type Html, html, theirs } from './html.ts';
import { lossText, plural, whole } from './numbers.ts';

/** Changes when the rest of the page has changed, so that a browser asks for it again. */
export function versionOf(live: ValidatorSnapshot | null, lastBlock: number | null): string {
  return `${lastBlock ?? 'none'}.${live?.epoch?.settled.length ?? 'none'}`;
}

/** What goes on now. Read again every few seconds, so it is small, and complete without scripts. */
export function liveSection(live: ValidatorSnapshot, version: string): Html {
  const { epoch, chain, fault, lastWeights, atMs, endedMs } = live;
  return html`<section id="live" data-version="${version}" aria-label="Now">
    <div class="state"><span class="pill ${endedMs === null ? (fault ? 'fault' : 'live') : 'ended'}">${endedMs === null ? (fault ? 'waits' : 'live') : 'ended'}</span>
      <span>${stateText(live)}</span></div>
    ${fault && html`<p class="why">${theirs(fault.message, 400)} It is tried again ${fault.retryMs === null ? 'with the next weights' : `in ${durationText(fault.retryMs - atMs)}`}.</p>`}
    ${
      epoch &&
      html`<div class="progress">
      ${epoch.scoring && barOf('Miners', doneOf(epoch), epoch.scoring.length, html`${doneOf(epoch)} of ${epoch.scoring.length}`)}
      ${epoch.work.map(({ uid, phase, done, of, lossNatsPerToken, tokensPerSecond }) =>
        barOf(
          `uid ${uid}`,
          done,
          of,
          html`${phase}${of > 0 && html` ${whole(done)} of ${whole(of)}`}${lossNatsPerToken !== null && html`, loss ${lossText(lossNatsPerToken)}`}${tokensPerSecond !== null && html`, ${whole(tokensPerSecond)} tokens/s`}`,
        ),
      )}
    </div>`
    }
    <p class="beside">${live.device ? theirs(live.device, 120) : 'No device is open yet'}${chain && html`. Chain: block ${whole(chain.block)}, ${durationText(atMs - chain.blockSeenMs)} ago`}${lastWeights && html`. Weights were sent in block ${whole(lastWeights.block)}, ${durationText(atMs - lastWeights.atMs)} ago`}.</p>
  </section>`;
}

function stateText({ epoch, chain, endedMs, atMs, startedMs }: ValidatorSnapshot): Html {
  if (endedMs !== null) return html`The validator ended ${durationText(atMs - endedMs)} ago.`;
  const blocksLeft = (block: number) => {
    if (!chain) return '';
    const blocks = Math.max(0, block - chain.block);
    return `, in ${plural(blocks, 'block')} (${durationText(blocks * chain.blockTimeMs)})`;
  };
  if (!epoch) return html`Running for ${durationText(atMs - startedMs)}, between epochs.`;
  const since = durationText(atMs - epoch.sinceMs);
  if (epoch.weightsBlock !== null)
    return html`Epoch of block ${whole(epoch.startBlock)}: weights go out at block ${whole(epoch.weightsBlock)}${blocksLeft(epoch.weightsBlock)}.`;
  return html`Epoch of block ${whole(epoch.startBlock)} for ${since}, ${plural(epoch.drawn, 'miner')} drawn${epoch.settled.length > 0 && html`, ${epoch.settled.length} done`}.`;
}

function doneOf({ scoring, settled }: NonNullable<ValidatorSnapshot['epoch']>): number {
  const over = new Set(settled.map(({ uid }) => uid));
  return (scoring ?? []).filter((uid) => over.has(uid)).length;
}

function barOf(name: string, done: number, of: number, said: Html): Html {
  return html`<div class="work"><span class="name">${name}</span><progress aria-label="${name}" ${of > 0 && html`value="${done}" max="${of}"`}></progress><span class="said">${said}</span></div>`;
}
