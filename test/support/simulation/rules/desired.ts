import type { Declaration, Namespace, RunSpec } from '../history.js';
import type { IamEntity } from '../iam/state.js';
import { policyArn } from '../manifests.js';
import { namespacesOf } from './facts.js';

/** The access-related content of an entity. */
export type Content = Pick<IamEntity, 'trust' | 'boundary' | 'inline' | 'attached'>;

/**
 * Returns what a declaration makes of an entity.
 *
 * @param before - the entity; undefined where it did not exist
 * @param isOurs - it was the namespace's own before the run
 */
export function contentAfter(
  declaration: Declaration,
  before: IamEntity | undefined,
  { removeUnmanaged }: RunSpec,
  isOurs: boolean,
): Content {
  const removes = declaration.unmanaged === 'remove' && (isOurs || removeUnmanaged === true);
  const { trust = ['111111111111'], boundary, inline, attached } = declaration;
  const declaredInline = Object.fromEntries(
    Object.entries(inline ?? {}).map(([name, actions]) => [name, JSON.stringify({ actions })]),
  );
  const declaredArns = (attached ?? []).map(policyArn);
  return {
    trust: declaration.entity.startsWith('Role/') ? JSON.stringify({ accounts: trust }) : '',
    boundary: boundary === undefined ? (before?.boundary ?? null) : boundary === null ? null : policyArn(boundary),
    inline:
      inline !== undefined && removes
        ? declaredInline
        : { ...(before === undefined ? {} : before.inline), ...declaredInline },
    attached:
      attached !== undefined && removes ? declaredArns : [...new Set([...(before?.attached ?? []), ...declaredArns])],
  };
}

/** Returns the first thing that an entity lacks of what is declared; null where it has everything. */
export function missing(declaration: Declaration, entity: IamEntity | undefined, namespace: Namespace): string | null {
  if (entity === undefined) return 'it does not exist';
  const { trust, boundary, inline, attached, members, clientIds, path } = declaration;
  if (entity.kind === 'Role' && principalsIn(entity.trust).join() !== [...(trust ?? ['111111111111'])].sort().join()) {
    return `it trusts ${principalsIn(entity.trust).join(', ')}`;
  }
  if (boundary !== undefined && entity.boundary !== (boundary === null ? null : policyArn(boundary))) {
    return `its boundary is ${entity.boundary ?? 'missing'}`;
  }
  for (const [name, actions] of Object.entries(inline ?? {})) {
    if (actionsIn(entity.inline[name] ?? '').join() !== [...actions].sort().join())
      return `inline policy ${name} differs`;
  }
  const absent = (attached ?? []).filter((name) => !entity.attached.includes(policyArn(name)));
  if (absent.length > 0) return `${absent.join(', ')} is not attached`;
  const lacking = (members ?? []).filter((name) => !entity.members.includes(name));
  if (lacking.length > 0) return `it has ${entity.members.join(', ')} and not ${lacking.join(', ')}`;
  const unknown = (clientIds ?? []).filter((id) => !entity.clientIds.includes(id));
  if (unknown.length > 0) return `client ID ${unknown.join(', ')} is missing`;
  if (path !== undefined && entity.path !== path) return `its path is ${entity.path}`;
  return missingContent(declaration, entity, namespace);
}

function missingContent(declaration: Declaration, entity: IamEntity, namespace: Namespace): string | null {
  if (entity.kind === 'Policy') {
    const document = entity.versions.find(({ isDefault }) => isDefault)?.document ?? '';
    const allowed = [...(declaration.allows ?? ['s3:GetObject'])].sort().join();
    if (actionsIn(document).join() !== allowed) return `it allows ${actionsIn(document).join(', ')}`;
  }
  if (entity.kind === 'AccountPasswordPolicy') {
    const length = entity.settings['MinimumPasswordLength'];
    return length === (declaration.minimumLength ?? 8) ? null : `the minimum length is ${String(length)}`;
  }
  if (entity.kind === 'Group' || namespacesOf(entity).includes(namespace)) return null;
  return `it has no tag of ${namespace}`;
}

interface Document {
  readonly Statement?: readonly {
    readonly Effect?: string;
    readonly Action?: string | readonly string[];
    readonly Principal?: Readonly<Record<string, string | readonly string[]>>;
  }[];
  readonly actions?: readonly string[];
  readonly accounts?: readonly string[];
}

function parsed(document: string): Document {
  return document === '' ? {} : (JSON.parse(document) as Document);
}

function list(value: string | readonly string[] | undefined): readonly string[] {
  return typeof value === 'string' ? [value] : (value ?? []);
}

function allows({ Effect = 'Allow' }: { readonly Effect?: string }): boolean {
  return Effect === 'Allow';
}

/** Returns the actions that a policy allows. */
export function actionsIn(document: string): string[] {
  const { Statement = [], actions = [] } = parsed(document);
  return [...actions, ...Statement.filter(allows).flatMap(({ Action }) => list(Action))].sort();
}

/** Returns the accounts and providers that a trust policy trusts. */
export function principalsIn(document: string): string[] {
  const { Statement = [], accounts = [] } = parsed(document);
  const named = Statement.filter(allows).flatMap(({ Principal = {} }) => Object.values(Principal).flatMap(list));
  return [...accounts, ...named.map((arn) => /^arn:aws:iam::(\d+):root$/.exec(arn)?.[1] ?? arn)].sort();
}
