import type { Observed } from './compare.js';

/** Tags by which an entity shows its owner, how it came to be ours, and which run made it. */
export const Mark = {
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

/** Whether a tag is one of ours: never drift, never undeclared. */
export function isMark(tag: string): boolean {
  return tag.startsWith('iam-bootstrap:');
}

/** Who owns an entity, as far as it shows. */
export type Ownership =
  | { readonly is: 'ours'; readonly origin: 'created' | 'adopted'; readonly intent: string | null }
  | { readonly is: 'unowned' }
  | { readonly is: 'foreign'; readonly owner: string };

/** Tags that other tools leave, with how their owner is named to people. */
const FOREIGN_TAGS: readonly { readonly tag: string; readonly owner: (value: string) => string }[] = [
  { tag: 'aws:cloudformation:stack-name', owner: (stack) => `CloudFormation stack "${stack}"` },
  { tag: 'aws:cloudformation:stack-id', owner: (stack) => `CloudFormation stack "${stack}"` },
  { tag: 'alchemy::stack', owner: (stack) => `alchemy stack "${stack}"` },
  { tag: 'pulumi:stack', owner: (stack) => `Pulumi stack "${stack}"` },
  { tag: 'pulumi:project', owner: (project) => `Pulumi project "${project}"` },
  { tag: 'services.k8s.aws/namespace', owner: (namespace) => `ACK controller, Kubernetes namespace "${namespace}"` },
  { tag: 'crossplane-name', owner: (name) => `Crossplane resource "${name}"` },
];

/** Paths that AWS keeps for itself. */
const RESERVED_PATHS: readonly string[] = ['/aws-service-role/', '/aws-reserved/'];

/**
 * Reads the owner off an entity's tags and path. Kinds that carry no tags are `unowned`: nothing can be proven.
 *
 * @param namespace - the namespace that asks
 */
export function ownershipOf(observed: Observed, namespace: string): Ownership {
  const reserved = RESERVED_PATHS.find((path) => observed.arn.includes(`:role${path}`));
  if (reserved !== undefined) return { is: 'foreign', owner: `AWS (path ${reserved})` };

  const owner = observed.tags[Mark.Namespace];
  if (owner === namespace || Object.hasOwn(observed.tags, sharedMark(namespace))) {
    const origin = observed.tags[Mark.Origin] === 'adopted' ? 'adopted' : 'created';
    return { is: 'ours', origin, intent: observed.tags[Mark.Intent] ?? null };
  }
  if (owner !== undefined) return { is: 'foreign', owner: `iam-bootstrap namespace "${owner}"` };
  // Last: an entity that was taken over from a stack keeps the stack's tags, which nobody but AWS can remove.
  const foreign = FOREIGN_TAGS.find(({ tag }) => Object.hasOwn(observed.tags, tag));
  if (foreign !== undefined) return { is: 'foreign', owner: foreign.owner(observed.tags[foreign.tag] ?? '') };
  return { is: 'unowned' };
}

/** The tag that says that a namespace declares a shared entity. */
export function sharedMark(namespace: string): string {
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
export function marksOfCreate(namespace: string, intent: string, shared: boolean): Record<string, string> {
  const owner = shared ? { [sharedMark(namespace)]: '' } : { [Mark.Namespace]: namespace };
  return { ...owner, [Mark.Origin]: 'created', [Mark.Intent]: intent };
}

/** Marks that an adoption adds; the old owner is kept for the record. */
export function marksOfAdoption(
  namespace: string,
  intent: string,
  shared: boolean,
  observed: Observed,
  ownership: Ownership,
): Record<string, string> {
  if (shared) {
    // Merged, not owned: whoever made it stays on record as its origin.
    const origin = Object.hasOwn(observed.tags, Mark.Origin) ? {} : { [Mark.Origin]: 'adopted' };
    return { [sharedMark(namespace)]: '', ...origin };
  }
  const previous =
    ownership.is === 'foreign'
      ? { [Mark.PreviousOwner]: ownership.owner.replace(NOT_IN_TAG_VALUES, '').slice(0, 256) }
      : {};
  return { [Mark.Namespace]: namespace, [Mark.Origin]: 'adopted', [Mark.Intent]: intent, ...previous };
}
