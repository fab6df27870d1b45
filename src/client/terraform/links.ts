import { type Item, placeOf, type PlanItems } from './items.js';

/** A part of an entity, or a connection between two, in the same words for all resource types that make it. */
interface Link {
  readonly item: Item;
  /** `role/deploy` */
  readonly entity: string;
  readonly set: string;
  /** The name of an inline policy or of a user, the ARN of a policy, or an alias. */
  readonly member: string;
}

/** A resource that removes the links which it does not list: those of an entity, or those to a member. */
interface Exclusion {
  readonly item: Item;
  readonly set: string;
  readonly side: 'entity' | 'member';
  readonly value: string;
}

/** The links that plans make or keep, and what removes them. */
export class Links {
  readonly #links: readonly Link[];
  readonly #byPlace: ReadonlyMap<string, readonly Link[]>;
  readonly #exclusions: ReadonlyMap<string, readonly Exclusion[]>;

  constructor(plans: readonly PlanItems[]) {
    const items = plans.flatMap(({ creates, keeps }) => [...creates, ...keeps]);
    this.#links = items.flatMap(linksOf);
    this.#byPlace = groupBy(this.#links, placesOf);
    this.#exclusions = groupBy(items.flatMap(exclusionOf), ({ item, set, side, value }) => [
      placeText(item, set, side, value),
    ]);
  }

  /** Returns the links that the plans make and a resource does not list and removes, as texts: `p (aws_iam_role_policy.p)`. */
  removedBy(item: Item): readonly string[] {
    return exclusionOf(item).flatMap((exclusion) => {
      const { set, side, value } = exclusion;
      const listed = new Set(linksOf(item).map(pairOf));
      const others = this.#byPlace.get(placeText(item, set, side, value)) ?? [];
      return others
        .filter((link) => link.item !== item && !listed.has(pairOf(link)))
        .map((link) => `${side === 'entity' ? link.member : link.entity} (${placeOf(link.item, item)})`);
    });
  }

  /** Returns the resources that remove what a resource makes. */
  removersOf(item: Item): readonly string[] {
    const removers = linksOf(item).flatMap((link) =>
      placesOf(link)
        .flatMap((place) => this.#exclusions.get(place) ?? [])
        .filter(({ item: other }) => other !== item && !linksOf(other).map(pairOf).includes(pairOf(link)))
        .map(({ item: other }) => placeOf(other, item)),
    );
    return [...new Set(removers)];
  }

  /** Returns the inline policies that a resource lists, and that no resource makes. */
  unmade(item: Item): readonly string[] {
    const own = linksOf(item);
    if (item.type?.ifPresent !== 'excludes') return [];
    const made = new Set(
      this.#links
        .filter(({ item: other }) => other.type?.ifPresent === 'overwrites' && other.scope === item.scope)
        .map(pairOf),
    );
    return own.filter((link) => link.set === 'inlinePolicies' && !made.has(pairOf(link))).map(({ member }) => member);
  }
}

/** Returns what a resource makes or lists. */
function linksOf(item: Item): readonly Link[] {
  const { type, subject } = item;
  if (type === undefined || subject === null) return [];
  const entity = `${type.kind}/${subject.name}`;
  return Object.entries(subject.members).flatMap(([set, names]) =>
    names.flatMap((name): readonly Link[] => {
      switch (set) {
        case 'attachedTo':
          return [{ item, entity: name, set: 'managedPolicyArns', member: subject.arn ?? subject.name }];
        case 'groups':
          return [{ item, entity: `Group/${name}`, set: 'users', member: subject.name }];
        default:
          return [{ item, entity, set, member: name }];
      }
    }),
  );
}

/** Returns what a resource removes beside its own list. */
function exclusionOf(item: Item): readonly Exclusion[] {
  const { type, subject } = item;
  if (type === undefined || subject === null) return [];
  const isAlias = type.kind === 'AccountAlias';
  if (type.ifPresent !== 'excludes' && !isAlias) return [];
  const entity = `${type.kind}/${subject.name}`;
  return Object.keys(subject.members).map((set) =>
    set === 'attachedTo'
      ? { item, set: 'managedPolicyArns', side: 'member' as const, value: subject.arn ?? subject.name }
      : { item, set, side: 'entity' as const, value: entity },
  );
}

function placesOf({ item, set, entity, member }: Link): readonly string[] {
  return [placeText(item, set, 'entity', entity), placeText(item, set, 'member', member)];
}

/** The names of IAM differ in their case only where they are the same. */
function placeText({ scope }: Item, set: string, side: Exclusion['side'], value: string): string {
  return [scope, set, side, value.toLowerCase()].join(' ');
}

function pairOf({ entity, set, member }: Link): string {
  return `${entity} ${set} ${member}`.toLowerCase();
}

function groupBy<T>(list: readonly T[], keysOf: (one: T) => readonly string[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const one of list) {
    for (const key of keysOf(one)) {
      const group = groups.get(key) ?? [];
      group.push(one);
      groups.set(key, group);
    }
  }
  return groups;
}
