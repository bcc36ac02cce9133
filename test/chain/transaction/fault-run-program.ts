/** What the fault run kills for real: `node --import tsx fault-run-program.ts <url> <mode> <hotkey> <folder of its state> <beacon>`. */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Subtensor } from '../../../src/chain/subtensor.ts';
import type { DrandBeacon } from '../../../src/chain/timelock/drand.ts';
import type { PendingReveal, PendingRevealStore } from '../../../src/chain/weights/pending-reveals.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { FAULT_MODES } from './fault-modes.ts';

const [url, modeName, hotkeyName, folder, beaconJson] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const beacon = JSON.parse(beaconJson) as Omit<DrandBeacon, 'publicKey'> & { publicKey: number[] };

/** One file for each reveal, whole or not there at all. */
const reveals: PendingRevealStore = {
  list: async () =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as PendingReveal),
  put: async (reveal) => {
    const file = join(folder, `${reveal.id}.json`);
    writeFileSync(`${file}.incomplete`, JSON.stringify(reveal));
    renameSync(`${file}.incomplete`, file);
  },
  delete: async (id) => rmSync(join(folder, `${id}.json`), { force: true }),
};

const subtensor = await Subtensor.open({ endpoint: url });
const mode = FAULT_MODES.find(({ name }) => name === modeName)!;
await mode.finish({
  subtensor,
  hotkey: await devHotkey(hotkeyName),
  reveals,
  beacon: { ...beacon, publicKey: Uint8Array.from(beacon.publicKey) },
  skipTo: (block) => subtensor.waitForBlock({ block }),
});
await subtensor.close();
