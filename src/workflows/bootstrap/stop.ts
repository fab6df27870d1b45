import type { Report } from '../../contract/report.js';

/** Fields of the report of a run that stops before its first write. */
export type Stop = Pick<Report, 'result' | 'reason' | 'remedy'> & {
  /** The reason in the reports of the entities. Short, because a run may have thousands of them. */
  readonly skipReason: string;
};
