import { createHash } from 'node:crypto';

/** Characters of a long value that a report shows. Its length and digest follow, so that two values look different. */
const MAX_SHOWN_LENGTH = 250;

/** Cuts a long text for a report, and adds its length and digest. */
export function truncateWithDigest(text: string): string {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return `${text.slice(0, MAX_SHOWN_LENGTH)}… (${String(text.length)} characters, sha256 ${digest})`;
}

/** Returns text of at most this many characters; an ellipsis shows where it was cut. */
export function truncate(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}

/** Longer names and longer lists would take more time than a suggestion saves. */
const MAX_NAME_LENGTH = 200;
const MAX_CANDIDATES = 2000;

/**
 * Returns the candidate that was most likely meant. Undefined if none is within `maxDistance` typing errors, which are a
 * third of the name by default, and at least two.
 */
export function nearest(
  name: string,
  candidates: Iterable<string>,
  maxDistance = Math.max(2, Math.floor(name.length / 3)),
): string | undefined {
  if (name.length > MAX_NAME_LENGTH) return undefined;
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = maxDistance + 1;
  let count = 0;
  for (const candidate of candidates) {
    if (++count > MAX_CANDIDATES) break;
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance && distance < Math.max(name.length, candidate.length)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Returns `did you mean X?`; if nothing is close, the given advice and the names to choose from. */
export function suggestion(name: string, candidates: readonly string[], otherwise: string): string {
  const meant = nearest(name, candidates);
  if (meant !== undefined) return `did you mean ${meant}?`;
  if (candidates.length === 0) return otherwise;
  const shown = candidates.slice(0, 20).join(', ');
  return `${otherwise}; known are ${shown}${candidates.length > 20 ? ', …' : ''}`;
}

/** Counts the insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let smallest = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        smallest = Math.min(smallest, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(smallest);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
