/** Of each folder that is pruned: less than `--keep_gb` can say. */
export const KEEP_BYTES = 10_000_000;
