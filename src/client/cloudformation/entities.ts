import type { Json, JsonObject } from '../../contract/entity.js';
import { quoted, type Report } from '../../engine/manifest/problem.js';
import { problemAt, type SourceOffset } from '../../engine/manifest/tree.js';
import { suggestion } from '../../engine/text.js';
import { textOf } from './parameters.js';
import { readProperty } from './properties.js';
import {
  entityTypeOf,
  KNOWN_TYPES,
  partTypeOf,
  type EntityType,
  type PartType,
  type PropertyRule,
} from './resource-types.js';
import { pathTo, type StackOptions, type StackScope } from './scope.js';
import { checkDependsOn, type Resource, type Template } from './template.js';
import { arnToken } from '../manifest/template-text.js';

/** An entity of a template. Its texts hold tokens. */
export interface Entity {
  readonly logicalId: string;
  readonly kind: string;
  readonly name: string | undefined;
  readonly at: SourceOffset;
  readonly properties: Map<string, Json>;
  readonly notes: string[];
}

/** The entities of a template. */
export interface ReadEntities {
  readonly entities: readonly Entity[];
  /** The number of resources that are left out, by type. */
  readonly ignored: ReadonlyMap<string, number>;
}

/** A part that is still to be given to an entity of a kind. */
interface Part {
  readonly resource: Resource;
  readonly property: string;
  readonly kind: string;
  readonly target: string;
  readonly add: (entity: Entity, at: SourceOffset) => void;
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
  for (const resource of template.resources.values()) {
    if (!resource.type.startsWith('AWS::IAM::')) {
      ignored.set(resource.type, (ignored.get(resource.type) ?? 0) + 1);
      continue;
    }
    checkDependsOn(resource, template, report);
    if (scope.isCreated(resource)) reader.read(resource);
  }
  reader.addParts();
  return { entities: reader.entities, ignored };
}

class EntityReader {
  readonly entities: Entity[] = [];
  private readonly parts: Part[] = [];

  constructor(
    private readonly scope: StackScope,
    private readonly options: StackOptions,
    private readonly report: Report,
  ) {}

  read(resource: Resource): void {
    const entityType = entityTypeOf(resource.type);
    const partType = partTypeOf(resource.type);
    if (entityType !== undefined) this.entity(resource, entityType);
    else if (partType !== undefined) this.part(resource, partType);
    else {
      const remedy = suggestion(resource.type, KNOWN_TYPES, 'remove it');
      this.report(
        problemAt(resource.at, ['Resources', resource.logicalId], `${resource.type} is not a known type`, remedy),
      );
    }
  }

  /** Gives each entity what was declared beside it. */
  addParts(): void {
    for (const { resource, property, kind, target, add } of this.parts) {
      const { at = resource.at } = resource.properties.entries.get(property)?.value ?? {};
      const entity = this.entities.find((one) => one.kind === kind && one.name === target);
      if (entity !== undefined) {
        add(entity, at);
        continue;
      }
      // The name of an entity that has a problem is not known.
      if (this.entities.some((one) => one.kind === kind && one.name === undefined)) continue;
      const message = `${resource.logicalId} belongs to the ${kind.toLowerCase()} ${quoted(this.scope.literal(target))}, which the template does not declare`;
      const remedy = `a manifest declares it with its ${kind.toLowerCase()}: declare that in the template, too`;
      this.report(problemAt(at, pathTo(resource, property), message, remedy));
    }
  }

  private entity(resource: Resource, type: EntityType): void {
    const { logicalId, at, properties, tree } = resource;
    const name = type.name === null ? undefined : this.scope.nameOf(resource);
    const entity: Entity = { logicalId, kind: type.kind, name, at, properties: new Map(), notes: [] };
    this.entities.push(entity);
    const nameRule = type.name === null ? undefined : type.properties[type.name.property];
    if (nameRule !== undefined && name !== undefined) entity.properties.set(nameRule.to, name);
    for (const [property, { at: propertyAt, value }] of properties.entries) {
      const rule = Object.hasOwn(type.properties, property) ? type.properties[property] : undefined;
      if (rule === undefined) this.reportUnknown(resource, property, propertyAt, Object.keys(type.properties));
      else if (rule !== nameRule) this.property(entity, resource, property, rule);
      else if (type.name?.isGenerated !== true) readProperty(value, 'text', this.scope, pathTo(resource, property));
    }
    if (type.secret !== undefined) this.secret(entity, resource, type.secret);
    const deletionPolicy = textOf(tree.entries.get('DeletionPolicy')?.value);
    if (deletionPolicy !== undefined && deletionPolicy !== 'Delete')
      entity.notes.push(`DeletionPolicy: ${deletionPolicy}`);
  }

  private property(entity: Entity, resource: Resource, property: string, rule: PropertyRule): void {
    const { as, to } = rule;
    const tree = resource.properties.entries.get(property)?.value;
    if (tree === undefined) return;
    if (as === 'ignored') entity.notes.push(`${property} is left out`);
    else if (as === 'login') this.login(entity, resource);
    else if (as === 'secret') this.secret(entity, resource, to);
    else {
      const value = readProperty(tree, as, this.scope, pathTo(resource, property));
      if (value === undefined || value === null) return;
      if (as === 'attached') {
        for (const target of value as readonly string[]) {
          const arn = arnToken(entity.logicalId);
          this.parts.push({
            resource,
            property,
            kind: to,
            target,
            add: (other) => {
              append(other, 'managedPolicyArns', arn);
            },
          });
        }
      } else if (as === 'member') {
        for (const target of value as readonly string[]) {
          const { name } = entity;
          if (name === undefined) continue;
          this.parts.push({
            resource,
            property,
            kind: to,
            target,
            add: (other) => {
              append(other, 'users', name);
            },
          });
        }
      } else entity.properties.set(to, value);
    }
  }

