/** A worker as a process of its own: `url key-file folder hub-url wrong-by`. */
import { DatasetChecker, type EvaluateParameters, HubDatasetStore, LoraTrainer } from 'flock-off';
import { runFleetWorker, WorkerKey, type WorkerTrainer } from 'flock-off/fleet';
import { TINY_BASE } from 'flock-off/local';
import { devHotkey } from '../../chain/dev-hotkey.ts';

const [url = '', keyFile = '', cacheDir = '', endpoint = '', wrongBy = '0'] = process.argv.slice(2);
const { address } = await devHotkey('validator');

async function openTrainer(): Promise<WorkerTrainer> {
  const trainer = await LoraTrainer.open({ model: TINY_BASE });
  if (wrongBy === '0') return trainer;
  const { backend, precision, weightStorage, baseSha256 } = trainer;
  return {
    ...{ backend, precision, weightStorage, baseSha256 },
    train: (parameters) => trainer.train(parameters),
    dispose: () => trainer.dispose(),
    async evaluate(parameters: EvaluateParameters) {
      const evaluated = await trainer.evaluate(parameters);
      if (!evaluated.ok) return evaluated;
      const { value } = evaluated;
      const rowLosses = value.rowLosses.map((loss) => loss && loss + Number(wrongBy));
      return { ok: true, value: { ...value, rowLosses, lossNatsPerToken: value.lossNatsPerToken + Number(wrongBy) } };
    },
  };
}

const checker = new DatasetChecker();
try {
  await runFleetWorker({
    ...{ url, validator: address, cacheDir, checker, openTrainer, lookMs: 300, lockMs: 3_000 },
    key: await WorkerKey.open({ path: keyFile }),
    datasets: new HubDatasetStore({ endpoint, attempts: 2 }),
    onEvent: ({ kind }) => console.log(kind),
  });
} catch (error) {
  console.error(String(error));
} finally {
  checker.close();
}
