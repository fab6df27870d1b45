import { Limit, type SourceOffset } from '../../engine/manifest/tree.js';

type Refuse = (at: SourceOffset, path: readonly PropertyKey[], message: string, remedy: string) => void;

/** Evaluations inside of each other: more than any real template has, fewer than the stack can take. */
const MAX_DEPTH = 500;

/** Characters that functions may write in all. */
const MAX_CHARACTERS = 10 * Limit.Characters;

/** Limits what a template may need to be evaluated: its functions can refer to each other, and repeat values. */
export class Budget {
  private depth = 0;
  private values: number = Limit.Values;
  private characters = MAX_CHARACTERS;
  private isSpent = false;

  constructor(private readonly refuse: Refuse) {}

  /** Runs an evaluation, which may be inside of others. Undefined where there are too many. */
  within<T>(at: SourceOffset, path: readonly PropertyKey[], evaluate: () => T): T | undefined {
    if (--this.values < 0) this.spent(at, path, tooMany(`${String(Limit.Values)} values`));
    if (this.depth >= MAX_DEPTH) {
      const message = `conditions, names and mappings refer to each other, more than ${String(MAX_DEPTH)} in a row`;
      this.spent(at, path, message);
    }
    if (this.isSpent) return undefined;
    this.depth++;
    const value = evaluate();
    this.depth--;
    return value;
  }

  /** Returns whether functions may write so many characters more. */
  take(characters: number, at: SourceOffset, path: readonly PropertyKey[]): boolean {
    this.characters -= characters;
    if (this.characters < 0) this.spent(at, path, tooMany(`${String(MAX_CHARACTERS)} characters`));
    return !this.isSpent;
  }

  /** Ends the evaluation: what follows would only be consequences. */
  private spent(at: SourceOffset, path: readonly PropertyKey[], message: string): void {
    if (this.isSpent) return;
    this.isSpent = true;
    this.refuse(at, path, message, 'write values out, or split the template');
  }
}

function tooMany(what: string): string {
  return `the functions of the template give more than ${what} in all`;
}
