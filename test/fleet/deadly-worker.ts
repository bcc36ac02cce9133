/** A worker as a process of its own, which ends at once with a dataset that speaks of a topic: `url key-file folder hub-url topic`. */
import { DatasetChecker, HubDatasetStore, type TrainParameters } from 'flock-off';
import { runFleetWorker, WorkerKey } from 'flock-off/fleet';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { stubTrainer } from './stub-trainer.ts';

const [url = '', keyFile = '', cacheDir = '', endpoint = '', topic = ''] = process.argv.slice(2);
const { address } = await devHotkey('validator');
const trainer = stubTrainer();

await runFleetWorker({
  ...{ url, validator: address, cacheDir, lookMs: 200, lockMs: 2_000 },
  checker: new DatasetChecker(),
  key: await WorkerKey.open({ path: keyFile }),
  datasets: new HubDatasetStore({ endpoint, attempts: 2 }),
  onEvent: (event) => console.log(Object.values(event).join(' ')),
  openTrainer: async () => ({
    ...trainer,
    async train(parameters: TrainParameters) {
      if (JSON.stringify(parameters.rows).includes(topic)) process.kill(process.pid, 'SIGKILL');
      return trainer.train(parameters);
    },
  }),
});
