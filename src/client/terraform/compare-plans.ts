import type { Finding } from '../../contract/preflight.js';
import { findingOf, refusalIfPresent } from './findings.js';
import { entityOf, type Item, placeOf, type PlanItems } from './items.js';
import { importNotes } from './known-item.js';
import { byArn, byName, type ResourceType } from './resource-forms.js';

/** The resources of all plans, by what they stand for. */
interface Claims {
  readonly creates: ReadonlyMap<string, readonly Item[]>;
  readonly deletes: ReadonlyMap<string, readonly Item[]>;
  readonly forgets: ReadonlyMap<string, readonly Item[]>;
  readonly keeps: ReadonlyMap<string, readonly Item[]>;
}

/**
 * Finds what the plans alone show, without AWS: two resources that create the same thing, one that another plan has
 * already, and what a plan destroys and creates.
 *
 * @returns the findings, by the item that is created
 */
export function comparePlans(plans: readonly PlanItems[]): ReadonlyMap<Item, Finding> {
  const claims: Claims = {
    creates: byKey(plans.flatMap(({ creates }) => creates)),
    deletes: byKey(plans.flatMap(({ deletes }) => deletes)),
    forgets: byKey(plans.flatMap(({ forgets }) => forgets)),
    keeps: byKey(plans.flatMap(({ keeps }) => keeps)),
  };
  const findings = plans.flatMap(({ creates }) =>
    creates.flatMap((item) => {
      const finding = findInPlans(item, claims);
      return finding === undefined ? [] : [[item, finding] as const];
    }),
  );
  return new Map(findings);
}

function byKey(items: readonly Item[]): ReadonlyMap<string, readonly Item[]> {
  const map = new Map<string, Item[]>();
  for (const item of items) {
    if (item.key !== null) map.set(item.key, [...(map.get(item.key) ?? []), item]);
  }
  return map;
}

function findInPlans(item: Item, claims: Claims): Finding | undefined {
  const { creates, deletes, forgets, keeps } = claims;
  const { key, type } = item;
  if (key === null || type === undefined) return undefined;
  const others = (map: ReadonlyMap<string, readonly Item[]>): readonly Item[] =>
    (map.get(key) ?? []).filter((other) => other.change !== item.change);
  const [keeper] = others(keeps);
  const [first = item] = creates.get(key) ?? [];
  if (type.isShareable !== true) {
    if (keeper !== undefined) return managedTwice(item, keeper);
    // The first create is looked up as any other.
    if (first !== item) return createdTwice(item, first);
  }
  if ([deletes, forgets].some((map) => map.get(key)?.some((other) => other.change === item.change) === true)) {
    return replaced(item);
  }
  const [forgotten] = others(forgets);
  if (forgotten !== undefined && refusalIfPresent(item) !== null) return leftInAws(item, forgotten);
  const [deleter] = others(deletes);
  if (deleter === undefined) return undefined;
  if (deleter.isRename) return renamedAway(item, deleter);
  if (deleter.plan !== item.plan) return handedOver(item, deleter);
  return deleter.change.isDeposed ? deposed(item, deleter) : moved(item, deleter, isFirstCreate(item, claims));
}

function createdTwice(item: Item, other: Item): Finding {
  const isRefused = refusalIfPresent(item) !== null;
  const effect = isRefused
    ? 'AWS refuses the create that comes second'
    : 'the second overwrites what the first has written';
  return findingOf(item, {
    verdict: 'duplicate',
    error: refusalIfPresent(item),
    reason: `${placeOf(other, item)} ${other.isRename ? 'renames another one to' : 'creates'} ${nameOf(other)} as well: ${effect}`,
    remedy: 'keep one of both resources, or give them different names',
  });
}

function managedTwice(item: Item, other: Item): Finding {
  return findingOf(item, {
    verdict: 'duplicate',
    error: refusalIfPresent(item),
    reason: `${placeOf(other, item)} manages ${nameOf(other)} already`,
    remedy:
      other.plan === item.plan
        ? 'remove one of both resources, or give them different names'
        : `keep it in ${other.plan.file} and read it here with a data source, or take it out there with a removed block and import it here`,
  });
}

/** A create of what a plan takes out of its state and leaves in AWS, where it keeps its name. */
function leftInAws(item: Item, other: Item): Finding {
  const { subject, type } = item;
  const isAsItWas = subject?.name === other.subject?.name && subject?.path === other.subject?.path;
  const canImport = isAsItWas && !item.isRename;
  const kept = isAsItWas ? '' : ' with another path or in another case';
  return findingOf(item, {
    verdict: canImport ? 'import' : 'collision',
    error: refusalIfPresent(item),
    importId: canImport && type !== undefined ? plainImportId(type, other) : null,
    reason: `${placeOf(other, item)} is forgotten and stays in AWS${kept}, where it keeps the name`,
    remedy: canImport ? takeBack(item, other) : 'give it another name, or delete the one that is there first',
    notes: type === undefined ? [] : importNotes(type),
  });
}

