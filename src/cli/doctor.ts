import { join } from 'node:path';
import { Command } from 'commander';
import type { MachineReport } from './machine-report.ts';

/** `flock-off doctor`: what this machine has, and what it lacks, for mining and validating. */
export function doctorCommand({ version }: { version: string }): Command {
  return new Command('doctor')
    .description('Say what this machine has: backends, CUDA devices, versions, token, wallets, disk, clock, limits.')
    .option('--data_dir <folder>', "the validator's", join('.flock-off', 'validator'))
    .option('--online', 'ask the chain how old its head is, and the hub what the token may do', false)
    .option('--subtensor.network <name>', 'with --online: finney, test, archive, local, or a URL', 'finney')
    .option('--subtensor.chain_endpoint <urls>', 'with --online: chain endpoints, with commas between')
    .option('--hf_repo_id <namespace/name>', "with --online: a miner's repository, that the token is to write")
    .option('--json', 'print the report as JSON', false)
    .action(async (flags: DoctorFlags) => {
      const { json, data_dir: dataDir } = flags;
      const endpoints = flags['subtensor.chain_endpoint']?.split(',');
      const { describeMachine } = await import('./machine-report.ts');
      const report = await describeMachine({
        version,
        cli: process.argv[1]!,
        env: process.env,
        workingFolder: process.cwd(),
        dataDir,
        online: flags.online ? { network: flags['subtensor.network'], endpoints, repo: flags.hf_repo_id } : null,
      });
      console.log(json ? JSON.stringify(report, null, 2) : reportText(report));
      if (!report.backends.some((backend) => backend.info)) process.exitCode = 1;
    });
}

interface DoctorFlags {
  json: boolean;
  data_dir: string;
  online: boolean;
  hf_repo_id?: string;
  'subtensor.network': string;
  'subtensor.chain_endpoint'?: string;
}

/** `flock-off probe`: what the doctor runs in a child process to try the backends, since one may crash it. */
export function probeCommand(): Command {
  return new Command('probe').description('Print the backends as JSON.').action(async () => {
    const { probeBackends } = await import('../trainer/engine/tensorflow.ts');
    console.log(JSON.stringify(await probeBackends()));
  });
}

/** `flock-off probe-operations`: runs the operations that training needs, in a child process whose log names their devices. */
export function probeOperationsCommand(): Command {
  return new Command('probe-operations').description('Run key operations and print them as JSON.').action(async () => {
    const [{ loadTensorFlow }, { probeOperations }] = await Promise.all([
      import('../trainer/engine/tensorflow.ts'),
      import('../trainer/engine/graph/probe-operations.ts'),
    ]);
    console.log(JSON.stringify(await probeOperations((await loadTensorFlow()).tf)));
  });
}

function reportText(report: MachineReport): string {
  const { system, backends, hubToken, hubTokenProblem, wallets, disk, packages } = report;
  const chosen = backends.find((backend) => backend.info);
  const sections: [string, string[]][] = [
    ['flock-off', [report.version]],
    ['Node', [`${system.node}, npm ${system.npm ?? 'not found'}`]],
    ['System', [`${system.os}, ${system.arch}, ${system.cpus} CPUs, ${gigabytes(system.memoryBytes)} of memory`]],
    [
      'Backends',
      backends.map(({ name, info, reason }) => {
        if (!info) return `  ${name}: ${reason}`;
        const library = info.libraryVersion
          ? `TensorFlow ${info.libraryVersion} on ${info.cuda ? 'CUDA' : 'the CPU'}, `
          : '';
        return `${name === chosen?.name ? '*' : ' '} ${name}: ${library}package ${info.packageVersion}`;
      }),
    ],
    ['CUDA', cudaLines(report)],
    ['Operations', operationLines(report)],
    ['HF_TOKEN', [hubTokenProblem ?? (hubToken ? `present (${hubToken})` : 'absent: uploading needs one')]],
    ['Wallets', [wallets.present ? wallets.folder : `none: ${wallets.folder} is not there`]],
    ['Disk', disk.map(({ folder, freeBytes }) => `${gigabytes(freeBytes)} free in ${folder}`)],
    ['Checks', report.checks.map(({ name, ok, told }) => `${MARKS[String(ok)]} ${name}: ${told}`)],
    ['Packages', Object.entries(packages).map(([name, version]) => `${name} ${version ?? 'not installed'}`)],
  ];
  return sections
    .flatMap(([title, lines]) => lines.map((line, i) => `${(i === 0 ? title : '').padEnd(10)} ${line}`))
    .concat(chosen ? [] : ['', 'No backend works: run "npx flock-off tensorflow".'])
    .join('\n');
}

const MARKS: Record<string, string> = { true: '+', false: '!', null: '?' };

function cudaLines({ backends, cudaDevices, cudaProblem }: MachineReport): string[] {
  const lines = cudaDevices.map(({ name, memory, driver, computeCapability }) =>
    [name, memory, `driver ${driver}`, ...(computeCapability ? [`compute capability ${computeCapability}`] : [])].join(
      ', ',
    ),
  );
  if (lines.length === 0) return ['no devices seen'];
  if (backends.some(({ info }) => info?.cuda)) return lines;
  return [...lines, `not used: ${cudaProblem ?? 'TensorFlow does not say why'}; run "npx flock-off tensorflow --gpu"`];
}

/** A line for each operation, with the device for each type. */
function operationLines({ operations, operationsProblem }: MachineReport): string[] {
  if (operationsProblem) return [`not tried: ${operationsProblem}`];
  const byName = new Map<string, string[]>();
  for (const { operation, dtype, device, problem } of operations) {
    const where = problem ? `does not run (${problem})` : (device ?? 'not known');
    byName.set(operation, [...(byName.get(operation) ?? []), `${dtype} ${where}`]);
  }
  return [...byName].map(([operation, places]) => `${operation.padEnd(NAME_WIDTH)} ${places.join(', ')}`);
}

/** Of the longest name. */
const NAME_WIDTH = 'StatelessRandomUniformFullIntV2'.length;

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
