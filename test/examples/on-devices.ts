/** What the training processes of `--devices` may see, as JSON: `folder device,device`. */
import { readFileSync } from 'node:fs';
import { Competition, DatasetChecker } from 'flock-off';
import { TINY_BASE } from 'flock-off/local';
import { openScorer } from '../../examples/open-scorer.ts';
import { Owners } from '../../examples/owners.ts';
import { childrenOf } from '../shared/children-of.ts';

const [folder = '', devices = ''] = process.argv.slice(2);
const open = new Owners();
const scorer = await openScorer({
  command: { opts: () => ({ devices: devices.split(','), cache_dir: folder }) },
  rules: { baseModel: { model: TINY_BASE }, competition: Competition.parse({}) },
  baseModels: 1,
  ...{ options: {}, checker: open.own(new DatasetChecker(), (it) => it.close()), open, doing() {} },
} as never);
console.log(JSON.stringify({ places: 'places' in scorer && scorer.places, devices: visibleDevices().sort() }));
await open.close();

function visibleDevices(): (string | undefined)[] {
  return childrenOf(process.pid).flatMap((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('process-main')) return [];
      return /(?:^|\0)CUDA_VISIBLE_DEVICES=([^\0]*)/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8'))?.[1];
    } catch {
      return [];
    }
  });
}
