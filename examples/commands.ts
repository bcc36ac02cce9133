import type { Command } from 'commander';
import { runToEnd } from './run-as-main.ts';

/** The programs as commands of the package's tool: `flock-off local`, `flock-off miner` and the others. */
const PROGRAMS = {
  local: () => import('./subnet.ts'),
  miner: () => import('./miner.ts'),
  validator: () => import('./validator.ts'),
  worker: () => import('./worker.ts'),
  'wallet-password': async () => {
    const { main } = await import('./wallet-password.ts');
    // Its third parameter is how it prints, and no status.
    return { main: (argv: string[], signal: AbortSignal) => main(argv, signal) };
  },
};

/** The flags of a program, for shells that complete them. */
export async function commandOf(name: keyof typeof PROGRAMS): Promise<Command> {
  switch (name) {
    case 'local':
      return (await import('./subnet.ts')).localCommand();
    case 'miner':
      return (await import('./miner.ts')).minerCommand();
    case 'validator':
      return (await import('./validator-command.ts')).validatorCommand();
    case 'worker':
      return (await import('./worker.ts')).workerCommand();
    case 'wallet-password':
      return (await import('./options.ts')).subnetCommand(name, '');
  }
}

export async function run(name: keyof typeof PROGRAMS, argv: string[]): Promise<void> {
  const { main } = await PROGRAMS[name]();
  await runToEnd(main, argv);
}
