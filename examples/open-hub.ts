import { HubDatasetStore, HubEvaluationSetStore, HubRequests } from 'flock-off';
import type { CommonOptions } from './options.ts';

/** Where datasets and evaluation sets are, and how the Hub answers for them. */
export function openHub({ hubEndpoint, hubToken, logger }: CommonOptions) {
  const requests = new HubRequests();
  const hub = { endpoint: hubEndpoint, token: hubToken, logger, onAnswer: requests.onAnswer };
  return { datasets: new HubDatasetStore(hub), evaluationSets: new HubEvaluationSetStore(hub), requests };
}
