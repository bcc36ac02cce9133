import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FlockOffError, HubRequests, ValidatorMetrics, ValidatorWatch } from 'flock-off';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runCommand } from '../../src/setup/run-command.ts';
import { finished, HOTKEY, manualClock, training } from './watched.ts';

const FOLDER = new URL('../../docs/monitoring/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, FOLDER), 'utf8');
const here = (name: string) => fileURLToPath(new URL(name, FOLDER));

let text: string;
/** Before anything has happened. */
let atStart: string;
/** Labels by series, of all that a validator exports once everything has happened to it. */
let exported: Map<string, Set<string>>;
beforeAll(async () => {
  const watch = new ValidatorWatch({ netuid: 7, competition: '1', hotkey: HOTKEY, clock: manualClock() });
  const disk = { folders: [{ name: 'reports', path: '', bytes: 1, files: 1, freeBytes: 1 }] };
  const metrics = await ValidatorMetrics.open({
    watch,
    disk,
    hub: new HubRequests(),
    pendingReveals: { list: async () => [] },
  });
  atStart = await metrics.text();
  watch.onEvent(finished(3));
  watch.onEvent({ kind: 'drawn', epochSeed: 5, hotkeys: ['a'], block: 360, resumed: false });
  watch.onEvent({ kind: 'fetching', uid: 1, repo: 'a/b' });
  watch.onEvent({ kind: 'fetched', uid: 1, bytes: 500, downloaded: true });
  watch.onEvent({ kind: 'scoring', uids: [1] });
  watch.onEvent(training(2, 1));
  const verdict = { reason: 'no-labels', message: '' } as never;
  watch.onEvent({ kind: 'settled', uid: 1, outcome: { kind: 'rejected', verdict } });
  watch.onEvent({ kind: 'settled', uid: 3, outcome: { kind: 'postponed', by: 'hub', message: '' } });
  watch.onEvent({ kind: 'interrupted', error: new FlockOffError({ code: 'timeout', what: 'x' }), delayMs: 1 });
  watch.onEvent(training(2, 1));
  text = await metrics.text();
  metrics.close();
  exported = new Map();
  for (const [, name, labels = ''] of text.matchAll(/^([a-z]\w+)(?:\{(.*)\})? \S+$/gm)) {
    const known = exported.get(name!) ?? new Set();
    for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label!);
    exported.set(name!, known);
  }
});

interface Target {
  expr: string;
  legendFormat: string;
}
const dashboard = JSON.parse(read('dashboard.json')) as { panels: { title: string; targets: Target[] }[] };
interface Alert {
  alert: string;
  expr: string;
  annotations: { summary: string };
}
const alerts = (parse(read('alerts.yml')) as { groups: { rules: Alert[] }[] }).groups.flatMap(({ rules }) => rules);
const expressions = [
  ...alerts.map(({ alert, expr }) => [alert, expr, ''] as const),
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat }) => [title, expr, legendFormat] as const),
  ),
];

test('alerts and dashboard ask for series and labels that are exported, and nothing else', () => {
  expect(expressions.length).toBeGreaterThan(40);
  for (const [where, expr, legend] of expressions) {
    const series = [...expr.matchAll(/\b((?:flock_off|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)];
    expect(series.length, where).toBeGreaterThan(0);
    for (const [, name = '', selector = ''] of series) {
      const labels = exported.get(name);
      expect(labels, `${where}: ${name}`).toBeDefined();
      const asked = [...selector.matchAll(/(\w+)=/g), ...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
      // Prometheus adds these; what is in a legend may be of one of several series.
      const all = new Set([
        ...labels!,
        'job',
        'instance',
        ...series.flatMap(([, one = '']) => [...(exported.get(one) ?? [])]),
      ]);
      for (const label of asked) if (label !== 'hotkey') expect([...all], `${where}: ${name}`).toContain(label);
    }
  }
});

test('values of labels that alerts select are ones that there are', () => {
  for (const { expr } of alerts)
    for (const [, outcome] of expr.matchAll(/outcome="(\w+)"/g))
      expect(text).toContain(`flock_off_miners{outcome="${outcome}",`);
});

test('alerts of what is of one competition name it', () => {
  for (const { alert, expr, annotations } of alerts) {
    const series = [...expr.matchAll(/\bflock_off_\w+/g)].map(([name]) => name);
    // What runs is of all of them.
    const isOfOne = series.some((name) => name !== 'flock_off_info' && exported.get(name)?.has('competition'));
    expect(annotations.summary.includes('$labels.competition'), alert).toBe(isOfOne);
  }
});

test('the first loss of the device is seen: its series begin with 0', () => {
  const { expr } = alerts.find(({ alert }) => alert === 'FlockOffDeviceLost')!;
  const [, codes = ''] = /code=~"(.*)"/.exec(expr)!;
  for (const code of codes.split('|'))
    expect(atStart).toContain(`flock_off_interruptions_total{code="${code}",competition="1"} 0\n`);
});

test('the guide lists every series of ours with its labels and what it is', () => {
  const told = [...read('README.md').matchAll(/^\| `(flock_off_\w+)` \| (\w+) \| (.*?) \| (.*) \|$/gm)].map((match) =>
    match.slice(1, 5),
  );
  const helps = [...text.matchAll(/^# HELP (flock_off_\w+) (.*)\n# TYPE \S+ (\w+)$/gm)];
  const all = helps.map(([, name = '', help, type]) => {
    const labels = exported.get(name) ?? exported.get(`${name}_sum`) ?? new Set();
    return [name, type, [...labels].map((label) => `\`${label}\``).join(', '), help];
  });
  expect(told.sort()).toEqual(all.sort());
});

const promtool = await runCommand({ command: 'promtool', args: ['--version'], timeoutMs: 20_000 }).catch(() => null);
const isThere = promtool?.code === 0;
if (!isThere) console.log('skipped: no promtool here (Debian: apt-get install prometheus), so the rules are not run');

test.skipIf(!isThere)('promtool accepts the rules, and they fire where they should', async () => {
  const check = await runCommand({
    command: 'promtool',
    args: ['check', 'rules', here('alerts.yml')],
    timeoutMs: 20_000,
  });
  expect(check).toMatchObject({ code: 0, stdout: expect.stringContaining(`SUCCESS: ${alerts.length} rules found`) });
  const cases = fileURLToPath(new URL('./alerts.promtool.yml', import.meta.url));
  const run = await runCommand({ command: 'promtool', args: ['test', 'rules', cases], timeoutMs: 60_000 });
  expect(run.stdout + run.stderr).toContain('SUCCESS');
  expect(run.code).toBe(0);
});

test.skipIf(!isThere)('promtool reads what is exported', async () => {
  const { spawnSync } = await import('node:child_process');
  const ours = text.split('\n').filter((line) => /^(# \w+ )?flock_off_/.test(line));
  const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: `${ours.join('\n')}\n`,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
});
