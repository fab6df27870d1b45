import { entityId, entityKey, entityKeyOfId, type DesiredEntity } from '../contract/entity.js';
import type { BootstrapRequest } from '../contract/request.js';
import { strings } from '../engine/json.js';
import { shapeOf, type ManifestKind } from '../engine/manifest/manifest-kind.js';
import { referencesIn, resolveReferences } from '../engine/references.js';
import { evaluateEntity, evaluateRequest } from './evaluate.js';
import type { Guardrails } from './parse.js';
import type { Violation } from './violation.js';

/** The violations of a request: of the request itself, and of each of its entities, in their order. */
export interface RequestViolations {
  readonly request: readonly Violation[];
  readonly entities: readonly (readonly Violation[])[];
}

/** Evaluates a request offline: what exists in the account is not known. */
export function evaluateOffline(
  guardrails: Guardrails,
  request: Pick<BootstrapRequest, 'target' | 'namespace' | 'environment' | 'entities'>,
  kinds: readonly ManifestKind[],
): RequestViolations {
  const { target, namespace, environment, entities } = request;
  const scope = { target, namespace, environment };
  const kindOf = ({ kind }: DesiredEntity): ManifestKind | undefined => kinds.find(({ name }) => name === kind);
  const arns = Object.fromEntries(
    entities.map((entity) => [entityId(entity), kindOf(entity)?.arnOf(entity.spec, target) ?? '']),
  );
  const written = writtenKeys(entities);
  return {
    request: evaluateRequest(guardrails, scope),
    entities: entities.map((entity) => {
      const kind = kindOf(entity);
      return evaluateEntity(guardrails, scope, {
        entity,
        spec: entity.state === 'present' ? resolveReferences(entity.spec, arns) : entity.spec,
        fields: kind === undefined ? [] : Object.keys(shapeOf(kind)),
        observed: null,
        declaredPolicies: declaredPolicies(entity, written, arns),
      });
    }),
  };
}

/** Returns the keys of the entities that a request writes. */
export function writtenKeys(entities: readonly DesiredEntity[]): ReadonlySet<string> {
  return new Set(entities.filter(({ state, observe }) => state === 'present' && !observe).map(entityKey));
}

/**
 * Returns the ARNs of the managed policies that an entity refers to and that the same request writes. The document of one
 * that is only observed is whatever the account has.
 */
export function declaredPolicies(
  entity: Pick<DesiredEntity, 'spec'>,
  written: ReadonlySet<string>,
  arns: Readonly<Record<string, string>>,
): ReadonlySet<string> {
  return new Set(referredIds(entity).flatMap((id) => (written.has(entityKeyOfId(id)) ? (arns[id] ?? []) : [])));
}

/** Returns the ARNs of the managed policies that an entity refers to, where the plan has judged that they are written. */
export function referredPolicies(
  entity: Pick<DesiredEntity, 'spec'>,
  arns: Readonly<Record<string, string>>,
): ReadonlySet<string> {
  return new Set(referredIds(entity).flatMap((id) => arns[id] ?? []));
}

function referredIds({ spec }: Pick<DesiredEntity, 'spec'>): readonly string[] {
  const referred = strings(spec['managedPolicyArns']).flatMap((text) => referencesIn(text));
  return referred.filter((id) => id.startsWith('Policy/'));
}
