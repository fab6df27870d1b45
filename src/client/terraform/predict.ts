import { HeldSet, type LookedUp } from '../../contract/look-up.js';
import type { Finding } from '../../contract/preflight.js';
import { findingOf, refusalIfPresent, refusalOf } from './findings.js';
import type { Item } from './items.js';
import { importIdOf, type Known, LEAVE_IT, notesOf } from './known-item.js';
import { overwritten, predictMembers } from './predict-members.js';
import type { ResourceType } from './resource-forms.js';

/** The plans around a create. */
interface Surroundings {
  /** Its place among the creates of credentials of one user, from 1. */
  readonly ordinal: number;
  /** The credentials of the user, where AWS limits their number and refuses those that are there. */
  readonly counted?: LookedUp | undefined;
  /** An entity that it needs and that will not be there. */
  readonly missing?: string | undefined;
  /** The entity that it belongs to is destroyed and made anew: what it has now is gone. */
  readonly isReplaced?: boolean;
  /** Credentials of the same user that the plan destroys, unless it does so after their own create. */
  readonly destroyed?: readonly Item[];
  /** The owner of the entity that it belongs to. */
  readonly hostOwner?: { readonly owner: string; readonly text: string } | undefined;
  /** The mark of Terraform that the entity has, and the plan sets as well. */
  readonly ownMark?: string | null;
}

/**
 * Predicts what a create meets.
 *
 * @param item - the resource
 * @param read - the entity in the account, which the resource makes or belongs to
 * @param around - what the plans do beside it
 */
export function predict(item: Item, read: LookedUp, around: Surroundings): Finding {
  const found: LookedUp = around.isReplaced === true ? { ...read, status: 'absent', members: {} } : read;
  const { type, subject } = item;
  if (type === undefined || subject === null) throw new Error('only an item with a known name can be looked up');
  const owners = ownersIn(type, found, around);
  const known = { item, type, subject, found, ...owners };
  const isUnread = found.status === 'unread' || (found.status === 'present' && found.message !== null);
  if (around.missing !== undefined) return orphaned(item, around.missing);
  if (isUnread) {
    const remedy = "grant the action to the worker's role, and check again";
    return findingOf(item, { verdict: 'unread', reason: `not read: ${found.message ?? ''}`, remedy });
  }
  if (type.ifPresent === 'adds') return predictAddition(known, around);
  const full = beyondLimit(known, around);
  if (full !== undefined) return full;
  if (found.status === 'absent') return absent(known);
  if (Object.keys(subject.members).length > 0) return predictMembers(known);
  return type.ifPresent === 'overwrites'
    ? overwritten(known, 'it exists, and the create overwrites it')
    : predictEntity(known, around.ownMark ?? null);
}

/** Returns the owner of what a create adds to or changes. */
function ownersIn(type: ResourceType, { owner, name }: LookedUp, { hostOwner }: Surroundings) {
  if (owner !== null) return { owner, ownerNotes: [`${type.kind}/${name ?? ''} belongs to ${owner}`] };
  return hostOwner === undefined
    ? { owner: null, ownerNotes: [] }
    : { owner: hostOwner.owner, ownerNotes: [hostOwner.text] };
}

function absent({ item, type, found, ownerNotes }: Known): Finding {
  if (type.hasVariants === true && found.isByExactName === true) {
    return findingOf(item, {
      verdict: 'unread',
      reason:
        'absent by its exact name only: AWS refused the listing, so the account may have it in another case or under another path',
      remedy:
        "grant the listing to the worker's role (iam:GetAccountAuthorizationDetails, or the List action of the kind)",
    });
  }
  return findingOf(item, { verdict: 'create', reason: 'absent', notes: [...notesOf(type), ...ownerNotes] });
}

/** Returns what an import needs beside its block, so that the next apply does not replace what was imported. */
function importNotes({ unreadable }: ResourceType): readonly string[] {
  if (unreadable === undefined) return [];
  const ignored = `lifecycle { ignore_changes = [${unreadable.join(', ')}] }`;
  return [
    `an import alone would replace it, because AWS does not show its secret: add ${ignored} to the resource first`,
  ];
}

/** Predicts a credential or a membership that a user has no room for; undefined where there is room. */
function beyondLimit({ item, type, subject, found }: Known, { ordinal, counted }: Surroundings): Finding | undefined {
  const { perUser } = type;
  const groups = subject.members[HeldSet.Groups];
  if (perUser === undefined || (groups === undefined && found.status === 'present')) return undefined;
  const set = groups === undefined ? counted?.members[HeldSet.Credentials] : found.members[HeldSet.Groups];
  const { present, others, omitted } = set ?? { present: [], others: [], omitted: 0 };
  if (present.length === groups?.length) return undefined;
  const have = present.length + others.length + omitted;
  if (have + ordinal <= perUser) return undefined;
  const what = groups === undefined ? 'of them' : 'groups';
  return findingOf(item, {
    verdict: 'limit',
    error: { operation: type.operation, code: 'LimitExceeded' },
    reason: `AWS allows a user ${String(perUser)} ${what}; the user has ${String(have)}, and the plans add ${String(ordinal)} up to this one`,
    remedy: groups === undefined ? 'delete one that is not used' : 'take the user out of a group, or give it fewer',
  });
}

