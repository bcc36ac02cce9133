import type { ReplayedEpoch } from '../../validator/receipts/replay.ts';
import type { ChainOfReports } from './read-chains.ts';

/** What `--json` prints. Fields may be added to a version; none is changed or removed. Version 1 was of one competition. */
export interface ReplayOutput {
  version: 2;
  competitions: ReplayedCompetition[];
}

export interface ReplayedCompetition extends Omit<ChainOfReports, 'receipts'> {
  /** The one that they were replayed under, and its parameters. */
  policy: string;
  parameters: Record<string, unknown>;
  /** Whether each epoch has an evaluation set of its own. */
  hasSets: boolean;
  epochs: ReplayedEpoch[];
}
