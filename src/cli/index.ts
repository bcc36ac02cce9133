#!/usr/bin/env node
import { Command } from 'commander';
import { PACKAGE_VERSION as version } from '../shared/own-package.ts';
import { secretsOfProcess } from '../shared/process-secrets.ts';
import { Secrets } from '../shared/secrets.ts';
import { auditCommand } from './audit.ts';
import { checkCommand } from './check.ts';
import { competitionCommand } from './competition.ts';
import { completionCommand } from './completion.ts';
import { doctorCommand, probeCommand, probeOperationsCommand } from './doctor.ts';
import { explainCommand } from './explain.ts';
import { previewCommand } from './preview.ts';
import { programCommands } from './programs.ts';
import { replayCommand } from './replay.ts';
import { reportCommand } from './report.ts';
import { stateCommand } from './state.ts';
import { statusCommand } from './status.ts';
import { tensorflowCommand } from './tensorflow.ts';

const program = new Command('flock-off')
  .description(
    'Dataset competitions on Bittensor: a local subnet to try, a miner, a validator, founding a competition, auditing, and what they need.',
  )
  .version(version)
  .enablePositionalOptions()
  .addCommand(checkCommand())
  .addCommand(previewCommand())
  .addCommand(competitionCommand())
  .addCommand(tensorflowCommand())
  .addCommand(doctorCommand({ version }))
  .addCommand(statusCommand())
  .addCommand(stateCommand())
  .addCommand(explainCommand())
  .addCommand(auditCommand())
  .addCommand(reportCommand())
  .addCommand(replayCommand())
  .addCommand(probeCommand(), { hidden: true })
  .addCommand(probeOperationsCommand(), { hidden: true })
  .showHelpAfterError('(--help shows the commands and flags)');

for (const command of programCommands()) program.addCommand(command);
program.addCommand(completionCommand(program));

program.parseAsync().catch((error) => {
  console.error(new Secrets(secretsOfProcess(process)).mask(error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
});
