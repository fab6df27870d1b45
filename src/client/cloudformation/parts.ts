import { entityKey } from '../../contract/entity.js';
import { quoted, type Problem, type Report } from '../../engine/manifest/problem.js';
import { mapTree, problemAt, type MapEntry, type SourceOffset, type Tree } from '../../engine/manifest/tree.js';
import { protectionOf } from './attributes.js';
import { append, pathTo, setProperty, spellAsDeclared, type Entity } from './entity.js';
import { textOf } from './parameters.js';
import { checkMembers } from './members.js';
import { readProperty, textsOf } from './properties.js';
import { propertiesOf, type PartType, type PropertyRule } from './resource-types.js';
import type { StackScope } from './scope.js';
import type { Resource } from './template.js';

/** A part that is still to be given to an entity of a kind. */
export interface Part {
  readonly resource: Resource;
  readonly property: string;
  readonly kind: string;
  readonly target: string;
  readonly add: (entity: Entity, at: SourceOffset) => void;
}

/** Reports properties that a type of resource does not have. Those of a misspelled type are not known. */
export function checkProperties({ logicalId, type, written }: Resource, report: Report): void {
  const known = propertiesOf(written.type);
  const path = ['Resources', logicalId, 'Properties'];
  if (known !== undefined) checkMembers(written.properties, `${type} has no property`, path, known, report);
}

/** Reads what a template declares beside entities, and gives it to them: policies, attachments and members. */
export class Parts {
  readonly warnings: Problem[] = [];
  private readonly parts: Part[] = [];

  constructor(
    private readonly scope: StackScope,
    private readonly report: Report,
  ) {}

  /** Adds what is given to an entity once all are known. */
  add(part: Part): void {
    this.parts.push(part);
  }

  /**
   * Gives each entity what was declared beside it.
   *
   * @param entities - the entities
   * @param isIncomplete - a resource that cannot be read may be a further one
   */
  giveTo(entities: readonly Entity[], isIncomplete: boolean): void {
    const keyOf = (kind: string, name: string): string => entityKey({ kind, name: this.scope.literal(name) });
    const byKey = new Map(
      entities.map((one) => [one.name === undefined ? '' : keyOf(one.kind, one.name), one] as const),
    );
    for (const { resource, property, kind, target, add } of this.parts) {
      const { at = resource.at } = resource.properties.entries.get(property)?.value ?? {};
      const entity = byKey.get(keyOf(kind, target));
      if (entity !== undefined) {
        add(entity, at);
        continue;
      }
      // The name of an entity that has a problem is not known.
      if (isIncomplete || entities.some((one) => one.kind === kind && one.name === undefined)) continue;
      const message = `${resource.logicalId} belongs to the ${kind.toLowerCase()} ${quoted(this.scope.literal(target))}, which the template does not declare`;
      const remedy = `a manifest declares it with its ${kind.toLowerCase()}: declare that in the template, too`;
      this.report(problemAt(at, pathTo(resource, property), message, remedy));
    }
    spellAsDeclared(entities, (kind, name) => byKey.get(keyOf(kind, name))?.name, this.scope);
  }

  /** Reads a resource that becomes a part of other entities. */
  read(resource: Resource, { targets, part, properties }: PartType): void {
    const { entries } = resource.properties;
    checkProperties(resource, this.report);
    if (protectionOf(resource) === true) this.warnRetained(resource);
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
      if (name !== undefined && name !== null && add !== undefined) this.add({ resource, ...name, add });
    }
  }

  private warnRetained({ logicalId, at }: Resource): void {
    const message = `DeletionPolicy: Retain of ${logicalId} has no effect: it goes with what it belongs to`;
    this.warnings.push(
      problemAt(at, ['Resources', logicalId, 'DeletionPolicy'], message, 'write it where that is declared'),
    );
  }

  private inlinePolicy(resource: Resource, nameField: string, documentField: string): Part['add'] | undefined {
    const name = this.required(resource, nameField, 'text');
    const document = this.required(resource, documentField, 'document');
    if (name === undefined || document === undefined) return undefined;
    const key = textOf(name) ?? '';
    const { scope } = this;
    return (entity, at) => {
      const policies = entity.properties.get('inlinePolicies');
      const entries = policies?.value.type === 'map' ? policies.value.entries : new Map<string, MapEntry>();
      if ([...entries.keys()].some((other) => scope.literal(other) === scope.literal(key))) {
        const message = `${entity.logicalId} has two inline policies with the name ${quoted(scope.literal(key))}`;
        this.report(problemAt(at, pathTo(resource, nameField), message, 'rename one of them'));
      }
      const all = new Map([...entries, [key, { at: name.at, value: document }] as const]);
      const value = mapTree(policies?.value.at ?? name.at, all);
      setProperty(entity, 'inlinePolicies', value, policies?.at ?? name.at);
    };
  }

  private membership(resource: Resource, field: string): Part['add'] | undefined {
    const users = this.required(resource, field, 'texts');
    if (users === undefined) return undefined;
    return (entity) => {
      for (const user of textsOf(users)) append(entity, 'users', user, users.at, this.scope);
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
}
