import type { Report } from '../../engine/manifest/problem.js';
import {
  mapTree,
  problemAt,
  scalarTree,
  type MapTree,
  type SourceOffset,
  type Tree,
} from '../../engine/manifest/tree.js';
import { pathTo, setProperty, type Entity } from './entity.js';
import { NO_VALUE } from './calls.js';
import { checkMembers, withMeantNames } from './members.js';
import { readProperty } from './properties.js';
import type { StackOptions, StackScope } from './scope.js';
import type { Resource } from './template.js';

const LOGIN_PROPERTIES: readonly string[] = ['Password', 'PasswordResetRequired'];

/** Reads secrets, which a manifest names by their locations. None is evaluated. */
export class SecretReader {
  constructor(
    private readonly scope: StackScope,
    private readonly options: Pick<StackOptions, 'secrets'>,
    private readonly report: Report,
  ) {}

  /** Sets where a secret is, if the resource has the property that holds it. */
  property(entity: Entity, resource: Resource, property: string, to: string): void {
    const tree = resource.properties.entries.get(property)?.value;
    const value = tree && this.scope.evaluator.chosen(tree, pathTo(resource, property));
    if (value !== undefined && value !== NO_VALUE) this.location(entity, resource, to);
  }

  /** Sets where a secret is. */
  location(entity: Entity, { logicalId, at }: Resource, property: string): void {
    if (entity.properties.has(property)) return;
    this.scope.use.secret.add(logicalId);
    const { secrets } = this.options;
    const given = Object.hasOwn(secrets, logicalId) ? secrets[logicalId] : undefined;
    const [, store, location] = /^(file|secretsManager):(.+)$/s.exec(given ?? '') ?? [];
    if (store !== undefined && location !== undefined) {
      setProperty(entity, property, mapTree(at, new Map([[store, { at, value: scalarTree(at, location) }]])));
      return;
    }
    const message = `${logicalId} has a secret, and a manifest holds only its location`;
    const remedy = `give it with --secret ${logicalId}=secretsManager:NAME or --secret ${logicalId}=file:PATH`;
    this.report(problemAt(at, ['Resources', logicalId], message, remedy));
  }

  /** Returns the password of the console that a user has: a kind of its own in a manifest, and generated. */
  login({ logicalId, at, name }: Entity, resource: Resource): Entity | undefined {
    const tree = resource.properties.entries.get('LoginProfile')?.value;
    const path = pathTo(resource, 'LoginProfile');
    const profile = tree && this.scope.evaluator.chosen(tree, path);
    if (profile === undefined || profile === NO_VALUE) return undefined;
    if (profile.type !== 'map') {
      this.scope.refuse(profile.at, path, 'this is no login profile', 'write a map with Password');
      return;
    }
    const entity: Entity = { logicalId, kind: 'LoginProfile', name: undefined, at, properties: new Map(), notes: [] };
    if (name !== undefined) setProperty(entity, 'userName', scalarTree(at, name));
    this.members(entity, profile, path);
    this.location(entity, resource, 'secret');
    entity.notes.push('The password is generated, and stored at this location');
    return entity;
  }

  private members(entity: Entity, tree: MapTree, path: readonly PropertyKey[]): void {
    const { at, entries } = withMeantNames(tree, LOGIN_PROPERTIES);
    checkMembers(tree, 'LoginProfile has no property', path, LOGIN_PROPERTIES, this.report);
    this.password(entries.get('Password')?.value, at, path);
    const reset = entries.get('PasswordResetRequired');
    if (reset === undefined) return;
    const isRequired = readProperty(reset.value, 'boolean', this.scope, [...path, 'PasswordResetRequired']);
    if (isRequired !== undefined && isRequired !== null) setProperty(entity, 'passwordResetRequired', isRequired);
  }

  private password(tree: Tree | undefined, at: SourceOffset, path: readonly PropertyKey[]): void {
    const password = tree === undefined ? NO_VALUE : this.scope.evaluator.chosen(tree, [...path, 'Password']);
    if (password === NO_VALUE)
      this.scope.refuse(at, path, 'the login profile has no Password', 'write Password, or remove LoginProfile');
  }
}
