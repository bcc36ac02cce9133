import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { encodeWalletPassword, silentLogger, walletFiles, walletPasswordVariable } from 'flock-off';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askHidden } from '../../examples/ask-hidden.ts';
import { commonOptions, subnetCommand } from '../../examples/options.ts';
import { openWallet, passwordSource } from '../../examples/wallet.ts';
import { main as walletPassword } from '../../examples/wallet-password.ts';
import VECTORS from '../vectors/wallets/vectors.json' with { type: 'json' };

const { password } = VECTORS;
const ADDRESS = VECTORS.keyFiles['sr25519 phrase'].ss58Address;
let path: string;
let file: string;
let variable: string;
beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'flock-off-examples-wallet-'));
  file = walletFiles({ path }).hotkey;
  variable = walletPasswordVariable(file);
  await mkdir(join(path, 'default', 'hotkeys'), { recursive: true });
  await writeFile(file, VECTORS.ansibleVault, { mode: 0o600 });
});
afterAll(() => rm(path, { recursive: true, force: true }));

const options = () => ({
  ...commonOptions(subnetCommand('test', 'test').parse(['--wallet.path', path], { from: 'user' })),
  logger: silentLogger,
});

describe('the password of an encrypted hotkey', () => {
  test("comes from the variable of Bittensor's tools", async () => {
    process.env[variable] = encodeWalletPassword({ password, variable });
    try {
      expect((await openWallet(options())).address).toBe(ADDRESS);
      process.env[variable] = encodeWalletPassword({ password: 'wrong', variable });
      await expect(openWallet(options())).rejects.toMatchObject({
        code: 'wallet-password',
        message: expect.stringContaining(`does not open the key file ${file}. Check the password, and ${variable}`),
      });
      process.env[variable] = 'pässword 1';
      await expect(openWallet(options())).rejects.toThrow(`${variable} does not hold an encoded password`);
    } finally {
      delete process.env[variable];
    }
  });

  test('is asked for when the variable is not set, and again when it was wrong', async () => {
    const questions: string[] = [];
    const ask = async (question: string) => (questions.push(question) > 1 ? password : 'wrong');
    const source = passwordSource({ env: {}, ask });
    expect(await source({ file, variable, attempt: 1 })).toBe('wrong');
    expect(await source({ file, variable, attempt: 2 })).toBe(password);
    expect(questions).toEqual([`Password of ${file}: `, `That password does not open it. Password of ${file}: `]);
  });

  test('is not asked for when the variable is set, and not tried twice', async () => {
    const ask = () => expect.unreachable('asked');
    const source = passwordSource({ env: { [variable]: encodeWalletPassword({ password, variable }) }, ask });
    expect(await source({ file, variable, attempt: 1 })).toBe(password);
    expect(await source({ file, variable, attempt: 2 })).toBeNull();
  });

  test('can be made into the variable, once it is known to be right', async () => {
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    await walletPassword(['--wallet.path', path], undefined, print, async () => password);
    expect(lines).toEqual([`${variable}=${encodeWalletPassword({ password, variable })}`]);
    await expect(walletPassword(['--wallet.path', path], undefined, print, async () => 'wrong')).rejects.toThrow(
      'does not open',
    );
    await expect(walletPassword(['--wallet.path', path], undefined, print, async () => null)).rejects.toThrow(
      'no password was typed',
    );
    expect(lines).toHaveLength(1);
  });
});

describe('asking on a terminal', () => {
  function terminal() {
    const input = new PassThrough();
    const output = new PassThrough();
    return { input, output, shown: () => String(output.read() ?? '') };
  }

  test('shows the question, and nothing of what is typed', async () => {
    const { input, output, shown } = terminal();
    const asked = askHidden({ question: 'Password: ', input, output });
    input.write('pässwo');
    input.write('rd 1x\x7f \r');
    expect(await asked).toBe(password);
    expect(shown()).toBe('Password: \n');
  });

  test.each([
    ['Enter alone', '\r'],
    ['Ctrl-D', '\x04'],
  ])('%s gives up', async (_, keys) => {
    const { input, output } = terminal();
    const asked = askHidden({ question: 'Password: ', input, output });
    input.write(keys);
    expect(await asked).toBeNull();
  });

  test('an input that ends gives up', async () => {
    const { input, output } = terminal();
    const asked = askHidden({ question: 'Password: ', input, output });
    input.end();
    expect(await asked).toBeNull();
  });

  test('Ctrl-C and an abort end it', async () => {
    const first = terminal();
    const interrupted = askHidden({ question: 'Password: ', ...first });
    first.input.write('abc\x03');
    await expect(interrupted).rejects.toThrow('Stopped.');

    const second = terminal();
    const aborted = new AbortController();
    const waiting = askHidden({ question: 'Password: ', signal: aborted.signal, ...second });
    aborted.abort(new Error('Enough.'));
    await expect(waiting).rejects.toThrow('Enough.');
    await expect(askHidden({ question: 'Password: ', signal: aborted.signal, ...second })).rejects.toThrow('Enough.');
  });
});
