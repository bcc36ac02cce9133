// Makes this repository ready to run on a machine that has Node and npm, before anything is installed: right Node
// version, npm packages, TensorFlow. `npm start` and `npm test` run it first; when nothing is left to do it says
// which TensorFlow is used and takes a fraction of a second. Plain JavaScript, Node's own modules only.
import { spawn } from 'node:child_process';
import { readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const STAMP = join(ROOT, 'node_modules', '.flock-off-setup.json');

/** A failure that one sentence explains. */
class SetupError extends Error {}

try {
  checkNode();
  if (!packagesAreInstalled()) await installPackages();
  const tensorflow = readStamp() ?? (await prepareTensorFlow());
  if (tensorflow.warning) console.warn(tensorflow.warning);
  console.log(tensorflow.line);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24;
  if (supported) return;
  throw new SetupError(
    `flock-off needs Node 20.19 or later, 22.12 or later, or 24 and up; this is ${process.versions.node}. Install one from https://nodejs.org.`,
  );
}

/** npm writes its hidden lock file last, so a broken-off installation has none. */
function packagesAreInstalled() {
  const wanted = readJson(join(ROOT, 'package-lock.json'))?.packages ?? {};
  const installed = readJson(join(ROOT, 'node_modules', '.package-lock.json'))?.packages;
  if (!installed) return false;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || installed[path]?.version === version || (optional && !installed[path]),
  );
}

async function installPackages() {
  console.log('Installing the npm packages of package-lock.json');
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  // Under `npm start` the npm that runs is known; it is not on the PATH of every machine.
  const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const { code, output } = await run([...npm, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  if (code === 0) return;
  throw new SetupError(
    `npm ci failed (${npmReason(output)}). Check the route to the npm registry and the free disk space, then run this command again.`,
  );
}

/** npm's first line of explanation; the lines around it are codes, blanks and the place of its log. */
function npmReason(output) {
  const lines = output.split('\n').map((line) => line.replace(/^npm err\S*\s*/i, '').trim());
  const line = lines.find((line) => line && !/^(npm warn|code |errno |syscall |network (?!request))/i.test(line));
  // An address may have a user name and a password in it.
  return line?.replace(/(?<=\/\/)\S*@/g, '') ?? 'no reason given';
}

/** The TensorFlow found by an earlier run, unless its files, the Node version or the wishes have changed since. */
function readStamp() {
  const stamp = readJson(STAMP);
  return stamp?.wishes === wishes() && stamp.files.every(([path, seen]) => fingerprint(path) === seen) ? stamp : null;
}

async function prepareTensorFlow() {
  const script = join(ROOT, 'src', 'setup', 'prepare-tensorflow.ts');
  const { code, output } = await run([process.execPath, '--import', 'tsx', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (code !== 0) throw new SetupError('Set-up stopped: no TensorFlow works on this machine.');
  const { line, warning, files } = JSON.parse(output);
  const stamp = { wishes: wishes(), line, warning, files: files.map((path) => [path, fingerprint(path)]) };
  writeFileSync(STAMP, JSON.stringify(stamp, null, 2));
  return stamp;
}

function wishes() {
  const { FLOCK_OFF_TENSORFLOW = '', XDG_CACHE_HOME = '' } = process.env;
  return `Node ${process.version}, FLOCK_OFF_TENSORFLOW=${FLOCK_OFF_TENSORFLOW}, XDG_CACHE_HOME=${XDG_CACHE_HOME}`;
}

function fingerprint(path) {
  try {
    const { size, mtimeMs } = statSync(path);
    return `${realpathSync(path)} ${size} ${mtimeMs}`;
  } catch {
    return null;
  }
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * Runs a command in the repository; resolves with its exit code and everything it wrote to its pipes. It ends with
 * this process: Ctrl-C reaches both by itself, but a `kill` reaches only the one that it names.
 */
function run([command, ...args], { stdio }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio, shell: process.platform === 'win32' && command === 'npm' });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (output += text));
    const stop = () => child.kill();
    process.once('SIGTERM', stop);
    child.on('error', (error) => resolve({ code: 1, output: `${command}: ${error.message}` }));
    child.on('close', (code) => {
      process.off('SIGTERM', stop);
      resolve({ code, output });
    });
  });
}
