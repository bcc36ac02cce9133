import type { PendingRevealStore } from '../../chain/weights/weight-setter.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { loop, type RunValidatorParameters, withBlocksPerEpoch } from '../loop.ts';
import type { Validator } from '../validator.ts';
import { requireRestUid } from './blend.ts';
import { oneReader } from './one-reader.ts';
import { withOwnLog } from './own-log.ts';
import type { PlayedCompetition } from './player.ts';
import { Players } from './players.ts';
import { runRound } from './round.ts';
import { requireShares } from './schedule.ts';
import type { StandingWeightsStore } from './standing-weights.ts';

export interface RunCompetitionsParameters extends Omit<RunValidatorParameters, 'validator' | 'epochs'> {
  competitions: PlayedCompetition[];
  /** What they have in common: a {@link ValidatorState} that is none of theirs. */
  state: CommonState;
  /** Who has what no competition has: the uid of the subnet's owner burns it. Default `null`: the competitions, in proportion. */
  restUid?: number | null;
  /** Stop after so many rounds, in each of which weights are sent once. Default: never. */
  epochs?: number;
}

/** What a validator of several competitions must not forget beside the state of each: {@link ValidatorState} has it. */
export interface CommonState {
  /** Those of the weight setter. */
  pendingReveals: PendingRevealStore;
  /** What stands for each competition while it has no new weights. */
  standingWeights: StandingWeightsStore;
}

/**
 * Plays several competitions of one subnet, each with a share of the weights: side by side, and when the subnet's epoch ends the
 * weights of all are sent as one. For one that is not through by then its last weights stand, so nobody waits for the long
 * trainings of others. Otherwise as {@link runValidator}. One that cannot be evaluated by a fault of ours keeps its share: its
 * last weights stand for three of its epochs, and then half less in each further one.
 * @throws FlockOffError `bad-argument` where shares sum to more than 1, a competition is named twice, two are not of one
 *   subnet and weight setter, or nobody has `restUid`; else as {@link runValidator}.
 * @example
 * await runCompetitions({
 *   competitions: [
 *     { validator: chats, shares: [{ fromBlock: 0, share: 0.7 }] },
 *     { validator: code, shares: [{ fromBlock: 0, share: 0.3 }] },
 *   ],
 *   state,
 *   signal,
 * });
 */
export async function runCompetitions(parameters: RunCompetitionsParameters): Promise<void> {
  const { competitions, state, restUid = null, blocksPerEpoch, signal } = parameters;
  requireShares(competitions.map(({ validator, shares }) => ({ id: validator.competition.id, shares })));
  const [first, ...others] = competitions.map(({ validator }) =>
    withOwnLog(withBlocksPerEpoch(validator, blocksPerEpoch)),
  );
  if (!first) throw wrong('there is no competition', 'pass one at least');
  for (const other of others) requireTogether(first, other);
  // Two, since the heads that are watched may not be final.
  const [watched, drawn] = [oneReader(first.metadata), oneReader(first.metadata)];
  const validators: [Validator, ...Validator[]] = [first, ...others];
  const { logger } = competitions[0]!.validator;
  let players: Players | null = null;
  try {
    await loop({
      ...parameters,
      pendingReveals: state.pendingReveals,
      logger,
      validators: validators.map((one) => ({ ...one, metadata: watched })) as typeof validators,
      run: async (isLate) => {
        // Before anybody is trained on.
        if (players === null && restUid !== null)
          requireRestUid(restUid, (await first.subtensor.metagraph({ netuid: first.netuid, signal })).neurons);
        players ??= new Players({
          competitions: competitions.map(({ shares }, i) => ({
            ...{ shares, isLate: isLate[i] },
            validator: { ...validators[i]!, metadata: drawn },
          })),
          signal,
        });
        return runRound({ players, standing: state.standingWeights, restUid, logger, signal });
      },
    });
  } finally {
    await (players as Players | null)?.stop();
  }
}

function requireTogether(first: Validator, other: Validator): void {
  if (first.netuid !== other.netuid || first.weightSetter !== other.weightSetter)
    throw wrong('two of the competitions have not the same subnet and weight setter', 'their weights are sent as one');
  if (first.state === other.state || first.state.id === other.state.id)
    throw wrong('two of the competitions have the same state', 'open one for each, in a folder of its own');
}

function wrong(what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix, facts: { name: 'competitions' } });
}
