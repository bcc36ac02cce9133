import { expect, test } from 'vitest';
import { connect, NETUID, startSubnet } from '../start-subnet.ts';

/** How nodes have said it, by the executor that runs the runtime. */
const WORDINGS: [code: number, message: string][] = [
  [-32601, 'Method not found'],
  [-32603, 'Function to start was not found.'],
  [-32603, 'Function to start was not found'],
  [-32603, 'Symbol to start is not a function.'],
  [4003, 'Client error: Execution failed: Other: Exported method X_y is not found'],
  [-32000, 'Execution(Other("Exported method X_y is not found"))'],
  [-32000, 'Execution(Wasmi(Function("Module doesn\'t have export X_y")))'],
  [-32000, 'Instantiation: Export X_y not found'],
  [-32000, "Method not found: 'X_y'"],
  [1, 'Execution aborted due to trap: wasm trap: wasm `unreachable` instruction executed'],
];

test.each(WORDINGS)(
  '%i "%s" says that there is no such function: the metagraph is read without it',
  async (code, message) => {
    const chain = await startSubnet();
    const subtensor = await connect(chain.url);
    chain.faults.inject({ on: 'state_call', fault: { kind: 'error', code, message }, times: Number.POSITIVE_INFINITY });
    const { neurons } = await subtensor.metagraph({ netuid: NETUID });
    expect(neurons.map(({ stakeAlpha, stakeWeight }) => [stakeAlpha, stakeWeight])).toEqual([
      [1_000 / 1e9, null],
      [0, null],
      [0, null],
    ]);
  },
);

test('an error in any other words says it where the runtime does not list the API, and is an error where it does', async () => {
  const chain = await startSubnet();
  const subtensor = await connect(chain.url);
  chain.faults.inject({
    on: 'state_call',
    fault: { kind: 'error', code: -32000, message: 'Server is busy' },
    times: Number.POSITIVE_INFINITY,
  });
  const call = (name: string) =>
    subtensor.read({ what: 'asking', use: (snapshot) => snapshot.call(name, [['u16', NETUID]], 'Vec<u8>') });
  expect(await call('NoSuchRuntimeApi_get_anything')).toBeNull();
  await expect(call('NeuronInfoRuntimeApi_get_neurons_lite')).rejects.toMatchObject({
    code: 'chain-unreachable',
    facts: { rpcCode: -32000 },
  });
});
