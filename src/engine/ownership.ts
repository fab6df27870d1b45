import type { Observed } from './observed.js';

/** Tags by which an entity shows its owner, how it came to be ours, and which run made it. */
export const OwnershipTag = {
  Namespace: 'iam-bootstrap:namespace',
  Origin: 'iam-bootstrap:origin',
  Intent: 'iam-bootstrap:intent',
  /** Whom it was taken from, where `adopt: foreign` took it. */
  PreviousOwner: 'iam-bootstrap:previous-owner',
} as const;

/** Characters that IAM refuses in a tag's value. */
const NOT_IN_TAG_VALUES = /[^\p{L}\p{Z}\p{N}_.:/=+\-@]/gu;

/** Prefix of the marks on shared entities: one for each namespace that declares it. */
const SHARED_BY = 'iam-bootstrap:shared-by:';

/** Whether a tag is one of ours: never drift, never unmanaged. */
export function isOwnershipTag(tag: string): boolean {
  return tag.startsWith('iam-bootstrap:');
}

/** Who owns an entity, as far as it shows. */
export type Ownership =
  | { readonly is: 'ours'; readonly origin: 'created' | 'adopted'; readonly intent: string | null }
  | { readonly is: 'unowned' }
  | { readonly is: 'foreign'; readonly owner: string };

interface ForeignTag {
  readonly tag: string | RegExp;
  /** How the owner is named to people; undefined where the value names none. */
  readonly owner: (value: string) => string | undefined;
}

/** Tools that leave no tag of their own, and whose users say it in one: `managed-by: terraform`. */
const DECLARED_TOOLS: Readonly<Record<string, string>> = {
  terraform: 'Terraform',
  opentofu: 'OpenTofu',
  pulumi: 'Pulumi',
  cloudformation: 'CloudFormation',
  cdk: 'AWS CDK',
  'aws-cdk': 'AWS CDK',
  crossplane: 'Crossplane',
  alchemy: 'alchemy',
};

/** Tags that other tools leave, or whose users put on by convention, the surest first. */
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
    owner: (value) => {
      const tool = DECLARED_TOOLS[value.toLowerCase()];
      return tool === undefined ? undefined : `${tool}, as its tag says`;
    },
  },
];

/** Paths that AWS keeps for itself. */
const RESERVED_PATHS: readonly string[] = ['/aws-service-role/', '/aws-reserved/'];

/**
 * Reads the owner off an entity's tags and path. Kinds that carry no tags are `unowned`: nothing can be proven.
 *
 * @param namespace - the namespace that asks
 * @param onReservedPath - the kind lives on such a path, which is then no sign of an owner
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
  // Last: an entity that was taken over from a stack keeps the stack's tags, which nobody but AWS can remove.
  const foreign = ownerByTags(observed.tags);
  return foreign === undefined ? { is: 'unowned' } : { is: 'foreign', owner: foreign };
}

/** Who owns an entity, for people who ask for nobody; null where no owner is to be seen. */
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
      const name = owner(value);
      if (name !== undefined) return name;
    }
  }
  return undefined;
}

/** The tag that says that a namespace declares a shared entity. */
export function sharedByTag(namespace: string): string {
  return `${SHARED_BY}${namespace}`;
}

/** Namespaces, other than the given one, that declare a shared entity. */
export function otherSharers(observed: Observed, namespace: string): string[] {
  return Object.keys(observed.tags)
    .filter((tag) => tag.startsWith(SHARED_BY))
    .map((tag) => tag.slice(SHARED_BY.length))
    .filter((sharer) => sharer !== namespace);
}

/** Marks that a Create carries. */
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
 * Marks that an adoption adds; the old owner is kept for the record.
 *
 * @param claim - what of a shared entity is this namespace's, as its kind writes it
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
    // Merged, not owned: whoever made it stays on record as its origin.
    const origin = Object.hasOwn(observed.tags, OwnershipTag.Origin) ? {} : { [OwnershipTag.Origin]: 'adopted' };
    return { [sharedByTag(namespace)]: claim, ...origin };
  }
  const previous =
    ownership.is === 'foreign'
      ? { [OwnershipTag.PreviousOwner]: ownership.owner.replace(NOT_IN_TAG_VALUES, '').slice(0, 256) }
      : {};
  return {
    [OwnershipTag.Namespace]: namespace,
    [OwnershipTag.Origin]: 'adopted',
    [OwnershipTag.Intent]: intent,
    ...previous,
  };
}

/** What is to be put on and taken off so that the marks of what is ours say what is declared: shared or not, and what. */
export function ownershipTagChanges(
  namespace: string,
  shared: boolean,
  observed: Observed,
  claim = '',
): { readonly put: Readonly<Record<string, string>>; readonly remove: readonly string[] } {
  const mine = sharedByTag(namespace);
  const wanted = shared ? { [mine]: claim } : { [OwnershipTag.Namespace]: namespace };
  const other = shared ? OwnershipTag.Namespace : mine;
  return {
    put: Object.fromEntries(Object.entries(wanted).filter(([tag, value]) => observed.tags[tag] !== value)),
    remove: Object.hasOwn(observed.tags, other) ? [other] : [],
  };
}

/**
 * The marks that a namespace takes off what it gives up. The last one takes off all of them: who adopts it later must
 * not find that it was made by one of us.
 */
export function ownershipTagsToRelease(namespace: string, observed: Observed): string[] {
  const mine: readonly string[] = [sharedByTag(namespace), OwnershipTag.Namespace];
  const shared = otherSharers(observed, namespace).length > 0;
  return Object.keys(observed.tags).filter((tag) => (shared ? mine.includes(tag) : isOwnershipTag(tag)));
}
