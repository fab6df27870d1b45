import type { Client } from '@temporalio/client';
import { withDeadline } from './connect.js';

/**
 * Returns the ID of a client's Temporal namespace: one installation of this tool, with its own locks and ledgers.
 * Undefined where the server does not tell it.
 */
export async function readInstallation(client: Client): Promise<string | undefined> {
  const { namespace } = client.options;
  try {
    const { namespaceInfo } = await withDeadline(client, () => client.workflowService.describeNamespace({ namespace }));
    return namespaceInfo?.id ?? undefined;
  } catch {
    return undefined;
  }
}
