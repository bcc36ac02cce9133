/** Such as "12,345". */
export const whole = (value: number) => Math.round(value).toLocaleString('en');

/** Four digits behind the point, as losses are compared. */
export const lossText = (loss: number | null) => (loss === null ? '\u2013' : loss.toFixed(4));

/** Such as "12.3 %". */
export const percentText = (share: number) => {
  const percent = 100 * share;
  return percent > 0 && percent < 0.05 ? '<0.1 %' : `${percent.toFixed(1)} %`;
};

/** With its sign, and a real minus. */
export const changeText = (share: number) => `${share < 0 ? '\u2212' : '+'}${(100 * Math.abs(share)).toFixed(1)} %`;

/** Such as "28 Nov 2026, 14:32 UTC". */
export function timeText(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return 'at an unknown time';
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) (\d+:\d+)/.exec(date.toUTCString())!;
  return `${Number(day)} ${month} ${year}, ${time} UTC`;
}

/** The ends of an address. */
export const shortened = (text: string) => (text.length > 14 ? `${text.slice(0, 6)}\u2026${text.slice(-4)}` : text);

export const plural = (count: number, noun: string) => `${whole(count)} ${noun}${count === 1 ? '' : 's'}`;
