import type { JsonObject } from '../../contract/entity.js';
import { HeldSet, type LookedUp } from '../../contract/look-up.js';
import { findKind } from '../../kinds/index.js';
import type { Need } from './needs.js';
import type { Values } from './values.js';

/** The thing that a resource stands for: an entity, a part of one, or a connection between two. */
export interface Subject {
  /** The entity to look up, as kinds name it. */
  readonly name: string;
  /** See `EntityToLookUp`. */
  readonly spec: JsonObject;
  /** The path that the resource asks for. Undefined where the kind has none, or it is a part of the name. */
  readonly path?: string;
  /** The members of the entity that the resource makes. Empty where it makes the entity. */
  readonly members: Readonly<Record<string, readonly string[]>>;
  /** The ARN of a policy that is attached. Default: it is not known, or not asked for. */
  readonly arn?: string;
  /** Entities that the create needs beside the one that it is a part of. Default: none. */
  readonly needs?: readonly Need[];
}

/** A type of resource of the AWS provider, and what its create does. */
export interface ResourceType {
  /** The kind of the entity to look up. */
  readonly kind: string;
  /** The call of the provider. */
  readonly operation: string;
  /**
   * The effect of the call where its subject is there already.
   *
   * - `refused`: AWS answers with `code`.
   * - `overwrites`: it replaces what is there, and AWS does not complain.
   * - `nothing`: the call changes nothing.
   * - `adds`: it makes one more, until `limit` of them are there.
   * - `excludes`: the resource removes all members that it does not list.
   */
  readonly ifPresent: 'refused' | 'overwrites' | 'nothing' | 'adds' | 'excludes';
  /** Default: `EntityAlreadyExists`. */
  readonly code?: string;
  readonly limit?: number;
  /** AWS limits how many of them a user may have, beside refusing those that are there. Default: it limits none. */
  readonly perUser?: number;
  /** The account may have the name in another case or under another path. Default: its name is compared as it is. */
  readonly hasVariants?: boolean;
  /** Returns the part of a name that the account may have once, where that is not the whole of it. */
  readonly uniquePart?: (name: string) => string;
  /** A fact about every create. Default: none. */
  readonly note?: string;
  /** The call by which the provider changes name and path in place, so that an import repairs a collision. Default: none can. */
  readonly movedBy?: string;
  /** Without a name and a prefix, the provider makes up a unique name. Default: it refuses that, or there are no names. */
  readonly hasOptionalName?: boolean;
  /** Several resources may stand for the same subject without a conflict. Default: they are refused, or fight. */
  readonly isShareable?: boolean;
  /** Returns the subject; null where its name is known after the apply only, or another reason why it is not known. */
  readonly subjectOf: (values: Values) => Subject | string | null;
  /** Returns the ID of the subject for an `import` block. Default: the provider imports no such resource, or loses its secret. */
  readonly importId?: (found: LookedUp, subject: Subject, values: Values) => string | null;
  /**
   * Arguments that no read shows, and whose change replaces the resource: after an import, Terraform replaces it unless
   * it ignores them. Default: none.
   */
  readonly unreadable?: readonly string[];
}

/** The import ID that is the name. */
export const byName = ({ name }: LookedUp): string | null => name;
/** The import ID that is the ARN. */
export const byArn = ({ arn }: LookedUp): string | null => arn;

type Rest = Partial<Omit<ResourceType, 'kind' | 'operation' | 'subjectOf'>>;

/** Returns the type of an entity with a name of its own. */
export function named(
  kind: string,
  property: string,
  operation: string,
  { needs, ...more }: Rest & { readonly needs?: (values: Values) => readonly Need[] },
): ResourceType {
  return {
    kind,
    operation,
    ifPresent: 'refused',
    importId: byName,
    hasVariants: true,
    subjectOf: (values) => {
      const name = values.text('name');
      if (name === null || name === undefined) return null;
      const path = values.text('path');
      return {
        name,
        spec: { [property]: name },
        ...(path === null ? {} : { path: path ?? '/' }),
        members: {},
        ...(needs === undefined ? {} : { needs: needs(values) }),
      };
    },
    ...more,
  };
}

/** Returns the type of an entity that its kind names by several properties. */
export function composed(
  kind: string,
  operation: string,
  attributes: Readonly<Record<string, string>>,
  rest: Rest,
): ResourceType {
  return {
    kind,
    operation,
    ifPresent: 'refused',
    subjectOf: (values) => {
      const entries = Object.entries(attributes).map(
        ([property, attribute]) =>
          [property, property === 'userName' ? values.link(attribute) : values.text(attribute)] as const,
      );
      if (entries.some(([, text]) => text === null)) return null;
      const spec = Object.fromEntries(
        entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      );
      try {
        const name = findKind(kind)?.nameOf(spec) ?? '';
        return name === '' ? 'its content cannot be read' : { name, spec: withoutContent(spec), members: {} };
      } catch {
        return 'its name is not set';
      }
    },
    ...rest,
  };
}

/** Leaves out what a name is made of and that no read needs. */
function withoutContent(spec: JsonObject): JsonObject {
  const isContent = (property: string): boolean => ['sshPublicKeyBody', 'certificateBody'].includes(property);
  return Object.fromEntries(Object.entries(spec).filter(([property]) => !isContent(property)));
}

