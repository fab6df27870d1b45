/** Returns the link to the page of a run in the Temporal UI. Null where no UI is known. */
export type RunUrl = (workflowId: string, runId: string) => string | null;

/** A namespace of a Temporal server. */
interface ServerNamespace {
  readonly address: string;
  readonly namespace: string;
}

/**
 * Returns a function that links to runs.
 *
 * @param ui - the address of the Temporal UI. Default: that of a dev server on this machine
 * @param server - the address of Temporal, and its namespace
 */
export function runUrlIn(ui: string | undefined, server: ServerNamespace): RunUrl {
  const base = (ui ?? devServerUi(server.address))?.replace(/\/$/, '');
  return (workflowId, runId) =>
    base === undefined
      ? null
      : `${base}/namespaces/${encodeURIComponent(server.namespace)}/workflows/${encodePathSegment(workflowId)}/${runId}/user-metadata`;
}

/** Encodes a path segment and keeps its colons, which are legal there: people read these links. */
function encodePathSegment(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':');
}

/** Returns the UI of a dev server on this machine, which listens 1000 ports above its gRPC port. */
function devServerUi(address: string): string | undefined {
  const match = /^(localhost|127\.0\.0\.1):(\d+)$/.exec(address);
  return match === null ? undefined : `http://${match[1] ?? ''}:${String(Number(match[2]) + 1000)}`;
}
