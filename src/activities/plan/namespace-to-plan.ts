import type { Snapshot } from '../../aws/inventory.js';
import type { Plan } from '../../contract/activities.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { namespacesOf } from '../../engine/ownership.js';
import type { Observed } from '../../kinds/kind.js';
import type { Ledgers } from '../ledger.js';
import type { Account } from '../runtime/accounts.js';
import { assertReadable, observeNamespace, type ObservedNamespace } from '../runtime/observe.js';
import { chooseIndexedTags, type ChangedEntities } from './indexed-tags.js';
import { NamespaceDeclarations } from './orphans.js';
import { Renames } from './renames.js';

/** A request with the orphans that it releases or removes, and what was read of all of them. */
export interface NamespaceToPlan {
  readonly request: BootstrapRequest;
  readonly observed: ReadonlyMap<string, Observed>;
  /** The entities that AWS refused to show, by `entityKey`. */
  readonly unread: ObservedNamespace['unread'];
  readonly declarations: NamespaceDeclarations;
  readonly renames: Renames;
  /** The parts of the plan that tell of orphans. */
  readonly orphans: Pick<Plan, 'released' | 'orphans' | 'otherManifests' | 'gone'>;
}

/** Reads the entities of a request, and finds the orphans of its namespace. */
export async function observeWithOrphans(
  account: Account,
  ledgers: Pick<Ledgers, 'declarations'>,
  entityRuns: ChangedEntities,
  request: BootstrapRequest,
): Promise<NamespaceToPlan> {
  const { namespace, entities, target } = request;
  const renames = new Renames(entities);
  const known = await ledgers.declarations(target.account, namespace);
  const declarations = new NamespaceDeclarations(request, known, renames);
  const isOurs: Snapshot['isOurs'] = (tags) => namespacesOf({ tags }).has(namespace);
  const { left } = declarations;
  const isReported = (request.orphans ?? 'report') === 'report';
  const { replaced } = declarations;
  const named = [...entities, ...renames.old, ...replaced];
  const mayHaveIndexedTags = await chooseIndexedTags(account, entityRuns, entities);
  const options = { isOurs, ...(mayHaveIndexedTags && { mayHaveIndexedTags }) };
  const read = isReported
    ? await observeNamespace(account, named, left, options)
    : await observeNamespace(account, [...named, ...left], [], options);
  assertReadable(isReported ? named : [...named, ...left], read);
  const found = await renames.follow(account, read);
  const gone = declarations.gone(found);
  const released = [...declarations.stillReplaced(found), ...(isReported ? [] : declarations.released(found))];
  return {
    request: { ...request, entities: [...entities, ...released] },
    observed: found.observed,
    unread: found.unread,
    declarations,
    renames,
    orphans: {
      ...listed('released', released),
      ...listed('orphans', isReported ? declarations.orphans(found) : []),
      ...listed('otherManifests', declarations.otherManifests),
      ...listed('gone', gone),
    },
  };
}

/** Returns a list under its name, or nothing where it is empty. */
function listed<K extends string, T>(name: K, list: readonly T[]): Partial<Record<K, readonly T[]>> {
  return (list.length === 0 ? {} : { [name]: list }) as Partial<Record<K, readonly T[]>>;
}
