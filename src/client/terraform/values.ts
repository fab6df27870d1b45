import type { Json } from '../../contract/entity.js';
import { isList } from '../../engine/json.js';
import type { ResourceChange, TerraformPlan } from './plan.js';
import { References, type Target } from './references.js';

/** The values of a resource, as far as they are known before the apply. */
export interface Values {
  /** Returns a text of the resource itself: undefined where it is not set, null where it is known after the apply only. */
  text(attribute: string): string | null | undefined;
  /**
   * Returns the name or the ARN of another resource, which is found by the configuration where the plan does not know it yet.
   */
  link(attribute: string): string | null | undefined;
  /** Returns a list of texts; null where one of them is known after the apply only. */
  texts(attribute: string): readonly string[] | null;
  /** The resource that one of the values above refers to, where nothing shows the instance. Undefined where there is none. */
  readonly unclear?: string | undefined;
}

/** The attributes by which resources of IAM name each other. */
const LINKING = ['arn', 'id', 'name'];

/** Returns the values that a resource had before the plan. All are known. */
export function valuesBefore({ before }: Pick<ResourceChange, 'before'>): Values {
  return {
    text: (attribute) => textIn(before[attribute]),
    link: (attribute) => textIn(before[attribute]),
    texts: (attribute) => (isList(before[attribute]) ? textsIn(before[attribute]) : []),
  };
}

/**
 * Returns the values that a resource will have. What is known after the apply only, such as the ID of a role that the plan
 * creates, is found by the configuration: it refers to a resource whose name the plan knows.
 *
 * @param plan - the plan
 * @param change - the resource
 * @param arnOf - returns the ARN of a policy that the plan creates; null where its name or account is not known
 */
export function valuesAfter(
  plan: TerraformPlan,
  change: ResourceChange,
  arnOf: (policy: ResourceChange) => string | null,
): Values {
  const valueOf = ({ change: target, attribute }: Target): string | null => {
    // The ID of a policy is its ARN; that of others is their name.
    if (attribute !== undefined && !LINKING.includes(attribute)) return null;
    if (target.type === 'aws_iam_policy' && attribute !== 'name') return arnOf(target);
    const text = attribute === 'arn' ? undefined : textIn(target.after[nameAttribute(target.type)]);
    return text ?? null;
  };
  const references = new References(plan);
  const referred = (attribute: string): readonly Target[] | null => references.targetsOf(change, attribute);
  return {
    // A name that is made from an ID, as in "${aws_iam_role.ci.id}-profile", refers to that ID only.
    text: (attribute) => (isUnknown(change.afterUnknown[attribute]) ? null : textIn(change.after[attribute])),
    link(attribute) {
      if (!isUnknown(change.afterUnknown[attribute])) return textIn(change.after[attribute]);
      const targets = referred(attribute);
      const [only] = targets ?? [];
      return only === undefined || targets?.length !== 1 ? null : valueOf(only);
    },
    texts(attribute) {
      const known = change.after[attribute];
      if (!isUnknown(change.afterUnknown[attribute])) return isList(known) ? textsIn(known) : [];
      const targets = referred(attribute)?.map(valueOf);
      if (targets === undefined || targets.length === 0 || targets.includes(null)) return null;
      const all = new Set([...(isList(known) ? textsIn(known) : []), ...targets.filter((text) => text !== null)]);
      return isList(known) && all.size < known.length ? null : [...all];
    },
    get unclear() {
      return references.unclear;
    },
  };
}

/** Returns the attribute that names a resource of IAM, which its ID also is where others refer to it. */
function nameAttribute(type: string): string {
  return type === 'aws_iam_account_alias' ? 'account_alias' : 'name';
}

/** Reports whether a value is known after the apply only, or a part of it is. */
function isUnknown(value: Json | undefined): boolean {
  return value === true || (isList(value) && value.some(isUnknown));
}

function textIn(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function textsIn(list: readonly Json[]): readonly string[] {
  return list.filter((member) => typeof member === 'string');
}
