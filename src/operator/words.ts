/**
 * Such as "40 s", "12 min", "3.5 h" and "4.0 days".
 * @example
 * durationText(720_000); // '12 min'
 */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6_000) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${(seconds / 3_600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`;
}

/**
 * Blocks with the time that they take, such as "230 blocks (46 min)".
 * @example
 * blocksText(230, 12_000); // '230 blocks (46 min)'
 */
export function blocksText(blocks: number, blockTimeMs: number): string {
  return `${blocks} ${blocks === 1 ? 'block' : 'blocks'} (${durationText(blocks * blockTimeMs)})`;
}

/**
 * The time of day here, such as "14:32"; with the date where that is another day than `nowMs`.
 * @example
 * clockText(Date.now() + 60_000, Date.now());
 */
export function clockText(ms: number, nowMs: number): string {
  const at = new Date(ms);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  const isToday = at.toDateString() === new Date(nowMs).toDateString();
  return isToday ? time : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

/**
 * Such as "3.1 GB".
 * @example
 * bytesText(3_100_000_000); // '3.1 GB'
 */
export function bytesText(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

const two = (number: number) => String(number).padStart(2, '0');
