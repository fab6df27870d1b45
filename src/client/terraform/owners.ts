import { entityKey } from '../../contract/entity.js';
import type { EntityToLookUp, LookedUp } from '../../contract/look-up.js';
import { objectOrEmpty } from '../../engine/json.js';
import { ownerByTags } from '../../engine/ownership.js';
import type { Item, PlanItems } from './items.js';
import type { TerraformPlan } from './plan.js';

/** The owner of an entity that a plan would change. */
export interface Owner {
  /** Null where it has none, or its only mark is one of Terraform that the plan itself sets. */
  readonly owner: string | null;
  /** The owner that the plan's own tags name. Null where they name none. */
  readonly own: string | null;
}

/** The owners of entities, as plans with tags of their own see them. */
export class Owners {
  /** By plan, the owners that the tags of its resources name. */
  readonly #own: ReadonlyMap<TerraformPlan, ReadonlyMap<string | null, string>>;

  constructor(plans: readonly PlanItems[]) {
    this.#own = new Map(plans.map(({ plan, creates, keeps }) => [plan, marksOf([...creates, ...keeps])]));
  }

  /**
   * Returns the owner of an entity. A tag such as ManagedBy=terraform that the resource sets names no other owner: it is what
   * a lost state has left.
   */
  of(item: Item, entity: Pick<EntityToLookUp, 'kind' | 'name'>, { owner }: Pick<LookedUp, 'owner'>): Owner {
    const own = this.#own.get(item.plan)?.get(`${item.scope} ${entityKey(entity)}`) ?? null;
    return owner !== null && owner === own ? { owner: null, own } : { owner, own: null };
  }
}

function marksOf(items: readonly Item[]): ReadonlyMap<string | null, string> {
  return new Map(
    items.flatMap(({ key, change: { after } }) => {
      const owner = ownerByTags({ ...textsIn(after['tags']), ...textsIn(after['tags_all']) });
      return owner !== undefined && /^(?:Terraform|OpenTofu)\b/.test(owner) ? [[key, owner] as const] : [];
    }),
  );
}

function textsIn(value: Parameters<typeof objectOrEmpty>[0]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(objectOrEmpty(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
