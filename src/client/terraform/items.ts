import { entityId, entityKey, type Target } from '../../contract/entity.js';
import type { AccountsOfPlan, ResourceAccount } from './accounts.js';
import { resourceOf } from './configuration.js';
import type { ResourceChange, TerraformPlan } from './plan.js';
import { constantOf } from './provider-configs.js';
import type { ResourceType, Subject } from './resource-forms.js';
import { isRenamed, makesName, RESOURCE_TYPES, SETTINGS } from './resource-types.js';
import { type Values, valuesAfter, valuesBefore } from './values.js';

/** A resource of a plan, before or after its change, and what it stands for. */
export interface Item {
  readonly plan: TerraformPlan;
  readonly change: ResourceChange;
  readonly target: Target | null;
  /** See `ResourceAccount`. */
  readonly scope: string;
  readonly type: ResourceType | undefined;
  readonly values: Values;
  /** Null where it is not known. */
  readonly subject: Subject | null;
  /** The reason why the subject is not known. */
  readonly unknownBecause: string | null;
  /** Equal for two resources that stand for the same thing. Null where nothing can be the same. */
  readonly key: string | null;
  /** The provider makes up a name that nothing has. */
  readonly isGenerated: boolean;
  /** The plan renames an entity in place: a create of the new name, and a deletion of the old one. */
  readonly isRename: boolean;
}

/** A plan with what its resources stand for. */
export interface PlanItems {
  readonly plan: TerraformPlan;
  /** Creates, and the new names of what is renamed in place. */
  readonly creates: readonly Item[];
  /** Deletions, and the old names of what is renamed in place. */
  readonly deletes: readonly Item[];
  /** Resources that the plan takes out of its state and leaves in AWS. */
  readonly forgets: readonly Item[];
  /** Resources that the plan keeps, updates or imports. */
  readonly keeps: readonly Item[];
}

/** Returns what the resources of a plan stand for. */
export function itemsOf(plan: TerraformPlan, accounts: AccountsOfPlan): PlanItems {
  const after = (change: ResourceChange): Item =>
    itemOf(
      plan,
      change,
      accounts.of(change),
      valuesAfter(plan, change, (policy) => policyArn(policy, accounts)),
    );
  const before = (change: ResourceChange): Item =>
    itemOf(plan, change, accounts.ofPresent(change), valuesBefore(change));
  const has = (action: string) => (change: ResourceChange) => change.actions.includes(action);
  const isKept = ({ actions, isImported }: ResourceChange): boolean =>
    !actions.includes('create') && (isImported || actions.some((action) => action === 'no-op' || action === 'update'));
  return {
    plan,
    creates: plan.changes.filter(makesName).map(after),
    deletes: plan.changes.filter((change) => has('delete')(change) || isRenamed(change)).map(before),
    forgets: plan.changes.filter(has('forget')).map(before),
    keeps: plan.changes.filter((change) => isKept(change) && !isRenamed(change)).map(after),
  };
}

function itemOf(plan: TerraformPlan, change: ResourceChange, { target, scope }: ResourceAccount, values: Values): Item {
  const isRename = isRenamed(change);
  const known = RESOURCE_TYPES[change.type];
  const type = isRename && known?.movedBy !== undefined ? { ...known, operation: known.movedBy } : known;
  const found = type?.subjectOf(values) ?? null;
  const subject = typeof found === 'string' ? null : found;
  const isGenerated = subject === null && (prefixOf(change) !== undefined || hasMadeUpName(plan, change));
  const unknownBecause = subject === null ? reasonOf({ change, type, values, isGenerated }, found) : null;
  const key = subject === null || type === undefined ? null : keyOf(scope, change.type, type, subject);
  return { plan, change, target, scope, type, values, subject, unknownBecause, key, isGenerated, isRename };
}

function reasonOf(
  { change, type, values: { unclear }, isGenerated }: Pick<Item, 'change' | 'type' | 'values' | 'isGenerated'>,
  found: string | Subject | null,
): string {
  if (typeof found === 'string') return found;
  if (SETTINGS.has(change.type)) return 'it is a setting of the account, which its create meets in any state';
  if (type === undefined) return `this version of iam-bootstrap does not know ${change.type}`;
  if (change.isSensitive)
    return 'its name is known after the apply only or sensitive, and sensitive values are neither shown nor looked up';
  if (unclear !== undefined) return `the plan does not tell which instance of ${unclear} it refers to`;
  if (!isGenerated) return 'its name is known after the apply only';
  const prefix = prefixOf(change);
  return `the provider generates a unique name${prefix === undefined ? '' : ` that begins with ${prefix}`}`;
}

/** Returns the beginning of the name that the provider makes up; undefined where the resource has another name. */
function prefixOf({ after: { name_prefix: prefix } }: ResourceChange): string | undefined {
  return typeof prefix === 'string' && prefix !== '' ? prefix : undefined;
}

/** Reports whether the configuration gives a resource neither a name nor a prefix, so that the provider makes up all of it. */
function hasMadeUpName(plan: TerraformPlan, change: ResourceChange): boolean {
  if (RESOURCE_TYPES[change.type]?.hasOptionalName !== true || change.afterUnknown['name'] !== true) return false;
  const resource = resourceOf(plan.root, change);
  const isLeftOut = (argument: string): boolean => {
    const expression = resource?.expressions?.[argument];
    return expression === undefined || constantOf(expression) === null;
  };
  return resource !== undefined && !change.isSensitive && isLeftOut('name') && isLeftOut('name_prefix');
}

/** Returns the key of what a resource makes: an entity, or a member of one. */
function keyOf(scope: string, resourceType: string, type: ResourceType, subject: Subject): string | null {
  const entity = `${scope} ${entityKey({ kind: type.kind, name: type.uniquePart?.(subject.name) ?? subject.name })}`;
  if (type.ifPresent === 'adds') return null;
  if (type.ifPresent === 'excludes') return `${entity} ${resourceType}`;
  const members = Object.entries(subject.members).flatMap(([set, names]) => names.map((name) => `${set} ${name}`));
  return [entity, ...members.sort()].join(' ');
}

/** Returns the ARN that a policy of a plan has once it is created. Null where its name, path or account is not known. */
function policyArn(change: ResourceChange, accounts: AccountsOfPlan): string | null {
  const { target } = accounts.of(change);
  const { name, path } = change.after;
  if (target === null || typeof name !== 'string' || change.afterUnknown['path'] === true) return null;
  const { account, partition } = target;
  return `arn:${partition}:iam::${account}:policy${typeof path === 'string' ? path : '/'}${name}`;
}

/** Returns an item as an entity of a manifest would be named: `Role/deploy`. Null where its name is not known. */
export function entityOf({ type, subject }: Pick<Item, 'type' | 'subject'>): string | null {
  return type === undefined || subject === null ? null : entityId({ kind: type.kind, name: subject.name });
}

/** Returns the address of a resource, as one of this plan or of another one names it. */
export function placeOf({ plan, change }: Item, { plan: own }: Item): string {
  return plan === own ? change.address : `${plan.file}: ${change.address}`;
}
