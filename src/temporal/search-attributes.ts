import type { Client, Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.js';
import { withDeadline } from './connect.js';
import { readNamespace } from './installation.js';

/** Returns the search attributes that the namespace of a client lacks. */
export async function missingSearchAttributes(
  client: Client,
  { operatorService }: Pick<Connection, 'operatorService'>,
): Promise<(typeof SEARCH_ATTRIBUTES)[number][]> {
  const { namespace } = client.options;
  const { customAttributes } = await withDeadline(client, () => operatorService.listSearchAttributes({ namespace }));
  return SEARCH_ATTRIBUTES.filter(({ name }) => !Object.hasOwn(customAttributes, name));
}

/** Returns the checks of a namespace that a worker makes by its own connection. */
export function namespaceChecks(
  client: Client,
  connection: Pick<Connection, 'operatorService'>,
): { readonly readNamespace: () => Promise<unknown>; readonly missingSearchAttributes: () => Promise<string[]> } {
  return {
    readNamespace: () => readNamespace(client),
    missingSearchAttributes: async () => (await missingSearchAttributes(client, connection)).map(({ name }) => name),
  };
}
