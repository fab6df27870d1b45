import { createHash } from 'node:crypto';
import { entityWorkflowId } from '../../contract/workflow-ids.js';

/** Returns the ID of the only workflow that may write an entity. */
export function lockOf(account: string, entity: { readonly kind: string; readonly name: string }): string {
  return entityWorkflowId(account, entity, (text) => createHash('sha256').update(text).digest('hex'));
}
