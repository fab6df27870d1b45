import { entityId, entityKey, type JsonObject, type Target } from '../../contract/entity.js';
import { type EntityToLookUp, HeldSet, type LookedUp } from '../../contract/look-up.js';
import type { Item, PlanItems } from './items.js';

/** The properties that name the entities which others belong to. */
const NAMES: Readonly<Record<string, string>> = {
  Role: 'roleName',
  User: 'userName',
  Group: 'groupName',
  Policy: 'policyName',
};

/** An entity that a create needs. */
interface Parent {
  readonly entity: EntityToLookUp;
  /** The call that fails without it. Default: that of the create. */
  readonly operation?: string;
}

/** An entity that a create needs and that will not be there. */
export interface Missing extends Omit<Parent, 'entity'> {
  /** `Role/deploy is absent, and no plan creates it` */
  readonly reason: string;
}

/**
 * Returns the entities that AWS needs before it makes a resource: the role of an inline policy, the user of an access key, both
 * ends of an attachment.
 */
export function parentsOf(item: Item): readonly EntityToLookUp[] {
  const { subject, target } = item;
  const host = hostOf(item);
  const sets = Object.entries(subject?.members ?? {});
  return [
    ...(host === undefined ? [] : [host]),
    ...sets.flatMap(([set, names]) => names.flatMap((member) => entityOfMember(set, member, target))),
  ];
}

/** Returns all entities that AWS needs before it makes a resource, those beside its parents as well. */
export function needsOf(item: Item): readonly Parent[] {
  const { subject, target, isRename } = item;
  const needs = isRename ? [] : (subject?.needs ?? []);
  return [
    ...parentsOf(item).map((entity) => ({ entity })),
    ...needs.flatMap(({ operation, set, member }) =>
      entityOfMember(set, member, target).map((entity) => ({ entity, operation })),
    ),
  ];
}

/** Returns the entity that a resource is a part of: the role of an inline policy, the user of a key. */
export function hostOf({ type, subject }: Item): EntityToLookUp | undefined {
  if (type === undefined || subject === null) return undefined;
  const { name, spec, members } = subject;
  const { userName } = spec;
  if (Object.keys(members).length > 0 && NAMES[type.kind] !== undefined) return entity(type.kind, name);
  return type.kind !== 'User' && typeof userName === 'string' ? entity('User', userName) : undefined;
}

/** Returns the question how many of its kind a user has already; undefined where AWS does not limit them, or shows it with the user. */
export function countOf({ type, subject }: Item): EntityToLookUp | undefined {
  const { userName } = subject?.spec ?? {};
  if (type?.perUser === undefined || type.kind === 'User' || typeof userName !== 'string') return undefined;
  return { kind: type.kind, name: userName, spec: { userName }, members: { [HeldSet.Credentials]: [] } };
}

function entityOfMember(set: string, member: string, target: Target | null): readonly EntityToLookUp[] {
  switch (set) {
    case HeldSet.Groups:
      return [entity('Group', member)];
    case 'users':
      return [entity('User', member)];
    case HeldSet.AttachedTo: {
      const [kind = '', name = ''] = member.split('/');
      return [entity(kind, name)];
    }
    case 'managedPolicyArns': {
      // AWS's own policies are always there.
      const [, account, name] = /^arn:[\w-]+:iam::(\d{12}):policy\/(?:.*\/)?([^/]+)$/.exec(member) ?? [];
      return account !== undefined && account === target?.account && name !== undefined ? [entity('Policy', name)] : [];
    }
    default:
      return [];
  }
}

function entity(kind: string, name: string): EntityToLookUp {
  const spec: JsonObject = { [NAMES[kind] ?? 'name']: name };
  return { kind, name, spec, members: {} };
}

/** The parents that plans make, keep and destroy. */
export class Parents {
  readonly #made: ReadonlySet<string | null>;
  readonly #destroyed: ReadonlyMap<PlanItems['plan'], ReadonlySet<string | null>>;

  constructor(plans: readonly PlanItems[]) {
    this.#made = new Set(plans.flatMap(({ creates, keeps }) => [...creates, ...keeps].map(({ key }) => key)));
    this.#destroyed = new Map(plans.map(({ plan, deletes }) => [plan, new Set(deletes.map(({ key }) => key))]));
  }

  /** Returns a parent that will not be there; undefined where all are, or nobody knows. */
  missing(item: Item, find: (entity: EntityToLookUp) => LookedUp | undefined): Missing | undefined {
    for (const { entity: parent, ...rest } of needsOf(item)) {
      const key = `${item.scope} ${entityKey(parent)}`;
      if (this.#made.has(key)) continue;
      if (this.#destroyed.get(item.plan)?.has(key) === true) {
        return { ...rest, reason: `the plan destroys or renames ${entityId(parent)}` };
      }
      const { status, isByExactName = false } = find(parent) ?? {};
      // Without a listing, a policy under another path is not found.
      if (isByExactName && parent.kind === 'Policy') continue;
      if (status === 'absent') return { ...rest, reason: `${entityId(parent)} is absent, and no plan creates it` };
    }
    return undefined;
  }

  /** Reports whether a plan destroys a parent of a resource and makes it anew, so that it begins without any parts. */
  isReplaced(item: Item): boolean {
    return parentsOf(item).some((parent) => {
      const key = `${item.scope} ${entityKey(parent)}`;
      return this.#made.has(key) && this.#destroyed.get(item.plan)?.has(key) === true;
    });
  }
}
