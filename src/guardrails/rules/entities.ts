import { entityId, type DesiredEntity, type Json, type JsonObject } from '../../contract/entity.js';
import { isObject, ownValue, strings } from '../../engine/json.js';
import { truncate } from '../../engine/text.js';
import { isListed, listOf, type RuleContext } from '../violation.js';
import type { EntityToEvaluate } from '../subject.js';

/** Refuses entities by their kind, name and path. */
export function checkEntity(context: RuleContext, subject: EntityToEvaluate): void {
  const { rules, scope, refuse } = context;
  const { kinds, names } = rules.entities ?? {};
  const { entity } = subject;
  const id = entityId(entity);
  if (kinds?.allow?.includes(entity.kind) === false) {
    refuse(['entities', 'kinds', 'allow'], `${id} is of a kind that is not listed: ${kinds.allow.join(', ')}`);
  }
  const denied = kinds?.deny?.indexOf(entity.kind) ?? -1;
  if (denied !== -1) refuse(['entities', 'kinds', 'deny', denied], `${id} is of a denied kind, ${entity.kind}`);
  for (const name of namesOf(entity)) {
    if (names === undefined || names.some((pattern) => isNamed(pattern, entity.kind, name, context))) continue;
    const has = name === entity.name ? 'has a name' : `is renamed from ${name}, a name`;
    refuse(['entities', 'names'], `${id} ${has} that is not allowed: ${listOf(names, scope)}`);
  }
  checkMembers(context, subject);
  checkPath(context, subject);
}

/** Returns the names of an entity that a request would change: the one that it has, and the one that it had. */
export function namesOf({ name, renamedFrom }: Pick<DesiredEntity, 'name' | 'renamedFrom'>): readonly string[] {
  return renamedFrom === undefined ? [name] : [name, renamedFrom];
}

/** Entities that others name: a property and the call that adds one, with the kind of the named entities. */
export const MEMBERS = [
  { kind: 'Group', property: 'users', operation: 'AddUserToGroup', input: 'UserName', memberKind: 'User' },
  {
    kind: 'InstanceProfile',
    property: 'roles',
    operation: 'AddRoleToInstanceProfile',
    input: 'RoleName',
    memberKind: 'Role',
  },
] as const;

/** Refuses members of groups and roles of instance profiles that a request may not name. */
function checkMembers(context: RuleContext, { entity, spec }: EntityToEvaluate): void {
  if (entity.state !== 'present') return;
  for (const { property, memberKind } of MEMBERS.filter(({ kind }) => kind === entity.kind)) {
    for (const name of strings(ownValue(spec, property))) {
      checkMember(context, `${entityId(entity)} would have`, memberKind, name);
    }
  }
}

/** Refuses a member that no rule of names allows. One that the same manifest declares is judged by the same rule. */
export function checkMember({ rules, scope, refuse }: RuleContext, has: string, kind: string, name: string): void {
  const names = rules.entities?.names;
  if (names === undefined || names.some((pattern) => isNamed(pattern, kind, name, { scope }))) return;
  refuse(
    ['entities', 'names'],
    `${has} ${kind}/${truncate(name, 100)}, a name that is not allowed: ${listOf(names, scope)}`,
  );
}

function isNamed(pattern: string, kind: string, name: string, { scope }: Pick<RuleContext, 'scope'>): boolean {
  const own = `${kind}/`;
  return isListed([pattern.startsWith(own) ? pattern.slice(own.length) : pattern], name, scope);
}

function checkPath({ rules, scope, refuse }: RuleContext, subject: EntityToEvaluate): void {
  const paths = rules.entities?.paths;
  if (paths === undefined || !subject.fields.includes('path')) return;
  for (const path of pathsOf(subject)) {
    if (typeof path === 'string' && isListed(paths, path, scope)) continue;
    const shown = typeof path === 'string' ? path : 'that is no text';
    const message = `${entityId(subject.entity)} has the path ${shown}, which is not allowed: ${listOf(paths, scope)}`;
    refuse(['entities', 'paths'], message);
  }
}

