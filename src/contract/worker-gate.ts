/** The argument of the `workerGate` workflow, which the worker controller for Kubernetes starts on a new build. Default: `{}`. */
export interface WorkerGateRequest {
  /** Time for which failed checks are repeated, in seconds. */
  readonly waitSeconds?: number;
}

/** Time for which failed checks are repeated: a mounted file, a role and an association of it take minutes to be there. */
export const DEFAULT_GATE_WAIT_SECONDS = 300;

/** The longest wait. The controller gives the workflow one hour. */
export const MAX_GATE_WAIT_SECONDS = 3_000;

/** The result of one check of a worker. */
export interface WorkerCheck {
  readonly name: 'temporal' | 'search attributes' | 'guardrails' | 'aws credentials';
  /** `warn` does not stop a build. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly remedy: string | null;
}

/** The findings about the worker that took the task. */
export interface WorkerGateResult {
  readonly deployment: string | null;
  readonly build: string | null;
  readonly checks: readonly WorkerCheck[];
}

/** The activity of the gate. */
export interface WorkerGateActivities {
  checkWorker(): Promise<WorkerGateResult>;
}
