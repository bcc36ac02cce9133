/** Numbers as parts of their sum; all zeros stay zeros. Expects finite numbers from 0 on. */
export function proportions(numbers: readonly number[]): number[] {
  const sum = numbers.reduce((total, number) => total + number, 0);
  return numbers.map((number) => (sum > 0 ? number / sum : number));
}
