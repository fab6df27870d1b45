/**
 * Patterns with `*` for any text and `?` for one character. They are compared by tables and not by regular expressions,
 * because some of them come from hostile documents.
 */

/** One part of a pattern: a character, or a wildcard. */
type Token = { readonly wildcard: '*' | '?' } | { readonly character: string };

/** A pattern that is ready to compare. */
export type Pattern = readonly Token[];

/** Longer patterns are not compared: nobody writes them, and the work grows with the product of two lengths. */
const MAX_PATTERN_LENGTH = 1_000;

/** Returns the pattern of a text. */
export function patternOf(text: string): Pattern {
  return Array.from(text, (character) =>
    character === '*' || character === '?' ? { wildcard: character } : { character },
  );
}

/** Returns a pattern that matches a text and nothing else, wildcards in it included. */
export function literalOf(text: string): Pattern {
  return Array.from(text, (character) => ({ character }));
}

/** Lower-cases ASCII letters only: Unicode folding would take the Kelvin sign for a k. */
export function foldCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Reports whether one pattern matches everything that another one matches. Where that is unknown, it does not. */
export function covers(outer: Pattern, inner: Pattern): boolean {
  if (isTooLong(outer) || isTooLong(inner)) return false;
  return compare(outer, inner, {
    isSkippable: () => false,
    areAlike: (a, b) =>
      isWildcard(a, '?') ? !isWildcard(b, '*') : 'character' in a && 'character' in b && a.character === b.character,
  });
}

/** Reports whether some text matches both patterns. Where that is unknown, one does. */
export function overlap(a: Pattern, b: Pattern): boolean {
  if (isTooLong(a) || isTooLong(b)) return true;
  return compare(a, b, {
    isSkippable: (token) => isWildcard(token, '*'),
    areAlike: (x, y) => !('character' in x && 'character' in y) || x.character === y.character,
  });
}

function isTooLong(pattern: Pattern): boolean {
  return pattern.length > MAX_PATTERN_LENGTH;
}

function isWildcard(token: Token | undefined, wildcard: '*' | '?'): boolean {
  return token !== undefined && 'wildcard' in token && token.wildcard === wildcard;
}

interface Comparison {
  /** Reports whether a token of the second pattern may stand for any number of tokens of the first. */
  readonly isSkippable: (token: Token | undefined) => boolean;
  readonly areAlike: (a: Token, b: Token) => boolean;
}

/** Walks both patterns from their ends. `row[j]` tells whether the rest of `a` goes with the rest of `b` from `j` on. */
function compare(a: Pattern, b: Pattern, comparison: Comparison): boolean {
  let below: boolean[] = [];
  for (let i = a.length; i >= 0; i -= 1) {
    const row: boolean[] = [];
    for (let j = b.length; j >= 0; j -= 1) {
      const next = { right: row[j + 1] === true, left: below[j] === true, both: below[j + 1] === true };
      row[j] = doRestsMatch(a[i], b[j], next, comparison);
    }
    below = row;
  }
  return below[0] === true;
}

/** Reports whether two rests match, by their first tokens and by the rests without one of them or without both. */
function doRestsMatch(
  left: Token | undefined,
  right: Token | undefined,
  next: { readonly right: boolean; readonly left: boolean; readonly both: boolean },
  { isSkippable, areAlike }: Comparison,
): boolean {
  if (left === undefined && right === undefined) return true;
  const isStar = isWildcard(left, '*');
  if (isStar && (next.left || next.right)) return true;
  if (isSkippable(right) && (next.right || next.left)) return true;
  if (left === undefined || right === undefined || isStar || isSkippable(right)) return false;
  return next.both && areAlike(left, right);
}
