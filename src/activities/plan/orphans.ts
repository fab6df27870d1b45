import type { RefusedRead } from '../../aws/refused-reads.js';
import { isWrite } from '../../contract/actions.js';
import type { Declaration, DeclaringManifest, PlannedDeclaration } from '../../contract/declarations.js';
import { entityId, entityKey, entityKeyOfId, type DesiredEntity } from '../../contract/entity.js';
import type { Orphan, OtherManifest } from '../../contract/report.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { unprovable } from '../../engine/decision-texts.js';
import { keyOf } from '../../engine/manifest/manifest-kind.js';
import { ownershipOf, type Ownership } from '../../engine/ownership.js';
import { findKind } from '../../kinds/index.js';
import type { Kind, Observed } from '../../kinds/kind.js';
import { kindOf, type ObservedNamespace } from '../runtime/observe.js';
import type { Renames } from './renames.js';
import { orphanEntity } from './orphan-entity.js';
import { replacedBy } from './replaced.js';
import { holderRefusal, referredRefusal, unknownRefusal } from './removal-refusals.js';
import { withDecision, withPlanned, type AssessedEntity } from './assessed-entity.js';

/** The parts of a request that tell its manifest from others of the namespace. */
type Requested = Pick<BootstrapRequest, 'namespace' | 'manifest' | 'environment' | 'entities' | 'orphans'>;

/** A declaration in the ledger, with the kind of its entity. */
interface Known extends Declaration {
  readonly kind: Kind;
  readonly name: string;
}

/** Time after its declaration in which a run creates an entity, most likely. */
const SAME_RUN_MS = 3_600_000;

/** The ledger of a namespace, as one request sees it. */
export class NamespaceDeclarations {
  readonly #request: Requested;
  readonly #known: ReadonlyMap<string, Known>;
  readonly #declared: ReadonlySet<string>;
  readonly #renames: Renames;
  /** Entities that others of the request are made anew for. */
  readonly replaced: readonly DesiredEntity[];

