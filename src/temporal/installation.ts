import type { Client } from '@temporalio/client';
import { withDeadline } from './connect.js';

/** A Temporal namespace, as its server describes it. */
export interface TemporalNamespace {
  /** The ID of an installation of this tool, with its own locks and ledgers. Undefined where the server does not tell it. */
  readonly id: string | undefined;
  /** Time for which the server keeps closed runs. Null where it does not tell it. */
  readonly retentionMs: number | null;
}

/** Returns the namespace of a client. */
export async function readNamespace(client: Client): Promise<TemporalNamespace> {
  const { namespace } = client.options;
  const { namespaceInfo, config } = await withDeadline(client, () =>
    client.workflowService.describeNamespace({ namespace }),
  );
  const seconds = config?.workflowExecutionRetentionTtl?.seconds;
  return { id: namespaceInfo?.id ?? undefined, retentionMs: seconds == null ? null : Number(seconds) * 1_000 };
}

/** Returns a function that reads the ID of a client's namespace until it is known: a failed read is repeated later. */
export function installationOf(client: Client): () => Promise<string | undefined> {
  let known: string | undefined;
  return async () => {
    known ??= await readNamespace(client).then(
      ({ id }) => id,
      () => undefined,
    );
    return known;
  };
}
