import { HttpPulseSource, HubDatasetStore, HubEvaluationSetStore, HubRequests } from 'flock-off';
import type { CommonOptions } from './options.ts';

/** Where datasets and evaluation sets are, how the Hub answers for them, and what opens sets that the chain is late with. */
export function openHub({ hubEndpoint, hubToken, logger }: CommonOptions, drandUrls?: string[]) {
  const requests = new HubRequests();
  const hub = { endpoint: hubEndpoint, token: hubToken, logger, onAnswer: requests.onAnswer };
  const pulseSources = [new HttpPulseSource({ urls: drandUrls, logger })];
  return { datasets: new HubDatasetStore(hub), evaluationSets: new HubEvaluationSetStore(hub), pulseSources, requests };
}
