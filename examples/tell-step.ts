import type { PublishStep } from 'flock-off';

/** What a step has done, and what comes next. */
export function tellStep(step: PublishStep): { done: string | null; next: string | null } {
  switch (step.kind) {
    case 'checked':
      return {
        done: [
          `${step.rows} rows are valid (${step.bytes} bytes)`,
          ...step.warnings.map((one) => `warning: ${one}`),
        ].join('; '),
        next: 'looking at the hub',
      };
    case 'looked':
      return { done: tellVisibility(step), next: `uploading to ${step.repo}` };
    case 'exposed':
      return {
        done: `warning: ${step.repo} is public, so others can read the new data, and commit it, before your pointer is in a block; --fresh_repository publishes it in a repository of its own, which is private until then`,
        next: null,
      };
    case 'waiting':
      return {
        done: `the chain takes the next commitment at block ${step.untilBlock}, ${step.blocksLeft} to go`,
        next: `waiting for block ${step.untilBlock}`,
      };
    case 'uploaded':
      return { done: `uploaded to ${step.repo} at ${step.commit}`, next: 'committing the pointer' };
    case 'committed':
      return { done: `committed ${step.pointer} in block ${step.block}`, next: 'making the dataset public' };
    case 'hidden':
      return {
        done: `${step.repo} is not public yet: ${step.error.sentence} Validators wait for it until block ${step.untilBlock}; it is tried again.`,
        next: `making ${step.repo} public`,
      };
    case 'public':
      return {
        done: step.isLate
          ? `${step.repo} is public, in block ${step.block}: validators waited for it until block ${step.untilBlock}, and count it from the block in which they first read it`
          : `${step.repo} is public, in block ${step.block}`,
        next: null,
      };
  }
}

function tellVisibility({ repo, visibility }: { repo: string; visibility: string }): string | null {
  if (visibility === 'public') return null;
  const what = visibility === 'missing' ? `${repo} will be made, private` : `${repo} is private`;
  return `${what}; it becomes public, with all that is in it, once the pointer is in a block`;
}
