import type { ConfigError } from '../../contract/user-facing-error.js';

/** The result of one check. */
export interface Check {
  readonly name: string;
  /** `warn` does not prevent an apply. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly remedy: string | null;
  /** The fix that `--fix` made, or null. */
  readonly fixed: string | null;
}

/** Reports that all is well. */
export function ok(name: string, message: string, fixed: string | null = null): Check {
  return { name, status: 'ok', message, remedy: null, fixed };
}

/** Reports a problem. */
export function problem(name: string, status: 'warn' | 'fail', message: string, remedy: string): Check {
  return { name, status, message, remedy, fixed: null };
}

/** Reports a mistake in the settings. */
export function configProblem(name: string, { message, remedy }: ConfigError): Check {
  return problem(name, 'fail', message, remedy ?? 'correct it');
}
