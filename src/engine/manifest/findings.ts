import { sortProblems, type Problem } from './problem.js';

/** The result for invalid manifests: all problems, sorted by position. */
export interface RefusedManifest {
  readonly ok: false;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Collects problems and warnings. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly report = (problem: Problem): void => {
    this.problems.push(problem);
  };
  readonly warn = (warning: Problem): void => {
    this.warnings.push(warning);
  };

  constructor(private readonly files: readonly string[]) {}

  refused(): RefusedManifest {
    return {
      ok: false,
      problems: sortProblems(this.problems, this.files),
      warnings: sortProblems(this.warnings, this.files),
    };
  }
}
