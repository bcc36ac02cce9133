/** A program that fetches from a hub and reads a chain, both over TLS; run with and without proxies by proxied-program.test.ts. */
import { HubDatasetStore, Subtensor } from 'flock-off';

const [, , endpoint, hubUrl, repo, commit, to] = process.argv as [
  string,
  string,
  string,
  string,
  string,
  string,
  string,
];
const file = await new HubDatasetStore({ endpoint: hubUrl }).download({ repo, commit, to, maxBytes: 1e6 });
const subtensor = await Subtensor.open({ endpoint });
const { neurons } = await subtensor.metagraph({ netuid: 96 });
await subtensor.close();
console.log(JSON.stringify({ file: file.ok, neurons: neurons.length }));