/** Returns the paths that an entity has and will have, as far as they are known. */
function pathsOf({ entity, spec, observed }: EntityToEvaluate): ReadonlySet<Json> {
  const existing = ownValue(observed?.state ?? {}, 'path');
  const byDefault = observed === undefined || entity.state !== 'present' ? undefined : '/';
  const paths = [ownValue(spec, 'path') ?? existing ?? byDefault, existing];
  return new Set(paths.filter((path) => path !== undefined));
}

/** Refuses what a request may not do with an entity. */
export function checkChange({ rules, refuse }: RuleContext, { entity }: EntityToEvaluate): void {
  const id = entityId(entity);
  const { adopt, state } = entity;
  if (rules.adopt?.foreign === 'deny' && adopt === 'foreign') {
    refuse(['adopt', 'foreign'], `${id} would be taken from another owner (adopt: foreign)`);
  }
  if (rules.destroy === 'deny' && (state === 'absent' || state === 'destroyed')) {
    refuse(['destroy'], `${id} would be deleted`);
  }
  if (rules.replace === 'deny' && state === 'present' && entity.replace === true) {
    refuse(['replace'], `${id} would be deleted and created again (replace: true)`);
  }
  if (rules.unmanaged?.remove === 'deny' && state === 'present' && removesUnmanaged(entity)) {
    refuse(['unmanaged', 'remove'], `${id} would lose what the manifest does not declare (unmanaged: remove)`);
  }
}

function removesUnmanaged({ unmanaged, unmanagedAtAdoption }: DesiredEntity): boolean {
  if (unmanagedAtAdoption === true) return true;
  return typeof unmanaged === 'string' ? unmanaged === 'remove' : Object.values(unmanaged).includes('remove');
}

/** Refuses locations of secrets that do not belong to the account and the namespace. */
export function checkSecrets({ rules: { secrets }, scope, refuse }: RuleContext, subject: EntityToEvaluate): void {
  if (secrets === undefined) return;
  const id = entityId(subject.entity);
  for (const location of locationsIn(subject.spec)) {
    if ('file' in location) {
      const { file } = location;
      const isPlain = typeof file === 'string' && !file.split('/').some((part) => ['', '.', '..'].includes(part));
      if (isPlain && isListed(secrets.files ?? [], file, scope)) continue;
      refuse(
        ['secrets', ...(secrets.files === undefined ? [] : ['files'])],
        `${id} names ${textOf('secret file', file)}, which is not allowed`,
      );
    } else {
      const { secretsManager } = location;
      const name = nameOfSecret(secretsManager, scope.target.account);
      if (name !== undefined && isListed(secrets.secretsManager ?? [], name, scope)) continue;
      const path = ['secrets', ...(secrets.secretsManager === undefined ? [] : ['secretsManager'])];
      refuse(path, `${id} names ${textOf('secret', secretsManager)}, which is not allowed`);
    }
  }
}

function textOf(what: string, value: Json | undefined): string {
  return typeof value === 'string' ? `${what} ${value}` : `a ${what} that is no text`;
}

/** Returns the name of a secret in the account itself; undefined for one of another account. */
function nameOfSecret(secret: Json | undefined, account: string): string | undefined {
  if (typeof secret !== 'string') return undefined;
  if (!secret.startsWith('arn:')) return secret;
  const [, owner, name] = /^arn:[^:]+:secretsmanager:[^:]+:(\d{12}):secret:(.+)$/.exec(secret) ?? [];
  return owner === account ? name : undefined;
}

/** Finds locations by their form, so that no property has to be named. */
function locationsIn(spec: JsonObject): readonly JsonObject[] {
  return Object.entries(spec).flatMap(([property, value]): readonly JsonObject[] => {
    if (property === 'tags' || !isObject(value) || Object.hasOwn(value, 'Statement')) return [];
    const isLocation = Object.hasOwn(value, 'file') || Object.hasOwn(value, 'secretsManager');
    return isLocation ? [value] : locationsIn(value);
  });
}
