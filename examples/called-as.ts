/** Built into the package, these programs are commands of its tool. */
const isInstalled = !import.meta.url.endsWith('.ts');

/** What is typed to start each program, where this one was started. */
export const CALLED_AS = isInstalled
  ? {
      local: 'npx flock-off local',
      serve: 'npx flock-off local --serve',
      validator: 'npx flock-off validator',
      worker: 'npx flock-off worker',
    }
  : {
      local: 'npm start',
      serve: 'npm start -- --serve',
      validator: 'npx tsx examples/validator.ts',
      worker: 'npx tsx examples/worker.ts',
    };

/** What `--help` calls a program. */
export const nameOfCommand = (name: string) => (isInstalled ? `flock-off ${name}` : name);