  /** A password of the console: a kind of its own in a manifest, and generated. */
  private login(user: Entity, resource: Resource): void {
    const { logicalId, at, name } = user;
    const tree = resource.properties.entries.get('LoginProfile')?.value;
    const reset = tree?.type === 'map' ? tree.entries.get('PasswordResetRequired')?.value : undefined;
    const entity: Entity = { logicalId, kind: 'LoginProfile', name: undefined, at, properties: new Map(), notes: [] };
    if (name !== undefined) entity.properties.set('userName', name);
    this.secret(entity, resource, 'secret');
    if (reset !== undefined) {
      const value = this.scope.evaluator.text(reset, pathTo(resource, 'LoginProfile'));
      if (value !== undefined) entity.properties.set('passwordResetRequired', value === 'true');
    }
    entity.notes.push('The password is generated, and stored at this location');
    this.entities.push(entity);
  }

  /** Sets where a secret is: a manifest never holds it. */
  private secret(entity: Entity, { logicalId, at }: Resource, property: string): void {
    if (entity.properties.has(property)) return;
    const { secrets } = this.options;
    const location = Object.hasOwn(secrets, logicalId) ? secrets[logicalId] : undefined;
    const [, form, place] = /^(file|secretsManager):(.+)$/s.exec(location ?? '') ?? [];
    if (form !== undefined && place !== undefined) {
      entity.properties.set(property, { [form]: place });
      return;
    }
    const message = `${logicalId} has a secret, and a manifest holds only its location`;
    const remedy = `give it with --secret ${logicalId}=secretsManager:NAME or --secret ${logicalId}=file:PATH`;
    this.report(problemAt(at, ['Resources', logicalId], message, remedy));
  }

  private part(resource: Resource, { targets, part, properties }: PartType): void {
    const { entries } = resource.properties;
    for (const [property, { at }] of entries) {
      if (properties.includes(property) || Object.hasOwn(targets, property)) continue;
      this.reportUnknown(resource, property, at, [...properties, ...Object.keys(targets)]);
    }
    const [first = '', second = ''] = properties;
    const add = part === 'membership' ? this.membership(resource, first) : this.inlinePolicy(resource, first, second);
    const names = Object.entries(targets).flatMap(([property, kind]) => {
      const tree = entries.get(property)?.value;
      const path = pathTo(resource, property);
      if (tree === undefined) return [];
      const isList = property.endsWith('s');
      const value = readProperty(tree, isList ? 'texts' : 'text', this.scope, path);
      return value === undefined ? [undefined] : [value].flat().map((target) => ({ property, kind, target }));
    });
    if (names.every((name) => name?.target === null)) {
      const message = `${resource.logicalId} names nothing that it belongs to`;
      const remedy = `write ${Object.keys(targets).join(', ')}`;
      this.report(problemAt(resource.at, ['Resources', resource.logicalId], message, remedy));
    }
    for (const name of names) {
      if (name === undefined || typeof name.target !== 'string' || add === undefined) continue;
      this.parts.push({ resource, property: name.property, kind: name.kind, target: name.target, add });
    }
  }

  private inlinePolicy(resource: Resource, nameField: string, documentField: string): Part['add'] | undefined {
    const name = this.required(resource, nameField, 'text');
    const document = this.required(resource, documentField, 'document');
    if (typeof name !== 'string' || document === undefined) return undefined;
    return (entity, at) => {
      const policies = (entity.properties.get('inlinePolicies') ?? {}) as JsonObject;
      if (Object.hasOwn(policies, name)) {
        const message = `${entity.logicalId} has two inline policies with the name ${quoted(this.scope.literal(name))}`;
        this.report(problemAt(at, pathTo(resource, nameField), message, 'rename one of them'));
      }
      entity.properties.set('inlinePolicies', { ...policies, [name]: document });
    };
  }

  private membership(resource: Resource, field: string): Part['add'] | undefined {
    const users = this.required(resource, field, 'texts') as readonly string[] | undefined;
    if (users === undefined) return undefined;
    return (entity) => {
      for (const user of users) append(entity, 'users', user);
    };
  }

  private required(resource: Resource, property: string, as: PropertyRule['as']): Json | undefined {
    const tree = resource.properties.entries.get(property)?.value;
    const value = tree === undefined ? null : readProperty(tree, as, this.scope, pathTo(resource, property));
    if (value !== null) return value;
    const message = `${resource.logicalId} has no ${property}`;
    this.report(problemAt(tree?.at ?? resource.at, pathTo(resource, property), message, `write ${property}`));
    return undefined;
  }

  private reportUnknown(resource: Resource, property: string, at: SourceOffset, known: readonly string[]): void {
    const message = `${resource.type} has no property ${quoted(property)}`;
    this.report(problemAt(at, pathTo(resource, property), message, suggestion(property, known, 'remove it')));
  }
}

/** Adds a text to a list, once. */
function append(entity: Entity, property: string, text: string): void {
  const list = (entity.properties.get(property) ?? []) as readonly string[];
  if (!list.includes(text)) entity.properties.set(property, [...list, text]);
}
