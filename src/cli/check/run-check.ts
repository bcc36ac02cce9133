import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { readCompetitionFile } from '../../competition/rules-file.ts';
import { type Conversion, type ConversionProblem, convertFile } from '../../dataset/convert/convert-file.ts';
import { fingerprintRows } from '../../dataset/fingerprint/fingerprint-rows.ts';
import { loadEvaluationSet } from '../../dataset/load-rows.ts';
import { FlockOffError, isCode } from '../../errors/flock-off-error.ts';
import { EXIT, printFailure } from '../run-command-line.ts';
import { untilInterrupted } from '../until-interrupted.ts';
import { checkReport, type FileReport } from './check-report.ts';
import { conversionText, reportText } from './report-text.ts';
import { openTokenCounter } from './token-counter.ts';

export interface CheckFlags {
  file: string;
  convert?: string;
  leave_out: boolean;
  force: boolean;
  base_model?: string;
  eval_data?: string;
  competition_file?: string;
  all: boolean;
  json: boolean;
}

/** What `--json` prints. Fields may be added to a version; none is changed or removed. */
export interface CheckOutput {
  version: 1;
  /** Whether the exit code is 0. */
  good: boolean;
  /** `null` without `--convert`. */
  conversion: (Conversion & { from: string; to: string; list: ConversionProblem[] }) | null;
  /** `null` where nothing was written. */
  check: FileReport | null;
}

const SHOWN = 20;

/** Checks a file, or what is made of it, and prints what was found; sets the exit code and never throws. */
export async function runCheck(flags: CheckFlags): Promise<void> {
  // Who reads the output may leave.
  process.stdout.on('error', () => {});
  try {
    const output = await check(flags);
    print(output, flags);
    process.exitCode = output.good ? EXIT.good : EXIT.found;
  } catch (error) {
    process.exitCode = isCode(error, 'bad-argument') ? EXIT.usage : EXIT.unknown;
    printFailure(error);
  }
}

async function check(flags: CheckFlags): Promise<CheckOutput> {
  const { file, convert, all } = flags;
  // All that a flag may be wrong about, before any work.
  if (convert !== undefined) await requireTarget(file, convert, flags.force);
  const competition = await readCompetitionFile({ path: flags.competition_file });
  const counter = await openTokenCounter({ baseModel: flags.base_model, env: process.env });
  const evaluation = await evaluationPrint(flags.eval_data);
  const rules = { competition, counter, evaluation, all };
  if (convert === undefined) return output(null, await checkReport({ path: file, ...rules }));
  const list: ConversionProblem[] = [];
  const conversion = await untilInterrupted((signal) =>
    convertFile({
      ...{ path: file, to: convert, overwrite: flags.force, leaveOut: flags.leave_out, signal },
      onProblem: (problem) => {
        if (all || list.length < SHOWN) list.push(problem);
      },
    }),
  );
  const report = conversion.refusal === null ? await checkReport({ path: convert, ...rules }) : null;
  return output({ from: file, to: convert, ...conversion, list }, report);
}

function output(conversion: CheckOutput['conversion'], report: FileReport | null): CheckOutput {
  return { version: 1, good: report !== null && report.verdict === null, conversion, check: report };
}

function print({ conversion, check: report, ...output }: CheckOutput, { json, all }: CheckFlags): void {
  if (json) {
    console.log(JSON.stringify({ ...output, conversion, check: report }, null, 2));
    return;
  }
  const { stdout, env } = process;
  const colours = stdout.isTTY && !env.NO_COLOR && env.TERM !== 'dumb';
  const paint = (word: string, good: boolean) => (colours ? styleText(good ? 'green' : 'red', word) : word);
  const shown = { all, paint };
  const lines = [
    ...(conversion ? [...conversionText(conversion, { ...conversion, listed: conversion.list, ...shown }), ''] : []),
    ...(report ? reportText(report, shown) : []),
  ];
  console.log(lines.join('\n').trimEnd());
}

/** @throws FlockOffError `bad-argument` where a conversion would replace what it must not. */
async function requireTarget(from: string, to: string, force: boolean): Promise<void> {
  const [source, target] = await Promise.all([from, to].map((path) => stat(path, { bigint: true }).catch(() => null)));
  if (!target) return;
  const refuse = (what: string, fix: string) => {
    throw new FlockOffError({ code: 'bad-argument', what, fix, facts: { name: '--convert', value: to } });
  };
  if (!target.isFile()) refuse(`${to} is there and is no file`, 'name a file for --convert');
  if (source?.ino === target.ino && source.dev === target.dev)
    refuse(`${to} is the file that is to be converted`, 'name another file for --convert');
  if (!force) refuse(`${to} is there already`, 'name another file for --convert, or replace it with --force');
}

async function evaluationPrint(path: string | undefined): Promise<Uint8Array | null> {
  if (path === undefined) return null;
  const found = await stat(path).catch(() => null);
  const { rows } = await loadEvaluationSet({ path: found?.isDirectory() ? join(path, 'data.jsonl') : path });
  return fingerprintRows(rows);
}
