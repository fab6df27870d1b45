import { ExitCode } from '../../contract/failures.js';
import { UserFacingError } from '../../contract/user-facing-error.js';

/** Reports that a schedule was not made, changed or found. */
export class ScheduleError extends UserFacingError {
  override readonly name = 'ScheduleError';
  override readonly exitCode: ExitCode;

  constructor(message: string, remedy: string | null, exitCode: ExitCode = ExitCode.Failed) {
    super(message, remedy);
    this.exitCode = exitCode;
  }
}

/** Returns the error for an ID that no schedule of this tool has. */
export function unknownSchedule(id: string): ScheduleError {
  return new ScheduleError(`there is no schedule ${id}`, 'see the IDs with `iam-bootstrap schedule list`');
}
