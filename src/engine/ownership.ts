import type { Observed } from './comparison.js';

/** The tags that record an entity's owner, whether it was created or adopted, and the run that did it. */
export const OwnershipTag = {
  Namespace: 'iam-bootstrap:namespace',
  Origin: 'iam-bootstrap:origin',
  Intent: 'iam-bootstrap:intent',
  /** The owner before `adopt: foreign` took it over. */
  PreviousOwner: 'iam-bootstrap:previous-owner',
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

/** Tags that other tools set, or that their users set by convention; the most reliable first. */
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
export function ownershipOf(observed: Observed, namespace: string, onReservedPath = false): Ownership {
  const reserved = RESERVED_PATHS.find((path) => observed.arn.includes(`:role${path}`));
  if (reserved !== undefined && !onReservedPath) return { is: 'foreign', owner: `AWS (path ${reserved})` };

  const owner = observed.tags[OwnershipTag.Namespace];
  if (owner === namespace || Object.hasOwn(observed.tags, sharedByTag(namespace))) {
    const origin = observed.tags[OwnershipTag.Origin] === 'adopted' ? 'adopted' : 'created';
    return { is: 'ours', origin, intent: observed.tags[OwnershipTag.Intent] ?? null };
  }
  if (owner !== undefined) return { is: 'foreign', owner: `iam-bootstrap namespace "${owner}"` };
  // These tags come last: an entity taken over from a stack keeps the stack's tags, which only AWS can remove.
  const foreign = ownerByTags(observed.tags);
  return foreign === undefined ? { is: 'unowned' } : { is: 'foreign', owner: foreign };
}

/** Returns the owner of an entity in words, for no namespace in particular. Null if it shows no owner. */
export function ownerOf(observed: Observed, onReservedPath = false): string | null {
  const sharers = otherSharers(observed, '').map((namespace) => `iam-bootstrap namespace "${namespace}"`);
  if (sharers.length > 0) return `shared by ${sharers.join(', ')}`;
  const ownership = ownershipOf(observed, '', onReservedPath);
  return ownership.is === 'foreign' ? ownership.owner : null;
}

function ownerByTags(tags: Readonly<Record<string, string>>): string | undefined {
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

/** Returns the other namespaces that declare a shared entity. */
export function otherSharers(observed: Observed, namespace: string): string[] {
  return Object.keys(observed.tags)
    .filter((tag) => tag.startsWith(SHARED_BY))
    .map((tag) => tag.slice(SHARED_BY.length))
    .filter((sharer) => sharer !== namespace);
}

/** Returns the ownership tags of a Create. */
export function ownershipTagsForCreate(
  namespace: string,
  intent: string,
  shared: boolean,
  claim = '',
): Record<string, string> {
  const owner = shared ? { [sharedByTag(namespace)]: claim } : { [OwnershipTag.Namespace]: namespace };
  return { ...owner, [OwnershipTag.Origin]: 'created', [OwnershipTag.Intent]: intent };
}

/**
 * Returns the ownership tags that an adoption adds. They record the previous owner.
 * `claim` is this namespace's part of a shared entity, as its kind writes it.
 */
export function ownershipTagsForAdoption(
  namespace: string,
  intent: string,
  shared: boolean,
  observed: Observed,
  ownership: Ownership,
  claim = '',
): Record<string, string> {
  if (shared) {
    // A shared entity is merged, not owned: its recorded origin stays.
    const origin = Object.hasOwn(observed.tags, OwnershipTag.Origin) ? {} : { [OwnershipTag.Origin]: 'adopted' };
    return { [sharedByTag(namespace)]: claim, ...origin };
  }
  const previous =
    ownership.is === 'foreign'
      ? { [OwnershipTag.PreviousOwner]: ownership.owner.replace(INVALID_TAG_CHARACTERS, '').slice(0, 256) }
      : {};
  return {
    [OwnershipTag.Namespace]: namespace,
    [OwnershipTag.Origin]: 'adopted',
    [OwnershipTag.Intent]: intent,
    ...previous,
  };
}

/** Tags to write and keys to remove. */
export interface TagChanges {
  readonly put: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/** Returns the changes that make the ownership tags of our entity match the manifest: shared or not, and its claim. */
export function ownershipTagChanges(namespace: string, shared: boolean, observed: Observed, claim = ''): TagChanges {
  const mine = sharedByTag(namespace);
  const wanted = shared ? { [mine]: claim } : { [OwnershipTag.Namespace]: namespace };
  const other = shared ? OwnershipTag.Namespace : mine;
  return {
    put: Object.fromEntries(Object.entries(wanted).filter(([tag, value]) => observed.tags[tag] !== value)),
    remove: Object.hasOwn(observed.tags, other) ? [other] : [],
  };
}

/**
 * Returns the ownership tags that a namespace removes from what it releases. The last namespace removes all of them: a
 * later owner must not find that this tool created the entity.
 */
export function ownershipTagsToRelease(namespace: string, observed: Observed): string[] {
  const mine: readonly string[] = [sharedByTag(namespace), OwnershipTag.Namespace];
  const shared = otherSharers(observed, namespace).length > 0;
  return Object.keys(observed.tags).filter((tag) => (shared ? mine.includes(tag) : isOwnershipTag(tag)));
}
