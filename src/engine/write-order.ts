import type { DenialChange } from './policy/grants.js';

/**
 * The effect of a write on what an entity permits: on what it may do, or on who may use it.
 *
 * - `narrows`: only takes away.
 * - `bounds`: exchanges one permissions boundary for another.
 * - `changes`: gives and takes, as a new document does.
 * - `grants`: only gives.
 * - `unbounds`: removes a permissions boundary.
 * - `neutral`: neither gives nor takes, as a description or a tag.
 * - `trusts`: lets others use the entity.
 * - `renames`: gives the entity another name. All other writes use the old one.
 */
export type WriteEffect = 'narrows' | 'bounds' | 'changes' | 'grants' | 'unbounds' | 'neutral' | 'trusts' | 'renames';

/** The change that a write makes to the usage of a quota of its entity, such as the total size of its inline policies. */
export interface Room {
  /** Key of `GetAccountSummary`: `RolePolicySizeQuota`. */
  readonly quota: string;
  /** The unit, for people: `attached policies`. */
  readonly label: string;
  /** The thing that takes the room, such as a policy by its name. */
  readonly item: string;
  /** The usage by all items before the first write. */
  readonly used: number;
  /** The usage by this item before the first write, and after this write. */
  readonly before: number;
  readonly after: number;
}

/** The members of a write that its place in the order depends on. */
export interface OrderedWrite<W> {
  /** Default: `neutral`. */
  readonly effect?: WriteEffect;
  /** The write that takes what this one takes and gives nothing. It is sent before where the order alone is not enough. */
  readonly narrowing?: W;
  /** True where a write of effect `changes` is preceded by its {@link narrowing} in any case. Default: false. */
  readonly isReducedFirst?: boolean;
  /** The change of denials that comes with a write of effect `changes`. Default: `same`. */
  readonly denials?: DenialChange;
  /** Default: the write uses no quota of its entity. */
  readonly room?: Room;
  /** Reports an error that means "already in the wanted state". */
  readonly isAlreadyApplied?: ((error: never) => boolean) | undefined;
  /** Reports an error that means that the read behind the write is outdated. */
  readonly isOutdated?: ((error: never) => boolean) | undefined;
}

const WIDENING: ReadonlySet<WriteEffect> = new Set(['bounds', 'changes', 'grants', 'unbounds']);

/**
 * Orders the writes of one entity so that at no moment it permits more than the larger of before and after, taken
 * together over policies, boundary and trust: what narrows is first, and who may use the entity grows last. Writes of
 * one effect keep their order. The caller sends one write after the other and stops at the first that fails, so a
 * narrowing that fails widens nothing.
 *
 * An extra narrowing write is sent where two writes that give and take would mix:
 *
 * - A trust policy is reduced to what old and new have in common, where anything else gives.
 * - Documents are reduced likewise where a write asks for it, where the boundary is exchanged, or where several change and their own order is not
 *   enough: a denial of one document restricts what the others allow, so that new denials come first and old ones stay
 *   until the end.
 */
export function orderByEffect<W extends OrderedWrite<W>>(writes: readonly W[]): readonly W[] {
  const having = (wanted: WriteEffect): W[] => writes.filter(({ effect = 'neutral' }) => effect === wanted);
  const reduced = reducedOf(having('changes'), having('bounds').length > 0);
  const direct = having('changes').filter((write) => !reduced.includes(write));
  const changing = (wanted: DenialChange): W[] => direct.filter(({ denials = 'same' }) => denials === wanted);
  const isGiving = writes.some(({ effect = 'neutral' }) => WIDENING.has(effect));
  const before = [...(isGiving ? having('trusts') : []), ...reduced].flatMap(({ narrowing }) => narrowing ?? []);
  const narrowing = [...having('narrows'), ...before];
  return [
    ...(isGiving || having('trusts').length > 0 ? narrowing.map(withProof) : narrowing),
    ...having('bounds'),
    ...changing('more'),
    ...changing('same'),
    ...changing('other'),
    ...changing('fewer'),
    ...reduced,
    ...having('grants'),
    ...having('unbounds'),
    ...having('neutral'),
    ...having('trusts'),
    ...having('renames'),
  ];
}

/** Returns the changing documents that are reduced first. One that brings denials and one that drops some need it not. */
function reducedOf<W extends OrderedWrite<W>>(changing: readonly W[], isBoundaryExchanged: boolean): readonly W[] {
  if (isBoundaryExchanged) return changing;
  const asked = changing.filter(({ isReducedFirst }) => isReducedFirst);
  const others = changing.filter(({ isReducedFirst }) => !isReducedFirst);
  if (others.length === 1) return asked;
  const having = (wanted: DenialChange): W[] => others.filter(({ denials }) => denials === wanted);
  return [...asked, ...having('other'), ...having('more').slice(1), ...having('fewer').slice(1)];
}

/**
 * Lets a narrowing write count only where AWS confirms it. A replica that is behind may answer that there is nothing to
 * take away; the entity is then read again before anything widens.
 */
function withProof<W extends OrderedWrite<W>>(write: W): W {
  const { isAlreadyApplied } = write;
  return isAlreadyApplied === undefined
    ? write
    : { ...write, isAlreadyApplied: undefined, isOutdated: isAlreadyApplied };
}

/** The usage of a quota before the first of several writes, after the last one, and the largest on the way. */
export interface PeakUsage extends Pick<Room, 'quota' | 'label'> {
  readonly start: number;
  readonly peak: number;
  readonly end: number;
}

/** Returns the usage of each quota that writes change, in the order in which they are sent. */
export function peakUsage(writes: readonly { readonly room?: Room }[]): readonly PeakUsage[] {
  const usages = new Map<string, PeakUsage>();
  const items = new Map<string, number>();
  for (const { room } of writes) {
    if (room === undefined) continue;
    const { quota, label, item, used, before, after } = room;
    const key = JSON.stringify([quota, item]);
    const known = usages.get(quota) ?? { quota, label, start: used, peak: used, end: used };
    const end = known.end - (items.get(key) ?? before) + after;
    items.set(key, after);
    usages.set(quota, { ...known, peak: Math.max(known.peak, end), end });
  }
  return [...usages.values()];
}