  constructor(request: Requested, declarations: readonly Declaration[], renames: Renames) {
    this.#request = request;
    this.#renames = renames;
    this.#known = new Map(
      declarations.flatMap((one) => {
        const [kindName = '', ...name] = one.id.split('/');
        const kind = findKind(kindName);
        // A newer worker may know more kinds.
        return kind === undefined ? [] : [[entityKeyOfId(one.id), { ...one, kind, name: name.join('/') }]];
      }),
    );
    this.replaced = replacedBy(request.entities);
    this.#declared = new Set([...request.entities, ...this.replaced].map(entityKey));
  }

  /** Returns the entities that others were made anew for, as far as they may exist and be this namespace's. */
  stillReplaced({ observed, unread }: Pick<ObservedNamespace, 'observed' | 'unread'>): readonly DesiredEntity[] {
    return this.replaced.filter((entity) => {
      if (unread.has(entityKey(entity))) return true;
      const one = observed.get(entityKey(entity));
      const isOurs = one !== undefined && this.#ownership(kindOf(entity), one).is === 'ours';
      return isOurs || (one !== undefined && this.#known.has(entityKey(entity)));
    });
  }

  /**
   * Reports whether an entity may be another one than an index of tags shows: it is new to the ledger, which a Temporal
   * server may have lost, or was created anew since it was declared, by another caller too. Clocks differ by less than
   * the time that passes here.
   */
  mayBeRecreated(entity: DesiredEntity, { createdAt }: Observed): boolean {
    const known = this.#known.get(entityKey(entity));
    return known === undefined || Date.parse(createdAt ?? '') > Date.parse(known.at) + SAME_RUN_MS;
  }

  /** Entities that this manifest has declared and does not declare any more. */
  get left(): readonly DesiredEntity[] {
    return this.#left().map((known) => this.#entityOf(known));
  }

  /** Returns the orphans that the plan is to release or remove, and those that only their tags show. */
  released(found: ObservedNamespace): readonly DesiredEntity[] {
    const left = this.#left().filter((known) => !this.#look(known, found).isGone);
    const tagged = this.#taggedOnly(found).map(({ kind, observed: { name } }) => {
      const [property = ''] = kind.keyProperties;
      return { kind, name, key: { [property]: name } };
    });
    return [...left, ...tagged].map((one) => this.#entityOf(one)).sort((a, b) => compareIds(a, b));
  }

  /** The other manifests of the namespace, with the number of entities that this one does not declare. */
  get otherManifests(): readonly OtherManifest[] {
    const others = new Map<string, OtherManifest>();
    for (const [key, { manifest, environment }] of this.#known) {
      if (this.#isThisManifest({ manifest, environment }) || this.#declared.has(key)) continue;
      const name = JSON.stringify([manifest, environment]);
      others.set(name, { manifest, environment, entities: (others.get(name)?.entities ?? 0) + 1 });
    }
    return [...others.values()];
  }

  /**
   * Returns an entity of the plan with the change that it makes to the ledger. Refuses orphans that may be declared by
   * another manifest of the namespace, or that this one still names.
   */
  plan(assessed: AssessedEntity): AssessedEntity {
    const { entity, planned } = assessed;
    if (entity.orphan !== undefined && entity.orphan.renamedTo === undefined && !this.#known.has(entityKey(entity)))
      return withDecision(assessed, { ...unknownRefusal(entity, this.#request.namespace), drift: [] });
    const referred = entity.orphan && referredRefusal(entity, this.#request.entities);
    if (referred !== undefined && planned.decision.action === 'delete') return withDecision(assessed, referred);
    const holder = this.#otherHolder(entity);
    if (holder !== undefined && isWrite(planned.decision.action))
      return withDecision(assessed, holderRefusal(entity, holder));
    const declaration = this.#plannedFor(assessed);
    return declaration === undefined ? assessed : withPlanned(assessed, { declaration });
  }

  /** Returns the change that the plan of an entity makes to the ledger; undefined where it makes none. */
  #plannedFor({ kind, entity, observed, planned }: AssessedEntity): PlannedDeclaration | undefined {
    const { action } = planned.decision;
    if (entity.observe || action === 'refuse') return undefined;
    const known = this.#known.get(entityKey(entity));
    if (entity.state !== 'present') return known === undefined ? undefined : { is: 'dropped' };
    const protect = !kind.ownable && entity.protect === true ? { protect: true as const } : {};
    const isKnown = known !== undefined && this.#isThisManifest(known) && known.protect === protect.protect;
    return isKnown
      ? undefined
      : { is: 'declared', key: keyOf(kind, entity.spec), ...protect, ...this.#createdBefore(entity, observed) };
  }

  /** Returns the creation date of what this namespace has created under the name that the entity has until it is renamed. */
  #createdBefore(entity: DesiredEntity, observed: Observed | undefined): Pick<Declaration, 'createdAt'> {
    const old = this.#renames.pendingOld(entity);
    const { createdAt } = (old && this.#known.get(entityKey(old))) ?? {};
    return createdAt !== undefined && createdAt === observed?.createdAt ? { createdAt } : {};
  }

  /** Returns the other manifest that declares an entity by the name that it has until it is renamed. */
  #otherHolder(entity: DesiredEntity): Known | undefined {
    const old = entity.orphan?.renamedTo === undefined ? this.#renames.pendingOld(entity) : entity;
    const known = old && this.#known.get(entityKey(old));
    return known === undefined || this.#isThisManifest(known) ? undefined : known;
  }

  /** Returns what the namespace owns and no manifest is known to declare. */
  orphans(found: ObservedNamespace): readonly Orphan[] {
    const left = this.#left().flatMap((known) => {
      const { observed, isGone } = this.#look(known, found);
      return isGone ? [] : [this.#orphanOf(known, observed, found.unread.get(entityKeyOfId(known.id)))];
    });
    const tagged = this.#taggedOnly(found).map(({ kind, observed }): Orphan => {
      const origin = originOf(this.#ownership(kind, observed));
      const reason = `${origin ?? 'owned'} here; the ledger does not know which manifest declared it`;
      const { name, arn } = observed;
      return { kind: kind.name, name, arn, foundBy: ['tags'], origin, declaredBy: null, reason };
    });
    return [...left, ...tagged];
  }

  /** Returns the IDs of what has left the manifest and the namespace: it does not exist, or has another owner. */
  gone(found: ObservedNamespace): readonly string[] {
    const replaced = new Set(this.replaced.map(entityKey));
    const renamed = [...this.#known].filter(
      ([key]) =>
        this.#renames.find(key)?.is === 'done' ||
        (replaced.has(key) && found.lookedFor.has(key) && !found.observed.has(key)),
    );
    const left = this.#left().filter((known) => this.#look(known, found).isGone);
    return [...renamed.map(([, known]) => known), ...left].map(({ id }) => id);
  }

  /** Reports whether the ledger knows an entity, by its `entityKey`. */
  isKnown(key: string): boolean {
    return this.#known.has(key);
  }

  /** Returns the entities whose tags name the namespace, and that neither the request nor the ledger knows. */
  #taggedOnly({ observed }: ObservedNamespace): readonly { readonly kind: Kind; readonly observed: Observed }[] {
    return [...observed].flatMap(([key, one]) => {
      const kind = findKind(key.slice(0, key.indexOf('/')));
      if (kind === undefined || this.#declared.has(key) || this.#known.has(key)) return [];
      return this.#ownership(kind, one).is === 'ours' ? [{ kind, observed: one }] : [];
    });
  }

  /** Returns an orphan as an entity: it is released, or deleted if it was created here and released if it was adopted. */
  #entityOf({
    kind,
    name,
    key,
    createdAt,
    protect,
  }: Pick<Known, 'kind' | 'name' | 'key' | 'createdAt' | 'protect'>): DesiredEntity {
    return orphanEntity({
      kind: kind.name,
      name,
      state: this.#request.orphans === 'release' ? 'released' : 'destroyed',
      ...(protect === undefined ? {} : { protect }),
      orphan: createdAt === undefined ? {} : { createdAt },
      spec: key,
    });
  }

  #left(): readonly Known[] {
    return [...this.#known].flatMap(([key, known]) => {
      const isDeclared = this.#declared.has(key) || this.#renames.find(key) !== undefined;
      return this.#isThisManifest(known) && !isDeclared ? [known] : [];
    });
  }

  #isThisManifest({ manifest, environment }: DeclaringManifest): boolean {
    return manifest === this.#request.manifest && environment === this.#request.environment;
  }

  #ownership({ usesReservedPath }: Kind, observed: Observed): Ownership {
    return ownershipOf(observed, this.#request.namespace, usesReservedPath);
  }

  #look(
    { kind, id }: Known,
    { observed, lookedFor }: ObservedNamespace,
  ): { readonly observed: Observed | undefined; readonly isGone: boolean } {
    const key = entityKeyOfId(id);
    const one = observed.get(key);
    const isGone = one === undefined ? lookedFor.has(key) : this.#ownership(kind, one).is === 'foreign';
    return { observed: one, isGone };
  }

  #orphanOf(known: Known, observed: Observed | undefined, refused: RefusedRead | undefined): Orphan {
    const { kind, name, manifest, environment, runId, at } = known;
    const ownership = observed && this.#ownership(kind, observed);
    const isTagged = ownership?.is === 'ours';
    const origin = isTagged ? originOf(ownership) : isCreatedHere(known, observed) ? 'created' : null;
    const unproven = kind.ownable ? 'its tags show no owner' : unprovable(kind.name);
    const notRead =
      refused === undefined ? 'not read by this run' : `kept, as it could not be read: ${refused.message}`;
    const what = observed === undefined ? notRead : origin === null ? unproven : `${origin} here`;
    return {
      kind: kind.name,
      name,
      arn: observed?.arn ?? null,
      foundBy: isTagged ? ['tags', 'ledger'] : ['ledger'],
      origin,
      declaredBy: { manifest, environment, runId, at },
      reason: `${what}; last declared at ${at}`,
    };
  }
}

function compareIds(a: DesiredEntity, b: DesiredEntity): number {
  return entityId(a) < entityId(b) ? -1 : 1;
}

function originOf(ownership: Ownership): Orphan['origin'] {
  return ownership.is === 'ours' ? ownership.origin : null;
}

/** Reports whether an entity without tags is the very one that this namespace has created. */
function isCreatedHere({ createdAt }: Declaration, observed: Observed | undefined): boolean {
  return createdAt !== undefined && createdAt === observed?.createdAt;
}