/** Returns how to manage what a plan forgets at one address and creates at another. */
function takeBack(item: Item, other: Item): string {
  const imported = 'import it by an import block, or give it another name';
  const { address: from, type, isDeposed } = other.change;
  const { address: to } = item.change;
  if (item.plan !== other.plan || type !== item.change.type || !onlyDoes('create', item) || isDeposed) return imported;
  return `replace the removed block of ${from} by moved { from = ${from}, to = ${to} }; or ${imported}`;
}

/** Returns the import ID of an object of a state; null where that is neither its name nor its ARN. */
function plainImportId({ importId }: ResourceType, { subject, change: { before } }: Item): string | null {
  const { arn } = before;
  if (importId === byArn) return typeof arn === 'string' ? arn : null;
  return importId === byName ? (subject?.name ?? null) : null;
}

/** A replacement in place: the order of its two halves decides. */
function replaced(item: Item): Finding {
  const { actions } = item.change;
  const isCreatedFirst = actions.indexOf('create') < actions.findIndex((action) => action !== 'create');
  const error = isCreatedFirst ? refusalIfPresent(item) : null;
  if (error === null) {
    const order = isCreatedFirst
      ? 'the create comes first, and the delete may remove what it has written'
      : 'the delete comes first, so the name is free for the create';
    return findingOf(item, { verdict: 'recreate', reason: `the plan replaces it under the same name: ${order}` });
  }
  if (actions.includes('forget')) {
    return findingOf(item, {
      verdict: 'recreate',
      error,
      reason: 'the plan creates it anew and forgets the one that is there, which keeps the name',
      remedy: 'delete the one that is there, or give the new one another name',
    });
  }
  return findingOf(item, {
    verdict: 'recreate',
    error,
    reason: 'the plan replaces it under the same name, and the create comes before the delete',
    remedy: 'remove create_before_destroy, or use name_prefix or another name',
  });
}

/** Reports whether a create is the first one of its plan that makes a thing. A moved block has one target. */
function isFirstCreate(item: Item, { creates }: Claims): boolean {
  return creates.get(item.key ?? '')?.find(({ plan }) => plan === item.plan) === item;
}

/** Reports whether a change does nothing else. */
function onlyDoes(action: string, { change: { actions } }: Item): boolean {
  return actions.length === 1 && actions[0] === action;
}

/**
 * A deletion at one address, and a create at another one. Terraform orders them only where one depends on the other. It takes a
 * moved block only from an address that is gone from the configuration, to one that has no object yet.
 */
function moved(item: Item, other: Item, isFirst: boolean): Finding {
  const error = refusalIfPresent(item);
  const from = other.change.address;
  const isSameType = other.change.type === item.change.type;
  const isOneWay = onlyDoes('delete', other) && onlyDoes('create', item);
  const canMove = isSameType && isOneWay && isFirst;
  return findingOf(item, {
    verdict: 'recreate',
    error,
    movedFrom: canMove ? from : null,
    reason:
      error === null
        ? `the plan destroys it at ${from}, and may do so after this create: then it is gone`
        : `the plan destroys it at ${from}, and nothing makes Terraform do so before this create`,
    remedy: canMove
      ? `add a moved block from ${from}`
      : isSameType && !isOneWay
        ? `keep the addresses, as for_each does by key, or exchange them with \`terraform state mv\`: both addresses stay in use, so no moved block can`
        : `apply the removal of ${from} first`,
  });
}

/** A rename in place that frees the name. Terraform orders it only where one depends on the other. */
function renamedAway(item: Item, other: Item): Finding {
  const isSamePlan = other.plan === item.plan;
  return findingOf(item, {
    verdict: 'recreate',
    error: refusalIfPresent(item),
    reason: isSamePlan
      ? `the plan renames the one at ${other.change.address}, and nothing makes Terraform do so before`
      : `${placeOf(other, item)} renames the one that has the name, and until that is applied, it is taken`,
    remedy: isSamePlan ? 'apply that rename first, or choose another name' : `apply ${other.plan.file} first`,
  });
}

/** An object that an earlier apply has replaced and could not destroy: it is at no address that a block could move. */
function deposed(item: Item, other: Item): Finding {
  const { address } = other.change;
  return findingOf(item, {
    verdict: 'recreate',
    error: refusalIfPresent(item),
    reason: `the deposed object of ${address} keeps the name until it is destroyed, and nothing makes Terraform do so before this create`,
    remedy: 'delete the deposed object in AWS and plan again, or give the new one another name',
  });
}

function handedOver(item: Item, other: Item): Finding {
  return findingOf(item, {
    verdict: 'recreate',
    error: refusalIfPresent(item),
    reason: `${placeOf(other, item)} destroys it: until that is applied, the create meets it`,
    remedy: `apply ${other.plan.file} first; or keep the entity: take it out there with a removed block, and import it here`,
  });
}

function nameOf(item: Item): string {
  return entityOf(item) ?? item.change.type;
}
