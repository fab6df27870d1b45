import type { Observed } from './comparison.js';

/** The tags that record an entity's owner, whether it was created or adopted, and the run that did it. */
export const OwnershipTag = {
  Namespace: 'iam-bootstrap:namespace',
  Origin: 'iam-bootstrap:origin',
  Intent: 'iam-bootstrap:intent',
  /** The installation whose run it was: the ID of its Temporal namespace. It tells two installations in one account. */
  Installation: 'iam-bootstrap:installation',
  /** The owner before `adopt: foreign` took it over. */
  PreviousOwner: 'iam-bootstrap:previous-owner',
  /** The entity is never deleted or replaced, by whatever manifest. */
  Protected: 'iam-bootstrap:protected',
} as const;

/** More ownership tags, of entities of a kind that can be shared. */
export const SharingTag = {
  /** The namespace that created an entity of a kind that can be shared. */
  CreatedBy: 'iam-bootstrap:created-by',
  /** The content that was there before any namespace declared it, in the form of a claim. It belongs to nobody. */
  SharedBefore: 'iam-bootstrap:shared-before',
} as const;

/** Characters that IAM does not allow in the value of a tag. */
const INVALID_TAG_CHARACTERS = /[^\p{L}\p{Z}\p{N}_.:/=+\-@]/gu;

/** Prefix of the tags on shared entities: one for each namespace that declares the entity. */
const SHARED_BY = 'iam-bootstrap:shared-by:';

/** Reports whether a tag is an ownership tag of this tool. Such a tag is never drift and never unmanaged. */
export function isOwnershipTag(tag: string): boolean {
  return tag.startsWith('iam-bootstrap:');
}

/** The owner of an entity, as far as its tags and its path show it. */
export type Ownership =
  | { readonly is: 'ours'; readonly origin: 'created' | 'adopted'; readonly intent: string | null }
  | { readonly is: 'unowned' }
  | { readonly is: 'foreign'; readonly owner: string };

interface ForeignTag {
  readonly tag: string | RegExp;
  /** Returns the owner's name in messages. Undefined if the value names no owner. */
  readonly owner: (value: string, tag: string) => string | undefined;
}

/** Tools that set no tag of their own; their users set one: `managed-by: terraform`. */
const TOOLS_BY_TAG_VALUE: Readonly<Record<string, string>> = {
  terraform: 'Terraform',
  opentofu: 'OpenTofu',
  pulumi: 'Pulumi',
  cloudformation: 'CloudFormation',
  cdk: 'AWS CDK',
  'aws-cdk': 'AWS CDK',
  crossplane: 'Crossplane',
  alchemy: 'alchemy',
};

/**
 * Tags that other tools set, or that their users set by convention; the most reliable first. CloudFormation sets its own on
 * few entities of IAM: most of what a stack owns shows nothing.
 */
const FOREIGN_TAGS: readonly ForeignTag[] = [
  { tag: 'aws:cloudformation:stack-name', owner: (stack) => `CloudFormation stack "${stack}"` },
  { tag: 'aws:cloudformation:stack-id', owner: (stack) => `CloudFormation stack "${stack}"` },
  { tag: 'alchemy::stack', owner: (stack) => `alchemy stack "${stack}"` },
  { tag: 'pulumi:stack', owner: (stack) => `Pulumi stack "${stack}"` },
  { tag: 'pulumi:project', owner: (project) => `Pulumi project "${project}"` },
  { tag: 'services.k8s.aws/namespace', owner: (namespace) => `ACK controller, Kubernetes namespace "${namespace}"` },
  { tag: 'crossplane-name', owner: (name) => `Crossplane resource "${name}"` },
  { tag: /^(terraform|tf)[:_-](workspace|module|stack|project)$/i, owner: (value) => `Terraform ("${value}")` },
  { tag: /^terraform$/i, owner: (value) => (/^(true|yes|1)$/i.test(value) ? 'Terraform' : undefined) },
  {
    tag: /^(managed|created|provisioned)[-_: ]?by$/i,
    owner: (value, tag) => {
      const tool = TOOLS_BY_TAG_VALUE[value.toLowerCase()];
      return tool === undefined ? undefined : `${tool} (tag ${tag}=${value})`;
    },
  },
];

/** Paths that are reserved for AWS. */
const RESERVED_PATHS: readonly string[] = ['/aws-service-role/', '/aws-reserved/'];

/**
 * Returns the owner that an entity's tags and path show. Kinds without tags are `unowned`: nothing can be proven.
 * If every entity of a kind has a reserved path (`onReservedPath`), the path shows no owner.
 */