/** The roles, users and groups that have policies. */
const HOLDERS = {
  role: { kind: 'Role', property: 'roleName' },
  user: { kind: 'User', property: 'userName' },
  group: { kind: 'Group', property: 'groupName' },
} as const;

type Holder = keyof typeof HOLDERS;

/** Returns the type of a part of a role, user or group. */
export function partOf(
  holder: Holder,
  operation: string,
  { attribute, ...rest }: Rest & { readonly attribute: string } & Pick<ResourceType, 'ifPresent'>,
  membersOf: (values: Values) => Subject['members'] | null,
  spec: JsonObject = {},
): ResourceType {
  const { kind, property } = HOLDERS[holder];
  return {
    kind,
    operation,
    subjectOf: (values) => {
      const name = values.link(attribute);
      const members = membersOf(values);
      if (name === null || name === undefined || members === null) return null;
      return { name, spec: { [property]: name, ...spec }, members };
    },
    ...rest,
  };
}

/** Returns a set with one member; null where it is not known. */
export function one(set: string, text: string | null | undefined): Subject['members'] | null {
  return text === null || text === undefined ? null : { [set]: [text] };
}

/** Returns a set; null where it is not known. */
export function all(set: string, texts: readonly string[] | null): Subject['members'] | null {
  return texts === null ? null : { [set]: texts };
}

/** Returns the type of an inline policy. */
export function inlinePolicy(holder: Holder): ResourceType {
  return partOf(
    holder,
    `Put${HOLDERS[holder].kind}Policy`,
    {
      attribute: holder,
      ifPresent: 'overwrites',
      hasOptionalName: true,
      importId: ({ name }, { members }) => `${name ?? ''}:${members['inlinePolicies']?.[0] ?? ''}`,
    },
    (values) => one('inlinePolicies', values.text('name')),
  );
}

/** Returns the type of the attachment of a managed policy. */
export function attachment(holder: Holder): ResourceType {
  return partOf(
    holder,
    `Attach${HOLDERS[holder].kind}Policy`,
    {
      attribute: holder,
      ifPresent: 'nothing',
      isShareable: true,
      importId: ({ name }, { members }) => `${name ?? ''}/${members['managedPolicyArns']?.[0] ?? ''}`,
    },
    (values) => one('managedPolicyArns', values.link('policy_arn')),
  );
}

/** Returns the type that removes policies that it does not list. */
export function exclusive(holder: Holder, set: 'inlinePolicies' | 'managedPolicyArns'): ResourceType {
  const isInline = set === 'inlinePolicies';
  return partOf(
    holder,
    `List${isInline ? '' : 'Attached'}${HOLDERS[holder].kind}Policies`,
    { attribute: `${holder}_name`, ifPresent: 'excludes', importId: byName },
    (values) => all(set, values.texts(isInline ? 'policy_names' : 'policy_arns')),
  );
}

/** Attachments of one policy, all of them in the account. */
export const policyAttachment: ResourceType = {
  kind: 'Policy',
  operation: 'AttachRolePolicy',
  ifPresent: 'excludes',
  subjectOf(values) {
    const arn = values.link('policy_arn');
    const [, name] = /^arn:[\w-]+:iam::\d{12}:policy\/(?:.*\/)?([^/]+)$/.exec(arn ?? '') ?? [];
    const holders = Object.entries(HOLDERS).map(([holder, { kind }]) =>
      values.texts(`${holder}s`)?.map((one) => `${kind}/${one}`),
    );
    if (arn?.includes(':iam::aws:policy/') === true) return 'the policy is AWS’s own, and not read';
    if (name === undefined || holders.includes(undefined)) return null;
    return {
      name,
      arn: arn ?? '',
      spec: { policyName: name },
      members: { [HeldSet.AttachedTo]: holders.flatMap((list) => list ?? []) },
    };
  },
};

/** Returns the type of a credential that AWS gives no name. A user may have two. */
export function credential(
  kind: string,
  operation: string,
  attributes: { readonly user: string; readonly service?: string },
): ResourceType {
  return {
    kind,
    operation,
    ifPresent: 'adds',
    code: 'LimitExceeded',
    limit: 2,
    isShareable: true,
    subjectOf: (values) => {
      const name = values.link(attributes.user);
      const serviceName = attributes.service === undefined ? undefined : values.text(attributes.service);
      if (name === null || name === undefined || serviceName === null) return null;
      const spec = serviceName === undefined ? { userName: name } : { userName: name, serviceName };
      const full = serviceName === undefined ? name : `${name}/${serviceName}`;
      return { name: full, spec, members: { [HeldSet.Credentials]: [] } };
    },
  };
}

/** Returns the type of a setting of the account. */
export function setting(
  kind: string,
  operation: string,
  rest: Rest & Pick<ResourceType, 'ifPresent'>,
  membersOf: (values: Values) => Subject['members'] | null = () => ({}),
): ResourceType {
  return {
    kind,
    operation,
    subjectOf: (values) => {
      const members = membersOf(values);
      return members === null ? null : { name: 'account', spec: {}, members };
    },
    ...rest,
  };
}
