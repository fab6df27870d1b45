import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Whether the long form was asked for, by `npm run chaos`: every case, where the short form of `npm test` takes a
 * sample that is as telling as minutes allow.
 */
export const LONG_FORM = process.env['IAM_BOOTSTRAP_CHAOS'] === 'long';

/** Cases of one fault at one place. */
export interface Trial {
  /** What was done to the system: `the reply is lost`, `kill -9 of the worker`. */
  readonly fault: string;
  /** Where: an AWS operation, a process, a moment. */
  readonly at: string;
  /** How many cases were run. */
  readonly cases: number;
  /** In how many of them every promise held. */
  readonly survived: number;
}

/** Something that was measured beside, as it is to stand in the report. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  /** `calls`, `MB`, `s`, `events`. */
  readonly unit: string;
}

/** One chapter of `docs/reliability.md`. */
export interface Chapter {
  /** File name of the record: `single-faults`. */
  readonly id: string;
  readonly title: string;
  /** What a case is, and what counts as survived, in a sentence or two. */
  readonly what: string;
  /** The command that repeats it. */
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
 * Prints how many cases survived, and keeps the chapter for `docs/reliability.md` where `npm run chaos` has named a
 * folder for it. To be called whether or not all survived.
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
