import { Argument, Command } from 'commander';
import { programFlags } from './programs.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const HOW = `
A shell completes only a command that it finds: put the package's on the PATH, as in
export PATH="$PWD/node_modules/.bin:$PATH"

bash: source <(npx flock-off completion bash)
zsh:  source <(npx flock-off completion zsh)
fish: npx flock-off completion fish | source`;

/** `flock-off completion`: a script with which a shell completes commands and flags. */
export function completionCommand(program: Command): Command {
  return new Command('completion')
    .description('Print a script with which a shell completes commands and flags.')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText('after', HOW)
    .action(async (shell: Shell) => console.log(SCRIPTS[shell](wordsOf(program, await programFlags()))));
}

/** What a shell is told. */
interface Words {
  /** What may follow, by the words before it: "" and "state check". */
  after: Map<string, string[]>;
  /** Flags that take a value, which is completed as a file. */
  withValue: string[];
}

function wordsOf(program: Command, flags: ReadonlyMap<string, Command>): Words {
  const after = new Map<string, string[]>();
  const withValue = new Set<string>();
  const add = (command: Command, path: string[]) => {
    const { commands, options } = flags.get(path.join(' ')) ?? command;
    const shown = commands.filter(
      (inner) =>
        !program
          .createHelp()
          .visibleCommands(command)
          .every((it) => it !== inner),
    );
    const visible = options.filter(({ hidden, long }) => !hidden && long);
    after.set(path.join(' '), [...shown.map((inner) => inner.name()), ...visible.map(({ long }) => long!), '--help']);
    for (const { long, required, optional } of visible) if (required || optional) withValue.add(long!);
    for (const inner of shown) add(inner, [...path, inner.name()]);
  };
  add(program, []);
  return { after, withValue: [...withValue] };
}

/** Arms of a case over what was found so far and the next word, which bash and zsh read alike. */
function steps({ after }: Words): string {
  const arms = [...after.keys()]
    .filter(Boolean)
    .map((path) => `      ${JSON.stringify(path.includes(' ') ? path : ` ${path}`)}) at=${JSON.stringify(path)} ;;`);
  return `    case "$at $word" in\n${arms.join('\n')}\n    esac`;
}

const bash = (words: Words) => `# flock-off: completion of commands and flags; a value is completed as a file.
_flock_off() {
  local current="\${COMP_WORDS[COMP_CWORD]}" at="" word
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    ${words.withValue.join('|')}) return ;;
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
${steps(words)}
  done
  case "$at" in
${[...words.after].map(([path, all]) => `    ${JSON.stringify(path)}) COMPREPLY=($(compgen -W ${JSON.stringify(all.join(' '))} -- "$current")) ;;`).join('\n')}
  esac
}
complete -o default -F _flock_off flock-off`;

const zsh = (words: Words) => `# flock-off: completion of commands and flags; a value is completed as a file.
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_flock_off() {
  local at="" word
  local -a offered
  case "$words[CURRENT-1]" in
    ${words.withValue.join('|')}) _files; return ;;
  esac
  for word in "\${(@)words[2,CURRENT-1]}"; do
${steps(words)}
  done
  case "$at" in
${[...words.after].map(([path, all]) => `    ${JSON.stringify(path)}) offered=(${all.join(' ')}) ;;`).join('\n')}
  esac
  compadd -a offered || _files
}
compdef _flock_off flock-off`;

const fish = ({ after, withValue }: Words) =>
  [
    '# flock-off: completion of commands and flags; a value is completed as a file.',
    ...[...after].flatMap(([path, all]) => {
      // "check" is a command, and one of "state" and "competition".
      const outer = [...after.keys()].filter((it) => it.endsWith(` ${path}`)).map((it) => it.split(' ')[0]);
      const seen =
        path === ''
          ? '__fish_use_subcommand'
          : [
              ...path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`),
              ...(outer.length > 0 ? [`not __fish_seen_subcommand_from ${outer.join(' ')}`] : []),
            ].join('; and ');
      return all.map((word) =>
        word.startsWith('--')
          ? `complete -c flock-off -n '${seen}' -l '${word.slice(2)}'${withValue.includes(word) ? ' -r' : ''}`
          : `complete -c flock-off -f -n '${seen}' -a '${word}'`,
      );
    }),
  ].join('\n');

const SCRIPTS: Record<Shell, (words: Words) => string> = { bash, zsh, fish };