/** Predicts a part of an entity that is not there. */
function orphaned(item: Item, missing: string): Finding {
  return findingOf(item, {
    verdict: 'orphan',
    error: { operation: item.type?.operation ?? '', code: 'NoSuchEntity' },
    reason: missing,
    remedy: 'create what it belongs to in this plan or before it, or correct the name',
  });
}

function predictEntity(known: Known, ownMark: string | null): Finding {
  const { item, subject, found, type } = known;
  const { name, arn, owner, path } = found;
  const differences = [
    ...(name !== null && name !== subject.name && name.toLowerCase() === subject.name.toLowerCase()
      ? [`the name ${name}`]
      : []),
    ...(subject.path !== undefined && path !== null && path !== subject.path ? [`the path ${path}`] : []),
  ];
  const base = { error: refusalOf(item), arn, owner };
  if (owner !== null) {
    return findingOf(item, {
      ...base,
      verdict: 'foreign',
      importId: importIdOf(known),
      reason: `it exists and belongs to ${owner}`,
      remedy: 'give it another name, or take it over from its owner first: two owners would undo each other’s changes',
      notes: differences.length === 0 ? [] : [`it has ${differences.join(' and ')}`],
    });
  }
  if (item.isRename) {
    return findingOf(item, {
      ...base,
      verdict: 'collision',
      reason: `the plan renames another one to it in place, and the account has it already${differences.length === 0 ? '' : `, with ${differences.join(' and ')}`}`,
      remedy: 'give it another name, or delete or rename the one that is there first',
    });
  }
  if (differences.length > 0) {
    return findingOf(item, {
      ...base,
      verdict: 'collision',
      importId: type.movedBy !== undefined ? importIdOf(known) : null,
      reason: `the name is taken: the account has it with ${differences.join(' and ')}, which does not make two names different`,
      remedy:
        type.movedBy !== undefined
          ? 'import it: the plan then changes name and path in place; or give the resource another name'
          : `write it as the account has it and import it with ${importIdOf(known) ?? 'its ID'}, or give it another name: an import as it is would replace it`,
      notes: importNotes(type),
    });
  }
  return findingOf(item, {
    ...base,
    verdict: 'import',
    importId: importIdOf(known),
    owner: known.owner,
    reason: `it exists${createdText(found)}, and shows no ${ownMark === null ? '' : 'other '}owner`,
    remedy: known.owner === null ? 'import it, or give it another name' : LEAVE_IT,
    notes: [
      ...(ownMark === null ? [] : [`it belongs to ${ownMark}, as this plan writes: another state may have it`]),
      ...importNotes(type),
      ...known.ownerNotes,
    ],
  });
}

/** Predicts one more credential of a user: AWS limits their number. */
function predictAddition({ item, type, found, ownerNotes }: Known, { ordinal, destroyed = [] }: Surroundings): Finding {
  const { others = [], omitted = 0 } = found.members[HeldSet.Credentials] ?? {};
  const freed = destroyed.flatMap(({ change }) => {
    const id = Object.values(change.before).find((value) => typeof value === 'string' && others.includes(value));
    return typeof id === 'string' ? [{ id, isOrdered: change.actions.includes('create') }] : [];
  });
  const present = others.length + omitted - freed.length;
  const { limit = Infinity } = type;
  const kept = others.filter((id) => !freed.some((one) => one.id === id));
  const have = `the user has ${String(present)} already: ${kept.join(', ')}`;
  if (present + ordinal <= limit) {
    const unordered = freed.filter(({ isOrdered }) => !isOrdered).map(({ id }) => id);
    const needsRoom = others.length + omitted + ordinal > limit && unordered.length > 0;
    return findingOf(item, {
      verdict: 'create',
      reason: present === 0 ? 'absent' : `it makes one more; ${have}`,
      notes: [
        ...(needsRoom
          ? [
              `it needs the room of ${unordered.join(', ')}, and nothing makes Terraform destroy that before this create`,
            ]
          : []),
        ...ownerNotes,
      ],
    });
  }
  const alsoCreated = ordinal > 1 ? [`the plans create ${String(ordinal - 1)} before this one`] : [];
  return findingOf(item, {
    verdict: 'limit',
    error: refusalOf(item),
    reason: `AWS allows ${String(limit)}; ${[...(present > 0 ? [have] : []), ...alsoCreated].join(', and ')}`,
    remedy: 'delete one that is not used; Terraform cannot take one over, because AWS shows its secret once',
  });
}

function createdText({ createdAt }: LookedUp): string {
  return createdAt === null ? '' : `, created ${createdAt.slice(0, 10)}`;
}
