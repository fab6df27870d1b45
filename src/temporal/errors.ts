/**
 * Errors of the SDK are told apart by name and code: a command that needs no server must not load the SDK to get
 * their classes.
 */

/** gRPC status codes that callers tell apart. */
export const GrpcStatus = {
  Cancelled: 1,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  Unavailable: 14,
} as const;

/** Returns the gRPC status code of a failed call. Undefined where the error is not from gRPC. */
export function grpcStatusOf(error: unknown): number | undefined {
  const { cause, code } = (error ?? {}) as { readonly cause?: { readonly code?: number }; readonly code?: number };
  return cause?.code ?? code;
}

/** True where Temporal knows no such run, or the run has already closed. */
export function isWorkflowNotFound(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowNotFoundError';
}

/** True where the awaited run failed, was cancelled, was terminated or timed out. */
export function isWorkflowFailed(error: unknown): error is Error {
  return error instanceof Error && error.name === 'WorkflowFailedError';
}
