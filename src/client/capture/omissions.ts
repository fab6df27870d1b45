import type { CapturedEntity, LeftOutEntity } from '../../contract/capture.js';
import { entityId } from '../../contract/entity.js';
import type { Kind } from '../../kinds/kind.js';
import { isRequired } from './draft.js';
import type { NotDeclared, Refusal } from './written-manifest.js';

/** The entities and parts of entities that a manifest does not declare, because it cannot. */
export class Omissions {
  private readonly entities = new Map<string, LeftOutEntity>();
  private readonly parts = new Map<string, NotDeclared>();
  private hasDefaults = true;

  /** Reports whether common values are moved to the defaults. */
  get keepsDefaults(): boolean {
    return this.hasDefaults;
  }

  get leftOut(): readonly LeftOutEntity[] {
    return [...this.entities.values()];
  }

  get notDeclared(): readonly NotDeclared[] {
    return [...this.parts.values()].filter((part) => !this.isLeftOut(part));
  }

  isLeftOut(entity: Pick<CapturedEntity, 'kind' | 'name'>): boolean {
    return this.entities.has(entityId(entity));
  }

  has(entity: CapturedEntity, property: string, member?: string): boolean {
    return this.parts.has(partKey(entity, property, member));
  }

  /** Returns the comments about what is missing of an entity. */
  notesOf(entity: CapturedEntity): readonly string[] {
    return this.notDeclared
      .filter((part) => entityId(part) === entityId(entity))
      .map(({ reason }) => `Not declared: ${reason}`);
  }

  leaveOut({ kind, name, arn }: CapturedEntity, reason: string): void {
    this.entities.set(entityId({ kind, name }), { kind, name, arn, leftOut: reason });
  }

  /** Leaves out what was refused. A part that is refused for several reasons is one part. Returns whether anything is new. */
  addAll(refusals: readonly Refusal[]): boolean {
    const parts = new Map(refusals.map((refusal) => [refusalKey(refusal), refusal]));
    return [...parts.values()].map((refusal) => this.add(refusal)).includes(true);
  }

  /** Leaves out a member or a property that was refused, or else the entity. Returns whether that is new. */
  add({ entity, kind, property, member, reason }: Omit<Refusal, 'problem'>): boolean {
    if (entity === undefined || kind === undefined) {
      const isNew = this.hasDefaults && property === 'defaults';
      this.hasDefaults &&= !isNew;
      return isNew;
    }
    if (this.isLeftOut(entity)) return false;
    const key = partKey(entity, property, member);
    if (isOptional(kind, property, member) && !this.parts.has(key)) {
      const name = member === undefined ? property : `${property}.${member}`;
      this.parts.set(key, { kind: entity.kind, name: entity.name, property: name, reason });
    } else this.leaveOut(entity, `cannot be declared: ${reason}`);
    return true;
  }
}

function refusalKey({ entity, property, member }: Refusal): string {
  return entity === undefined ? property : partKey(entity, property, member);
}

function partKey(entity: CapturedEntity, property: string, member: string | undefined): string {
  return JSON.stringify([entityId(entity), property, member ?? null]);
}

function isOptional(kind: Kind, property: string, member: string | undefined): boolean {
  if (property === 'tags') return member !== undefined;
  return (
    Object.hasOwn(kind.schema.shape, property) && !kind.keyProperties.includes(property) && !isRequired(kind, property)
  );
}
