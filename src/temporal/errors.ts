import { ConfigError } from '../contract/user-facing-error.js';

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
  PermissionDenied: 7,
  Unavailable: 14,
  Unauthenticated: 16,
} as const;

/** Returns the gRPC status code of a failed call. Undefined where the error is not from gRPC. */
export function grpcStatusOf(error: unknown): number | undefined {
  const { cause, code } = (error ?? {}) as { readonly cause?: { readonly code?: number }; readonly code?: number };
  return cause?.code ?? code;
}

/**
 * Returns the mistake in the settings that a refused call shows: an unknown namespace, or credentials that the server
 * does not accept. Undefined for other errors.
 */
export function configErrorOf(error: unknown): ConfigError | undefined {
  const message = detailsOf(error);
  const namespace = /Namespace (?:(\S+) is not found|not found: '([^']+)')/.exec(message)?.slice(1).find(Boolean);
  if (namespace !== undefined) {
    return new ConfigError(
      `the Temporal server has no namespace ${namespace}`,
      `set TEMPORAL_NAMESPACE, or run \`temporal operator namespace create ${namespace}\``,
      { cause: error },
    );
  }
  const status = grpcStatusOf(error);
  if (status !== GrpcStatus.Unauthenticated && status !== GrpcStatus.PermissionDenied) return undefined;
  return new ConfigError(
    `the Temporal server refuses these credentials: ${message}`,
    'check TEMPORAL_API_KEY, or the client certificate, and what they may do in TEMPORAL_NAMESPACE',
    { cause: error },
  );
}

/** Returns the server's own words: a message of the SDK only names the call. */
function detailsOf(error: unknown): string {
  const { cause, details, message } = (error ?? {}) as { cause?: unknown; details?: unknown; message?: unknown };
  const own = cause === undefined ? '' : detailsOf(cause);
  if (own !== '') return own;
  return typeof details === 'string' ? details : typeof message === 'string' ? message : '';
}

/** True where Temporal knows no such run, or the run has already closed. */
export function isWorkflowNotFound(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowNotFoundError';
}

/** True where the awaited run failed, was cancelled, was terminated or timed out. */
export function isWorkflowFailed(error: unknown): error is Error {
  return error instanceof Error && error.name === 'WorkflowFailedError';
}
