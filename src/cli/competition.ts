import { Command, InvalidArgumentError, Option } from 'commander';
import { networkOptions, subnetNumber, walletName, walletPath } from './network-options.ts';

const EXIT_CODES = `
Exit code: 0 when it is done, 1 when something has to be corrected, 2 when the
command is not understood, 3 when something cannot be reached or read. 130 after
Ctrl-C, 143 after SIGTERM.`;

/** `flock-off competition`: founds a competition, from a folder of rows to what miners and validators name. */
export function competitionCommand(): Command {
  return new Command('competition')
    .description('Found a competition: from a folder of rows to one that is signed, published and pinned.')
    .addCommand(initCommand())
    .addCommand(checkCommand())
    .addCommand(publishCommand())
    .addCommand(lockCommand())
    .addCommand(appendCommand())
    .addCommand(setsCommand());
}

function initCommand(): Command {
  return subcommand('init', 'Make the draft of a competition beside its evaluation set.')
    .argument('<folder>', 'with the evaluation set, data.jsonl')
    .addOption(new Option('--netuid <number>', 'the subnet').argParser(subnetNumber).makeOptionMandatory())
    .option('--name <name>', 'for people; default: the name of the folder')
    .option('--base_model <id>', 'on the Hub', 'Qwen/Qwen2.5-1.5B-Instruct')
    .option('--base_revision <revision>', 'its branch, tag or commit; the commit is kept', 'main')
    .option('--competition_file <json>', 'rules, where they differ from the defaults')
    .option('--force', 'replace the draft that is there', false)
    .action(async (folder: string, flags) => {
      const { runInit } = await import('./competition/run-init.ts');
      await runInit({ folder, ...flags });
    });
}

function checkCommand(): Command {
  return subcommand('check', 'Advise on the draft in a folder, or show and verify a competition that is published.')
    .argument('<folder or org/name@sha>', 'a folder needs no network')
    .option(
      '--known <files...>',
      'sets that everybody has, as data.jsonl: rows of the evaluation set that stand in them',
    )
    .option('--base_model <folder>', 'measure its losses; default: the one of the draft, where it is on this machine')
    .option('--no_losses', 'do not measure losses')
    .option('--json', 'print the report as JSON', false)
    .action(async (target: string, flags) => {
      const { runCompetitionCheck } = await import('./competition/run-check.ts');
      await runCompetitionCheck({ target, ...flags });
    });
}

function publishCommand(): Command {
  return subcommand('publish', "Sign a draft with the coldkey of the subnet's owner, and publish it on the Hub.")
    .argument('<folder>', 'with the draft and its evaluation set')
    .requiredOption('--repo <namespace/name>', 'dataset repository; created when missing')
    .option('--to_sign', 'only print the text that the owner has to sign, where the coldkey is elsewhere', false)
    .option('--signature <hex>', 'publish with the signature of that text')
    .addOption(walletName('wallet of the owner'))
    .addOption(walletPath())
    .action(async (folder: string, flags) => {
      const { runPublish } = await import('./competition/run-publish.ts');
      await runPublish({ folder, ...flags });
    });
}

function lockCommand(): Command {
  return subcommand('lock', 'Lock an evaluation set, or your part of one, so that it opens for everybody at one time.')
    .argument('<file>', 'the rows, a data.jsonl')
    .requiredOption('--competition <org/name@sha>', 'whose schedule and beacon it is locked by')
    .addOption(new Option('--set <number>', 'which set of the schedule; default: the next one').argParser(setNumber))
    .option('--at <time>', 'in its place: the first set that opens at this time or later, such as 2026-12-01T12:00Z')
    .option('--by <name>', 'whose rows they are, for people')
    .option('--out <file>', 'where to write it; default: beside the rows, with .locked behind the name')
    .action(async (file: string, flags) => {
      const { runLock } = await import('./competition/run-lock.ts');
      await runLock({ file, ...flags });
    });
}

function appendCommand(): Command {
  return subcommand('append', 'List a locked evaluation set: sign and upload it, and name it on the chain.')
    .argument('<org/name@sha>', 'the competition')
    .argument('<locked files...>', 'one, or the parts of several contributors in their order')
    .addOption(walletName('wallet of who lists sets'))
    .addOption(new Option('--wallet.hotkey <name>', 'its hotkey').env('BT_WALLET_HOTKEY').default('default'))
    .addOption(walletPath())
    .action(async (competition: string, files: string[], flags) => {
      const { runAppend } = await import('./competition/run-append.ts');
      await runAppend({ competition, files, ...flags });
    });
}

function setsCommand(): Command {
  return subcommand('sets', 'Show the time-locked evaluation sets that the chain names, verify and open them.')
    .argument('<org/name@sha>', 'the competition')
    .addOption(new Option('--open <number>', 'write the rows of a set whose round is over').argParser(setNumber))
    .option('--pulse <hex>', "for --open: the beacon's signature, as reports have it; default: the chain's, or drand's")
    .addOption(
      new Option(
        '--drand_url <urls>',
        "for --open: a drand server, or several with commas between, for what the chain does not have; default: drand's own",
      ).env('DRAND_URL'),
    )
    .option('--out <file>', 'for --open: where to', 'data.jsonl')
    .option('--json', 'print what was found as JSON', false)
    .action(async (competition: string, flags) => {
      const { runSets } = await import('./competition/run-sets.ts');
      await runSets({ competition, ...flags });
    });
}

function subcommand(name: string, description: string): Command {
  return networkOptions(new Command(name).description(description))
    .addHelpText('after', EXIT_CODES)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .allowExcessArguments(false)
    .showHelpAfterError('(--help shows the flags)');
}

function setNumber(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected the number of a set, from 0 on.');
}
