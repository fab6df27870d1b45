import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * True in the long form of `npm run chaos`, which runs every case. The short form of `npm test` runs a sample
 * that takes some minutes.
 */
export const LONG_FORM = process.env['IAM_BOOTSTRAP_CHAOS'] === 'long';

/** Cases of one fault at one place. */
export interface Trial {
  /** The fault: `the reply is lost`, `kill -9 of the worker`. */
  readonly fault: string;
  /** The place of the fault: an AWS operation, a process, a moment. */
  readonly at: string;
  /** The number of cases. */
  readonly cases: number;
  /** The number of cases in which every promise held. */
  readonly survived: number;
}

/** A measured value for the report. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  /** `calls`, `MB`, `s`, `events`. */
  readonly unit: string;
}

/** One chapter of `docs/reliability.md`. */
export interface Chapter {
  /** The file name of the result: `single-faults`. */
  readonly id: string;
  readonly title: string;
  /** What a case is, and when it survives, in one or two sentences. */
  readonly what: string;
  /** The command that repeats the cases. */
  readonly command: string;
  readonly trials: readonly Trial[];
  readonly figures?: readonly Figure[];
}

/** Counts trials, case by case. */
export class Tally {
  readonly #trials = new Map<string, { fault: string; at: string; cases: number; survived: number }>();

  count(fault: string, at: string, survived: boolean): void {
    const key = JSON.stringify([fault, at]);
    const trial = this.#trials.get(key) ?? { fault, at, cases: 0, survived: 0 };
    trial.cases += 1;
    if (survived) trial.survived += 1;
    this.#trials.set(key, trial);
  }

  get trials(): readonly Trial[] {
    return [...this.#trials.values()].sort((a, b) => a.fault.localeCompare(b.fault) || a.at.localeCompare(b.at));
  }
}

/**
 * Prints how many cases survived, and writes the chapter to the folder that `npm run chaos` names in
 * `IAM_BOOTSTRAP_RECORDS`. Call it even if cases failed.
 */
export async function record(chapter: Chapter): Promise<void> {
  const sum = (of: (trial: Trial) => number): number => chapter.trials.reduce((total, one) => total + of(one), 0);
  console.log(
    [
      `${chapter.title}: ${String(sum(({ survived }) => survived))} of ${String(sum(({ cases }) => cases))} cases survived`,
      ...(chapter.figures ?? []).map(({ what, value, unit }) => `  ${what}: ${String(value)} ${unit}`),
    ].join('\n'),
  );
  const folder = process.env['IAM_BOOTSTRAP_RECORDS'];
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${chapter.id}.json`), `${JSON.stringify(chapter, null, 2)}\n`);
}
