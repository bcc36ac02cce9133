import { Command } from 'commander';

/** The programs of the folder `examples`, which parse their own flags. */
const PROGRAMS = {
  local: 'run a whole subnet on this machine: chain, hub, six miners, a validator',
  miner: 'publish a dataset and commit its pointer on the chain',
  validator: 'score datasets and set weights on the chain',
  worker: 'train for a validator, on jobs of its queue',
  'wallet-password': 'print the variable that opens an encrypted hotkey',
};

/** Built beside this file, or in the clone. They stand on the package's public names, so nothing here may import them. */
const BUILT = new URL(
  import.meta.url.endsWith('.ts') ? '../../examples/commands.ts' : './programs.js',
  import.meta.url,
);

interface Programs {
  run(name: string, argv: string[]): Promise<void>;
  commandOf(name: string): Promise<Command>;
}

/** `flock-off miner`, `flock-off validator`, `flock-off local`, `flock-off worker` and `flock-off wallet-password`. */
export function programCommands(): Command[] {
  return Object.entries(PROGRAMS).map(([name, description]) =>
    new Command(name)
      .description(description)
      .argument('[flags...]', '--help shows them')
      .helpOption(false)
      .allowUnknownOption()
      .passThroughOptions()
      .action(async (flags: string[]) => {
        const { run } = await programs();
        await run(name, flags);
      }),
  );
}

/** The commands with the flags that they parse themselves, by name. */
export async function programFlags(): Promise<Map<string, Command>> {
  const { commandOf } = await programs();
  return new Map(await Promise.all(Object.keys(PROGRAMS).map(async (name) => [name, await commandOf(name)] as const)));
}

async function programs(): Promise<Programs> {
  return (await import(BUILT.href)) as Programs;
}
