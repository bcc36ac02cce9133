import { FlockOffError, ValidatorMetrics, ValidatorWatch } from 'flock-off';
import { expect, test } from 'vitest';
import { finished, HOTKEY, manualClock, subnetOf, training } from './watched.ts';

async function start() {
  const clock = manualClock();
  const watch = new ValidatorWatch({ netuid: 7, competition: '1', hotkey: HOTKEY, clock });
  const disk = { folders: [{ name: 'reports', path: 'x', bytes: 10, files: 1, freeBytes: 20 }] };
  const metrics = await ValidatorMetrics.open({ watch, disk, pendingReveals: { list: async () => [1] }, clock });
  return { clock, watch, metrics };
}

/** Of the only competition, where it has a label of it. */
const sample = (text: string, series: string) =>
  new RegExp(`^flock_off_${series}(?:\\{competition="1"\\})? (\\S+)$`, 'm').exec(text)?.[1];

test('an epoch is counted and timed, phase by phase', async () => {
  const { clock, watch, metrics } = await start();
  watch.onEvent({ kind: 'drawn', epochSeed: 5, hotkeys: ['a'], block: 360, resumed: false });
  watch.onEvent({ kind: 'fetching', uid: 1, repo: 'a/b' });
  clock.pass(2_000);
  watch.onEvent({ kind: 'fetched', uid: 1, bytes: 500, downloaded: true });
  watch.onEvent({ kind: 'scoring', uids: [1, 2] });
  watch.onEvent(training(1, 1));
  clock.pass(30_000);
  watch.onEvent(training(1, 50));
  const during = await metrics.text();
  expect(sample(during, 'queue_left')).toBe('2');
  expect(sample(during, 'training_progress_ratio')).toBe('0.5');
  expect(sample(during, 'training_loss')).toBe('1.25');
  watch.onEvent({ kind: 'evaluating', uid: 1, progress: { rowsDone: 1, rows: 10 } });
  clock.pass(4_000);
  watch.onEvent({ kind: 'settled', uid: 1, outcome: { kind: 'scored', lossNatsPerToken: 1 } });
  watch.onEvent({ kind: 'settled', uid: 2, outcome: { kind: 'postponed', by: 'trainer', message: '' } });
  watch.onEvent(finished(3));
  const text = await metrics.text();
  expect(text).toContain('flock_off_phase_duration_seconds_sum{phase="download",competition="1"} 2\n');
  expect(text).toContain('flock_off_phase_duration_seconds_sum{phase="training",competition="1"} 30\n');
  expect(text).toContain('flock_off_phase_duration_seconds_sum{phase="evaluation",competition="1"} 4\n');
  expect(text).toContain('flock_off_postponements_total{by="trainer",competition="1"} 1\n');
  expect(text).toContain('flock_off_miners{outcome="scored",competition="1"} 1\n');
  expect(text).toContain('flock_off_miner_loss{uid="1",competition="1"} 1\n');
  expect(text).toContain('flock_off_folder_bytes{folder="reports"} 10\n');
  expect(text).toContain('flock_off_disk_free_bytes{folder="reports"} 20\n');
  expect(sample(text, 'hub_downloaded_bytes_total')).toBe('500');
  expect(sample(text, 'epoch_duration_seconds_sum')).toBe('90');
  expect(sample(text, 'weights_sent_total')).toBe('1');
  expect(sample(text, 'validator_trust')).toBe('0.9');
  expect(sample(text, 'last_weights_block')).toBe('410');
  expect(sample(text, 'pending_reveals')).toBe('1');
  metrics.close();
});

test('what is not known has no value, and a miner who is gone has none any more', async () => {
  const { watch, metrics } = await start();
  const before = await metrics.text();
  for (const series of ['chain_block', 'validator_trust', 'last_weights_timestamp_seconds', 'queue_left'])
    expect(sample(before, series)).toBeUndefined();
  watch.onEvent(finished(4));
  expect(await metrics.text()).toContain('flock_off_miner_weight{uid="4",');
  watch.onEvent(finished(3));
  expect(await metrics.text()).not.toContain('uid="4"');
  metrics.close();
});

