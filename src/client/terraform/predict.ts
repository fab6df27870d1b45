import { HeldSet, type LookedUp } from '../../contract/look-up.js';
import type { Finding } from '../../contract/preflight.js';
import { refusedReadRemedy } from '../../report/refused-read.js';
import { findingOf, refusalOf } from './findings.js';
import type { Item } from './items.js';
import { type Known, notesOf } from './known-item.js';
import type { Missing } from './parents.js';
import { predictEntity } from './predict-entity.js';
import { overwritten, predictMembers } from './predict-members.js';
import type { ResourceType } from './resource-forms.js';

/** The plans around a create. */
interface Surroundings {
  /** Its place among the creates of credentials of one user, from 1. */
  readonly ordinal: number;
  /** The credentials of the user, where AWS limits their number and refuses those that are there. */
  readonly counted?: LookedUp | undefined;
  /** An entity that it needs and that will not be there. */
  readonly missing?: Missing | undefined;
  /** Inline policies that it lists, and that nobody makes. */
  readonly unmade?: readonly string[];
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
  const { missing } = around;
  const undecided = (missing && lacking(known, missing)) ?? unread(known);
  if (undecided !== undefined) return undecided;
  const { unmade = [] } = around;
  if (unmade.length > 0) return listsUnmade(item, unmade);
  if (type.ifPresent === 'adds') return predictAddition(known, around);
  const full = beyondLimit(known, around);
  if (full !== undefined) return full;
  if (found.status === 'absent') return absent(known);
  if (Object.keys(subject.members).length > 0) return predictMembers(known);
  return type.ifPresent === 'overwrites'
    ? overwritten(known, 'it exists, and the create overwrites it')
    : predictEntity(known, around.ownMark ?? null);
}

/** Predicts a create that lacks what it needs; undefined where AWS refuses it before. */
function lacking({ item, subject, found }: Known, missing: Missing): Finding | undefined {
  // AWS refuses a name that is there before it looks at what the create needs.
  const isThere = found.status === 'present' && Object.keys(subject.members).length === 0;
  return isThere ? undefined : orphaned(item, missing);
}

/** Returns the finding about an entity that could not be read; undefined where it could. */
function unread({ item, found: { status, message } }: Known): Finding | undefined {
  if (status !== 'unread' && (status !== 'present' || message === null)) return undefined;
  const text = message ?? '';
  return findingOf(item, { verdict: 'unread', reason: `not read: ${text}`, remedy: refusedReadRemedy(text) });
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
      remedy: "allow iam:GetAccountAuthorizationDetails to the worker's role",
    });
  }
  return findingOf(item, { verdict: 'create', reason: 'absent', notes: [...notesOf(type), ...ownerNotes] });
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
function orphaned(item: Item, { reason, operation = item.type?.operation ?? '' }: Missing): Finding {
  return findingOf(item, {
    verdict: 'orphan',
    error: { operation, code: 'NoSuchEntity' },
    reason,
    remedy: 'create what it belongs to in this plan or before it, or correct the name',
  });
}

/** Predicts a list of inline policies: the provider puts those that are absent without their documents. */
function listsUnmade(item: Item, names: readonly string[]): Finding {
  return findingOf(item, {
    verdict: 'orphan',
    error: {
      operation: item.type?.operation.replace(/^List(\w+)Policies$/, 'Put$1Policy') ?? '',
      code: 'ValidationError',
    },
    reason: `it lists ${names.join(', ')}, which is absent, and no plan creates it: the provider cannot, since it does not have the document`,
    remedy: 'create it as an inline policy of its own, or take it off the list',
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