export function ownershipOf(
  observed: Pick<Observed, 'arn' | 'tags' | 'owner'>,
  namespace: string,
  onReservedPath = false,
): Ownership {
  const reserved = RESERVED_PATHS.find((path) => observed.arn.includes(`:role${path}`));
  if (reserved !== undefined && !onReservedPath) return { is: 'foreign', owner: `AWS (path ${reserved})` };

  if (namespacesOf(observed).has(namespace)) {
    const origin = creatorOf(observed) === namespace ? 'created' : 'adopted';
    return { is: 'ours', origin, intent: observed.tags[OwnershipTag.Intent] ?? null };
  }
  const owner = observed.tags[OwnershipTag.Namespace];
  if (owner !== undefined) return { is: 'foreign', owner: nameNamespace(owner) };
  // These tags come last: an entity taken over from a stack keeps the stack's tags, which only AWS can remove.
  const foreign = observed.owner ?? ownerByTags(observed.tags);
  return foreign === undefined ? { is: 'unowned' } : { is: 'foreign', owner: foreign };
}

/** Returns the owner and the sharers of an entity in words, for no namespace in particular. Null if it shows none. */
export function ownerOf(observed: Observed, onReservedPath = false): string | null {
  const ownership = ownershipOf(observed, '', onReservedPath);
  const owner = ownership.is === 'foreign' ? [ownership.owner] : [];
  const sharers = otherSharers(observed, observed.tags[OwnershipTag.Namespace] ?? '').map(nameNamespace);
  const sharing = sharers.length === 0 ? [] : [`shared by ${sharers.join(', ')}`];
  return [...owner, ...sharing].join(', ') || null;
}

/** Returns a namespace as an owner in words. */
export function nameNamespace(namespace: string): string {
  return `iam-bootstrap namespace "${namespace}"`;
}

/** Reports whether an owner in words is a CloudFormation stack, by AWS's tags or by one that its users set. */
export function isStack(owner: string): boolean {
  return /^(CloudFormation|AWS CDK) /.test(owner);
}

/** Returns the owner that tags of other tools name; undefined where they name none. */
export function ownerByTags(tags: Readonly<Record<string, string>>): string | undefined {
  for (const { tag, owner } of FOREIGN_TAGS) {
    for (const [key, value] of Object.entries(tags)) {
      if (typeof tag === 'string' ? tag !== key : !tag.test(key)) continue;
      const name = owner(value, key);
      if (name !== undefined) return name;
    }
  }
  return undefined;
}

/** Returns the tag by which a namespace declares a shared entity. */
export function sharedByTag(namespace: string): string {
  return `${SHARED_BY}${namespace}`;
}

/**
 * Returns the namespace that an adoption of this run has replaced as owner and whose own tags it has still to remove.
 * Undefined if there is none.
 */
export function replacedNamespace({ tags }: Pick<Observed, 'tags'>, intent: string): string | undefined {
  const previous = tags[OwnershipTag.PreviousOwner];
  if (tags[OwnershipTag.Intent] !== intent || previous === undefined) return undefined;
  return [...namespacesOf({ tags })].find((namespace) => ownerTagValue(nameNamespace(namespace)) === previous);
}

/** Returns an owner in words as the value of a tag. */
function ownerTagValue(owner: string): string {
  return owner.replace(INVALID_TAG_CHARACTERS, '').slice(0, 256);
}

/** Returns all namespaces that own or share an entity: each has a tag of its own on it. */
export function namespacesOf({ tags }: Pick<Observed, 'tags'>): ReadonlySet<string> {
  const sharers = Object.keys(tags)
    .filter((tag) => tag.startsWith(SHARED_BY))
    .map((tag) => tag.slice(SHARED_BY.length));
  const owner = tags[OwnershipTag.Namespace];
  return new Set(owner === undefined ? sharers : [owner, ...sharers]);
}

/** Returns the other namespaces that own or share an entity. */
export function otherSharers(observed: Pick<Observed, 'tags'>, namespace: string): string[] {
  return [...namespacesOf(observed)].filter((sharer) => sharer !== namespace);
}

/** Returns the namespace that created an entity; undefined if none did. On a shared entity only its own tag proves it. */
function creatorOf({ tags }: Pick<Observed, 'tags'>): string | undefined {
  const isUnproven =
    tags[OwnershipTag.Origin] === 'adopted' || Object.keys(tags).some((tag) => tag.startsWith(SHARED_BY));
  return tags[SharingTag.CreatedBy] ?? (isUnproven ? undefined : tags[OwnershipTag.Namespace]);
}

