/** Returns a count with its noun: `1 run`, `2 runs`, `3 entities`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${String(count)} ${count === 1 ? singular : plural}`;
}
