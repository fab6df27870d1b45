import type { DesiredEntity, JsonObject, Target } from '../../contract/entity.js';
import type { ReconcileRequest } from '../../contract/request.js';
import { createTags, declaredTags, type DecisionContext } from '../../engine/decide.js';
import { resolveReferences } from '../../engine/references.js';
import { hasOldName } from '../../engine/renames.js';
import type { Desired, Kind, Observed } from '../../kinds/kind.js';

/** Returns the spec with its references resolved. An entity that is to be removed needs nothing that it refers to. */
export function resolvedSpec(
  { state, spec }: Pick<DesiredEntity, 'state' | 'spec'>,
  arns: ReconcileRequest['arns'],
): JsonObject {
  return state === 'present' ? resolveReferences(spec, arns) : spec;
}

/** Returns the desired state that a kind's writes are made from. */
export function desiredState(
  entity: DesiredEntity,
  spec: JsonObject,
  tags: Readonly<Record<string, string>>,
  target: Target,
): Desired {
  return { name: entity.name, spec, tags, target };
}

/** Returns the state that a Create asks for: the declared tags, the ownership tags and the intent tag. */
export function desiredAtCreate(kind: Kind, spec: JsonObject, request: ReconcileRequest): Desired {
  const { entity, namespace, intent, installation, target } = request;
  if (kind.tagsAfterCreate === true) return desiredState(entity, spec, {}, target);
  const ownershipTags = kind.ownable
    ? createTags(kind, { namespace, intent, installation, shared: entity.shared, protect: entity.protect }, spec)
    : {};
  return desiredState(entity, spec, { ...declaredTags(spec), ...ownershipTags }, target);
}

/** Returns the ARN of an entity once it has its declared name. */
export function arnOnceRenamed(
  { arnOf }: Pick<Kind, 'arnOf'>,
  entity: DesiredEntity,
  { name, arn, state }: Pick<Observed, 'name' | 'arn' | 'state'>,
  target: Target,
): string {
  if (entity.observe || !hasOldName(entity, name)) return arn;
  return arnOf({ path: state['path'] ?? '/', ...entity.spec }, target);
}

/** Returns who decides, and in which account. */
export function decisionContext({
  namespace,
  target,
  intent,
  installation,
}: Pick<ReconcileRequest, 'namespace' | 'target' | 'intent' | 'installation'>): DecisionContext {
  return { namespace, partition: target.partition, intent, installation };
}

/** Reports whether AWS's reply to a Create, together with the request, tells the whole state of the new entity. */
export function isKnownAtCreate(kind: Kind): boolean {
  return kind.secret === undefined && kind.tagsAfterCreate !== true && kind.hasAwsAssignedId !== true;
}