/** The declaration of an entity, as far as its ownership tags depend on it. */
export interface Claimant {
  readonly namespace: string;
  readonly intent: string;
  readonly installation?: string | undefined;
  /** The entity is declared with `shared: true`: the namespace is one sharer among others, and no owner. */
  readonly shared: boolean;
  /** It is protected from deletion; undefined where the manifest does not say. */
  readonly protect?: boolean | undefined;
  /** The tags that record the namespace's part, for kinds that can be shared. Undefined for other kinds. */
  readonly claim: Readonly<Record<string, string>> | undefined;
}

/** Returns the ownership tags of a Create. */
export function ownershipTagsForCreate(claimant: Claimant): Record<string, string> {
  const { namespace, intent, shared, protect, claim } = claimant;
  return {
    ...(protect === true ? { [OwnershipTag.Protected]: 'true' } : {}),
    ...(shared ? {} : { [OwnershipTag.Namespace]: namespace }),
    ...(claim === undefined ? {} : { ...claim, [SharingTag.CreatedBy]: namespace }),
    [OwnershipTag.Origin]: 'created',
    [OwnershipTag.Intent]: intent,
    ...installationTag(claimant),
  };
}

function installationTag({ installation }: Claimant): Record<string, string> {
  return installation === undefined ? {} : { [OwnershipTag.Installation]: installation };
}

/** Tags to write and keys to remove. */
export interface TagChanges {
  readonly put: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/**
 * Returns the ownership tags that an adoption writes. A sharer only adds its own. An owner replaces the previous owner
 * and records it; the tags of other sharers stay.
 */
export function ownershipTagsForAdoption(claimant: Claimant, { tags }: Observed, ownership: Ownership): TagChanges {
  const { namespace, intent, shared, claim } = claimant;
  if (shared) {
    const origin = Object.hasOwn(tags, OwnershipTag.Origin) ? {} : { [OwnershipTag.Origin]: 'adopted' };
    return { put: { ...claim, ...origin }, remove: [] };
  }
  const previous = ownership.is === 'foreign' ? { [OwnershipTag.PreviousOwner]: ownerTagValue(ownership.owner) } : {};
  const put = {
    [OwnershipTag.Namespace]: namespace,
    ...claim,
    [OwnershipTag.Origin]: 'adopted',
    [OwnershipTag.Intent]: intent,
    ...installationTag(claimant),
    ...previous,
  };
  const owner = tags[OwnershipTag.Namespace];
  return { put, remove: owner === namespace ? [] : tagsOfReplaced(owner, tags) };
}

function tagsOfReplaced(owner: string | undefined, tags: Observed['tags']): string[] {
  if (owner === undefined) return [];
  const replaced = [sharedByTag(owner), ...(tags[SharingTag.CreatedBy] === owner ? [SharingTag.CreatedBy] : [])];
  return replaced.filter((tag) => Object.hasOwn(tags, tag));
}

/**
 * Returns the changes that make the ownership tags of our entity match the manifest: shared or not, and its part. An
 * adoption of this run that was interrupted goes on to remove the tags of the owner that it has replaced.
 */
export function ownershipTagChanges({ namespace, intent, shared, claim }: Claimant, observed: Observed): TagChanges {
  const { tags } = observed;
  const wanted = { ...(shared ? {} : { [OwnershipTag.Namespace]: namespace }), ...claim };
  return {
    put: Object.fromEntries(Object.entries(wanted).filter(([tag, value]) => tags[tag] !== value)),
    remove: [
      ...(shared && tags[OwnershipTag.Namespace] === namespace ? [OwnershipTag.Namespace] : []),
      ...tagsOfReplaced(replacedNamespace(observed, intent), tags),
    ],
  };
}

/**
 * Returns the ownership tags that a namespace removes from what it leaves: its own, while others are there. The last
 * namespace removes all of them: a later owner must not find that this tool created the entity.
 */
export function ownershipTagsToRelease(namespace: string, observed: Observed): string[] {
  const { tags } = observed;
  const isMine = (tag: string): boolean =>
    tag === sharedByTag(namespace) || (tag === OwnershipTag.Namespace && tags[tag] === namespace);
  const isLast = otherSharers(observed, namespace).length === 0;
  return Object.keys(tags).filter((tag) => (isLast ? isOwnershipTag(tag) : isMine(tag)));
}
