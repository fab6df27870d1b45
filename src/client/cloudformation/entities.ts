import type { Problem, Report } from '../../engine/manifest/problem.js';
import { problemAt, scalarTree, type SourceOffset } from '../../engine/manifest/tree.js';
import { suggestion } from '../../engine/text.js';
import { arnToken } from '../manifest/template-text.js';
import { checkAttributes, checkCycles, protectionOf } from './attributes.js';
import { append, pathTo, setProperty, type Entity } from './entity.js';
import { textOf } from './parameters.js';
import { Parts, checkProperties, type Part } from './parts.js';
import { readProperty, textsOf } from './properties.js';
import { entityTypeOf, isIam, KNOWN_TYPES, partTypeOf, type EntityType, type PropertyRule } from './resource-types.js';
import type { StackOptions, StackScope } from './scope.js';
import { SecretReader } from './secrets.js';
import type { Resource, Template } from './template.js';

/** The entities of a template. */
export interface ReadEntities {
  readonly entities: readonly Entity[];
  /** The number of resources that are left out, by type. */
  readonly ignored: ReadonlyMap<string, number>;
  /** Warnings about what is written and has no effect. */
  readonly warnings: readonly Problem[];
}

/** Reads the entities of a template, and gives each the policies and members that the template declares beside it. */
export function readEntities(
  template: Template,
  scope: StackScope,
  options: StackOptions,
  report: Report,
): ReadEntities {
  const reader = new EntityReader(scope, options, report);
  const ignored = new Map<string, number>();
  let isIncomplete = template.refused.size > 0;
  for (const resource of template.resources.values()) {
    if (!isIam(resource.type)) {
      ignored.set(resource.type, (ignored.get(resource.type) ?? 0) + 1);
      continue;
    }
    checkAttributes(resource, template, report);
    const isCreated = scope.isCreated(resource);
    if (isCreated === true) reader.read(resource);
    isIncomplete ||= isCreated === undefined || !KNOWN_TYPES.includes(resource.type);
  }
  checkCycles(template, report);
  reader.parts.giveTo(reader.entities, isIncomplete);
  return { entities: reader.entities, ignored, warnings: reader.parts.warnings };
}

class EntityReader {
  readonly entities: Entity[] = [];
  readonly parts: Parts;
  private readonly secrets: SecretReader;

  constructor(
    private readonly scope: StackScope,
    options: StackOptions,
    private readonly report: Report,
  ) {
    this.parts = new Parts(scope, report);
    this.secrets = new SecretReader(scope, options, report);
  }

  read(resource: Resource): void {
    const { type, logicalId, at, written } = resource;
    if (!KNOWN_TYPES.includes(written.type)) {
      const remedy = suggestion(written.type, KNOWN_TYPES, 'remove it');
      this.report(problemAt(at, ['Resources', logicalId], `${written.type} is not a known type`, remedy));
    }
    const entityType = entityTypeOf(type);
    const partType = partTypeOf(type);
    if (entityType !== undefined) this.entity(resource, entityType);
    else if (partType !== undefined) this.parts.read(resource, partType);
  }

  private entity(resource: Resource, type: EntityType): void {
    const { logicalId, at, tree } = resource;
    const name = type.name === null ? undefined : this.scope.nameOf(resource);
    const entity: Entity = { logicalId, kind: type.kind, name, at, properties: new Map(), notes: [] };
    const login = this.properties(entity, resource, type);
    if (type.secret !== undefined) this.secrets.location(entity, resource, type.secret);
    const made = login === undefined ? [entity] : [entity, login];
    this.entities.push(...made);
    const policy = tree.entries.get('DeletionPolicy');
    const protection = protectionOf(resource);
    // Left out, it would keep the protection that an earlier version of the template has set.
    if (policy !== undefined && protection !== undefined)
      for (const one of made) setProperty(one, 'protect', scalarTree(policy.value.at, protection), policy.at);
    const replaced = textOf(tree.entries.get('UpdateReplacePolicy')?.value);
    // What is protected is not replaced either.
    if (replaced === 'Retain' && protection !== true)
      this.leaveOut(entity, ['Resources', logicalId, 'UpdateReplacePolicy'], 'UpdateReplacePolicy', at);
  }

  /** Gives an entity its properties. Returns the login profile of a user that has one. */
  private properties(entity: Entity, resource: Resource, type: EntityType): Entity | undefined {
    const { entries } = resource.properties;
    const nameProperty = type.name?.property ?? '';
    const nameRule = type.properties[nameProperty];
    if (nameRule !== undefined && entity.name !== undefined) {
      const written = entries.get(nameProperty);
      const at = written?.value.at ?? resource.at;
      setProperty(entity, nameRule.to, scalarTree(at, entity.name), written?.at ?? at);
    }
    let login: Entity | undefined;
    checkProperties(resource, this.report);
    for (const property of entries.keys()) {
      const rule = Object.hasOwn(type.properties, property) ? type.properties[property] : undefined;
      if (rule?.as === 'login') login = this.secrets.login(entity, resource);
      else if (rule !== undefined && rule !== nameRule) this.property(entity, resource, property, rule);
    }
    return login;
  }

  private property(entity: Entity, resource: Resource, property: string, rule: PropertyRule): void {
    const { as, to } = rule;
    const entry = resource.properties.entries.get(property);
    if (entry === undefined) return;
    if (as === 'ignored') this.leaveOut(entity, pathTo(resource, property), property, entry.at);
    else if (as === 'secret') this.secrets.property(entity, resource, property, to);
    else {
      const value = readProperty(entry.value, as, this.scope, pathTo(resource, property));
      if (value === undefined || value === null) return;
      if (as !== 'attached' && as !== 'member') setProperty(entity, to, value, entry.at);
      else for (const target of textsOf(value)) this.beside(entity, resource, { property, kind: to, target, as });
    }
  }

  private leaveOut(entity: Entity, path: readonly PropertyKey[], what: string, at: SourceOffset): void {
    entity.notes.push(`${what} is left out`);
    this.parts.warnings.push(problemAt(at, path, `${what} of ${entity.logicalId} has no effect`, 'remove it'));
  }

  /** Gives another entity the attachment of a policy, or a user as a member. */
  private beside(
    entity: Entity,
    resource: Resource,
    { as, ...target }: Pick<Part, 'property' | 'kind' | 'target'> & { readonly as: 'attached' | 'member' },
  ): void {
    const text = as === 'attached' ? arnToken(entity.logicalId) : entity.name;
    if (text === undefined) return;
    const to = as === 'attached' ? 'managedPolicyArns' : 'users';
    this.parts.add({
      resource,
      ...target,
      add: (other, at) => {
        append(other, to, text, at, this.scope);
      },
    });
  }
}
