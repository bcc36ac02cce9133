import { runCommand } from '../../src/setup/run-command.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
export const CHROMIUM_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
];
/** Of the page's own clock, which runs ahead while nothing happens. */
const PAGE_TIME_MS = 60_000;

/** The command that starts a Chromium here, `null` where there is none. */
export async function findChromium(): Promise<string | null> {
  for (const command of NAMES) {
    const found = await runCommand({ command, args: ['--version'], timeoutMs: 30_000 }).catch(() => null);
    if (found?.code === 0) return command;
  }
  return null;
}

/** The page's HTML when its scripts have done their work. `folder`: for what the browser keeps. */
export async function dumpPage(command: string, url: string, folder: string): Promise<string> {
  const args = [
    ...CHROMIUM_FLAGS,
    `--user-data-dir=${folder}`,
    `--virtual-time-budget=${PAGE_TIME_MS}`,
    '--dump-dom',
    url,
  ];
  const { code, stdout, stderr } = await runCommand({ command, args, timeoutMs: 120_000 });
  if (code !== 0 || stdout === '') throw new Error(`${command} ended with ${code}: ${stderr.slice(-2_000)}`);
  return stdout;
}