test('of several competitions each has series of its own, by its label', async () => {
  const clock = manualClock();
  const watch = new ValidatorWatch({ netuid: 7, competition: ['chat', 'code'], hotkey: HOTKEY, clock });
  const metrics = await ValidatorMetrics.open({ watch, clock });
  const [chat, code] = ['chat', 'code'].map((id) => watch.onEventOf(id)) as [
    typeof watch.onEvent,
    typeof watch.onEvent,
  ];
  chat(finished(3));
  code({ kind: 'drawn', epochSeed: 5, hotkeys: ['a'], block: 720, resumed: false });
  // The same uid in both, at the same time.
  code({ kind: 'fetching', uid: 1, repo: 'a/b' });
  chat({ kind: 'fetching', uid: 1, repo: 'a/b' });
  clock.pass(2_000);
  code({ kind: 'fetched', uid: 1, bytes: 500, downloaded: true });
  clock.pass(3_000);
  chat({ kind: 'fetched', uid: 1, bytes: 500, downloaded: true });
  const away = new FlockOffError({ code: 'chain-unreachable', what: 'x' });
  chat({ kind: 'interrupted', error: away, delayMs: 1, ofAll: true });
  expect((await metrics.text()).match(/^flock_off_interrupted\S+ 1$/gm)).toHaveLength(2);
  chat({ kind: 'drawn', epochSeed: 5, hotkeys: ['a'], block: 720, resumed: false });
  code({ kind: 'interrupted', error: new FlockOffError({ code: 'timeout', what: 'x' }), delayMs: 1 });
  const text = await metrics.text();
  for (const line of [
    'epochs_total{competition="chat"} 1',
    'epochs_total{competition="code"} 0',
    'epoch_running{competition="code"} 1',
    'epoch_start_block{competition="code"} 720',
    'miner_loss{uid="1",competition="chat"} 1',
    'interrupted{competition="chat"} 0',
    'interrupted{competition="code"} 1',
    'phase_duration_seconds_sum{phase="download",competition="chat"} 5',
    'phase_duration_seconds_sum{phase="download",competition="code"} 2',
    'epoch_duration_seconds_sum{competition="chat"} 90',
    'interruptions_total{code="timeout",competition="code"} 1',
    // None of one competition: alerts name none.
    'interruptions_total{code="chain-unreachable",competition=""} 1',
    'interruptions_total{code="trainer-failed",competition=""} 0',
    'ready 0',
  ])
    expect(text).toContain(`flock_off_${line}\n`);
  metrics.close();
});

test('faults are counted by their code', async () => {
  const { watch, metrics } = await start();
  const error = new FlockOffError({ code: 'trainer-failed', what: 'it is lost' });
  watch.onEvent({ kind: 'interrupted', error, delayMs: 1 });
  watch.chainFailed(new Error('away'));
  const text = await metrics.text();
  expect(text).toContain('flock_off_interruptions_total{code="trainer-failed",competition="1"} 1\n');
  expect(sample(text, 'chain_faults_total')).toBe('1');
  expect(sample(text, 'interrupted')).toBe('1');
  metrics.close();
});

test('a week of epochs leaves as many series as two, and no more to be kept', async () => {
  const { clock, watch, metrics } = await start();
  const epoch = async (block: number) => {
    watch.onEvent({ kind: 'drawn', epochSeed: 5, hotkeys: ['a'], block, resumed: false });
    for (let uid = 1; uid <= 32; uid++) {
      watch.onEvent(training(uid, 1));
      watch.onEvent({ kind: 'settled', uid, outcome: { kind: 'scored', lossNatsPerToken: 1 } });
    }
    watch.onEvent(finished(256));
    clock.pass(4_320_000);
    return (await metrics.text()).split('\n').filter((line) => line.startsWith('flock_off')).length;
  };
  await epoch(0);
  const series = await epoch(360);
  const snapshot = JSON.stringify(watch.snapshot()).length;
  let after = 0;
  for (let i = 2; i < 140; i++) after = await epoch(360 * i);
  expect(after).toBe(series);
  // Blocks and counts have more digits.
  expect(JSON.stringify(watch.snapshot()).length - snapshot).toBeLessThan(100);
  expect(watch.snapshot().totals.epochs).toBe(140);
  metrics.close();
});

test('a scrape with 256 miners takes under 20 ms of the processor', async () => {
  const { watch, metrics } = await start();
  watch.sawSubnet(subnetOf(256));
  watch.onEvent(finished(256));
  for (let i = 0; i < 10; i++) await metrics.text();
  const times: number[] = [];
  for (let i = 0; i < 30; i++) {
    const begun = process.cpuUsage();
    await metrics.text();
    const { user, system } = process.cpuUsage(begun);
    times.push((user + system) / 1000);
  }
  // The median: garbage of other tests is collected meanwhile.
  expect(times.sort((a, b) => a - b)[15]).toBeLessThan(20);
  metrics.close();
});
