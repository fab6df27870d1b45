import { quoted, type Report } from '../../engine/manifest/problem.js';
import {
  listTree,
  mapTree,
  problemAt,
  scalarTree,
  type MapEntry,
  type SourceOffset,
  type Tree,
} from '../../engine/manifest/tree.js';
import { suggestion } from '../../engine/text.js';
import { textOf } from './parameters.js';
import { readProperty, textsOf } from './properties.js';
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
  readonly properties: Map<string, MapEntry>;
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
    const { logicalId, at, tree } = resource;
    const name = type.name === null ? undefined : this.scope.nameOf(resource);
    const entity: Entity = { logicalId, kind: type.kind, name, at, properties: new Map(), notes: [] };
    this.entities.push(entity);
    this.properties(entity, resource, type);
    if (type.secret !== undefined) this.secret(entity, resource, type.secret);
    const deletionPolicy = textOf(tree.entries.get('DeletionPolicy')?.value);
    if (deletionPolicy !== undefined && deletionPolicy !== 'Delete')
      entity.notes.push(`DeletionPolicy: ${deletionPolicy}`);
  }

  private properties(entity: Entity, resource: Resource, type: EntityType): void {
    const { entries } = resource.properties;
    const nameProperty = type.name?.property ?? '';
    const nameRule = type.properties[nameProperty];
    if (nameRule !== undefined && entity.name !== undefined) {
      const written = entries.get(nameProperty);
      setText(entity, nameRule.to, entity.name, written?.value.at ?? resource.at, written?.at);
    }
    for (const [property, { at, value }] of entries) {
      const rule = Object.hasOwn(type.properties, property) ? type.properties[property] : undefined;
      if (rule === undefined) this.reportUnknown(resource, property, at, Object.keys(type.properties));
      else if (rule !== nameRule) this.property(entity, resource, property, rule);
      else if (type.name?.isGenerated !== true) readProperty(value, 'text', this.scope, pathTo(resource, property));
    }
  }

  private property(entity: Entity, resource: Resource, property: string, rule: PropertyRule): void {
    const { as, to } = rule;
    const entry = resource.properties.entries.get(property);
    if (entry === undefined) return;
    if (as === 'ignored') entity.notes.push(`${property} is left out`);
    else if (as === 'login') this.login(entity, resource);
    else if (as === 'secret') this.secret(entity, resource, to);
    else {
      const value = readProperty(entry.value, as, this.scope, pathTo(resource, property));
      if (value === undefined || value === null) return;
      if (as !== 'attached' && as !== 'member') entity.properties.set(to, { at: entry.at, value });
      else for (const target of textsOf(value)) this.beside(entity, resource, { property, kind: to, target, as });
    }
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
    this.parts.push({
      resource,
      ...target,
      add: (other, at) => {
        append(other, to, text, at);
      },
    });
  }

  /** A password of the console: a kind of its own in a manifest, and generated. */
  private login(user: Entity, resource: Resource): void {
    const { logicalId, at, name } = user;
    const tree = resource.properties.entries.get('LoginProfile')?.value;
    const reset = tree?.type === 'map' ? tree.entries.get('PasswordResetRequired')?.value : undefined;
    const entity: Entity = { logicalId, kind: 'LoginProfile', name: undefined, at, properties: new Map(), notes: [] };
    if (name !== undefined) setText(entity, 'userName', name, at);
    this.secret(entity, resource, 'secret');
    if (reset !== undefined) {
      const value = this.scope.evaluator.text(reset, pathTo(resource, 'LoginProfile'));
      const isRequired = { at: reset.at, value: scalarTree(reset.at, value === 'true') };
      if (value !== undefined) entity.properties.set('passwordResetRequired', isRequired);
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
      const value = mapTree(at, new Map([[form, { at, value: scalarTree(at, place) }]]));
      entity.properties.set(property, { at, value });
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
      if (value === undefined || value === null) return [value];
      return textsOf(value).map((target) => ({ property, kind, target }));
    });
    if (names.every((name) => name === null)) {
      const message = `${resource.logicalId} names nothing that it belongs to`;
      const remedy = `write ${Object.keys(targets).join(', ')}`;
      this.report(problemAt(resource.at, ['Resources', resource.logicalId], message, remedy));
    }
    for (const name of names) {
      if (name !== undefined && name !== null && add !== undefined) this.parts.push({ resource, ...name, add });
    }
  }

  private inlinePolicy(resource: Resource, nameField: string, documentField: string): Part['add'] | undefined {
    const name = this.required(resource, nameField, 'text');
    const document = this.required(resource, documentField, 'document');
    if (name === undefined || document === undefined) return undefined;
    const key = textOf(name) ?? '';
    return (entity, at) => {
      const policies = entity.properties.get('inlinePolicies');
      const entries = policies?.value.type === 'map' ? policies.value.entries : new Map<string, MapEntry>();
      if (entries.has(key)) {
        const message = `${entity.logicalId} has two inline policies with the name ${quoted(this.scope.literal(key))}`;
        this.report(problemAt(at, pathTo(resource, nameField), message, 'rename one of them'));
      }
      const all = new Map([...entries, [key, { at: name.at, value: document }] as const]);
      const value = mapTree(policies?.value.at ?? name.at, all);
      entity.properties.set('inlinePolicies', { at: policies?.at ?? name.at, value });
    };
  }

  private membership(resource: Resource, field: string): Part['add'] | undefined {
    const users = this.required(resource, field, 'texts');
    if (users === undefined) return undefined;
    return (entity) => {
      for (const user of textsOf(users)) append(entity, 'users', user, users.at);
    };
  }

  private required(resource: Resource, property: string, as: PropertyRule['as']): Tree | undefined {
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

function setText({ properties }: Entity, property: string, text: string, at: SourceOffset, keyAt = at): void {
  properties.set(property, { at: keyAt, value: scalarTree(at, text) });
}

/** Adds a text to a list, once. */
function append({ properties }: Entity, property: string, text: string, at: SourceOffset): void {
  const entry = properties.get(property) ?? { at, value: listTree(at, []) };
  const items = entry.value.type === 'list' ? entry.value.items : [];
  if (items.some((item) => textOf(item) === text)) return;
  properties.set(property, { at: entry.at, value: listTree(entry.value.at, [...items, scalarTree(at, text)]) });
}
