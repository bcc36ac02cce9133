/** A miner's process for publish-crash.test.ts: publishes, says each step, and stands still at the one it is told. */
import { writeSync } from 'node:fs';
import {
  ChainMetadataStore,
  HubDatasetStore,
  type PublishDatasetParameters,
  publishDataset,
  Subtensor,
} from 'flock-off';
import { devHotkey } from '../chain/dev-hotkey.ts';

const [, , chainUrl, hubUrl, path, standAt] = process.argv as [string, string, string, string, string, string?];
const subtensor = await Subtensor.open({ endpoint: chainUrl });
const onStep: PublishDatasetParameters['onStep'] = ({ kind }) => {
  writeSync(1, `${kind}\n`);
  // Blocks the thread: what is killed here has done nothing after this step.
  if (kind === standAt) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
};
const published = await publishDataset({
  path,
  repo: 'ann/chat',
  datasets: new HubDatasetStore({ endpoint: hubUrl, token: 'hf_token' }),
  metadata: new ChainMetadataStore({ subtensor, netuid: 96 }),
  hotkey: await devHotkey('ann'),
  onStep,
});
if (published.ok) writeSync(1, `${published.value.pointer}\n`);
await subtensor.close();
