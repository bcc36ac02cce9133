#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { secretsOfProcess } from '../shared/process-secrets.ts';
import { Secrets } from '../shared/secrets.ts';
import { checkCommand } from './check.ts';
import { doctorCommand, probeCommand, probeOperationsCommand } from './doctor.ts';
import { stateCommand } from './state.ts';
import { tensorflowCommand } from './tensorflow.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('flock-off')
  .description(
    'Tools around the flock-off SDK: check a dataset, link a native TensorFlow, see what this machine has, hand a ledger on.',
  )
  .version(version)
  .addCommand(checkCommand())
  .addCommand(tensorflowCommand())
  .addCommand(doctorCommand({ version }))
  .addCommand(stateCommand())
  .addCommand(probeCommand(), { hidden: true })
  .addCommand(probeOperationsCommand(), { hidden: true })
  .showHelpAfterError('(--help shows the commands and flags)');

program.parseAsync().catch((error) => {
  console.error(new Secrets(secretsOfProcess(process)).mask(error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
});
