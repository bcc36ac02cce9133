import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { usePython } from './python.ts';

// Whatever this package tells people to run with `btcli` is there in the newest one.

const python = usePython('bittensor-11');
const ROOT = join(import.meta.dirname, '../..');

/** The commands that sources and documents name, without those that they say are of an earlier one. */
function commandsNamed(): string[] {
  const files = ['src', 'docs', 'examples'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|md)$/.test(file))
      .map((file) => join(folder, file)),
  );
  const texts = ['README.md', ...files].map((file) => readFileSync(join(ROOT, file), 'utf8'));
  // A template's constant in front of its options.
  const written = texts.map((text) => text.replaceAll(/\$\{REGEN\}/g, 'btcli wallet regen-hotkey'));
  const named = written.flatMap((text) => [...text.matchAll(/btcli [a-z]+ [a-z-]+[a-z](?: --[a-z-]+)*/g)]);
  return [...new Set(named.map(([command]) => command))].filter((command) => !command.endsWith('regen-hotkey --json'));
}

test('every command of btcli that is named here is one of its, with its options', async () => {
  const commands = commandsNamed();
  expect(commands).toContain('btcli wallet regen-hotkey --mnemonic');
  const options = new Map<string, string[]>();
  for (const command of commands) {
    const [, group, name, ...named] = command.split(' ');
    options.set(`${group} ${name}`, [...(options.get(`${group} ${name}`) ?? []), ...named]);
  }
  for (const [command, named] of options) {
    const help = [...command.split(' '), '--help'];
    const { code, output } = await python.run(help, { program: 'btcli', env: { COLUMNS: '200' } });
    expect([command, code], output).toEqual([command, 0]);
    for (const option of named) expect(output, command).toContain(option);
  }
}, 120_000);
