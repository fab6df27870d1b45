import { z } from 'zod';
import { entityId, entityKey, entityKeyOfId } from '../contract/entity.js';
import { MAX_ENTITIES, NAMESPACE, ACCOUNT } from '../contract/request.js';
import { MAX_APPROVAL_TIMEOUT_MS } from '../contract/approval.js';
import type { KindRules } from './decide.js';
import { dependencyOrder } from './graph.js';
import { suppressionsSchema } from './manifest/fields.js';
import { resolveReferences } from './references.js';

const entitySchema = z.strictObject({
  kind: z.string(),
  name: z.string().min(1),
  state: z.enum(['present', 'absent', 'released', 'destroyed']),
  adopt: z.enum(['own', 'unowned', 'foreign']),
  observe: z.boolean(),
  shared: z.boolean(),
  unmanaged: z.union([z.enum(['keep', 'remove']), z.record(z.string(), z.enum(['keep', 'remove']))]),
  unmanagedAtAdoption: z.boolean().optional(),
  replace: z.boolean().optional(),
  protect: z.boolean().optional(),
  deleteTrusted: z.boolean().optional(),
  renamedFrom: z.string().min(1).optional(),
  suppressFindings: suppressionsSchema.optional(),
  formerReferences: z.array(z.string()).optional(),
  includeAdopted: z.boolean().optional(),
  orphan: z.strictObject({ createdAt: z.string().optional(), renamedTo: z.string().optional() }).optional(),
  spec: z.record(z.string(), z.json()),
  dependsOn: z.array(z.string()),
  source: z.strictObject({ file: z.string(), line: z.number() }).optional(),
});

const targetSchema = z.strictObject({
  account: z.string().regex(ACCOUNT),
  partition: z.string().regex(/^aws[a-z-]*$/),
  assumeRole: z.string().startsWith('arn:').optional(),
});

const requestSchema = z.object({
  version: z.literal(1),
  target: targetSchema,
  namespace: z.string().regex(NAMESPACE),
  environment: z.string(),
  entities: z.array(entitySchema),
  digest: z.string(),
  key: z.string(),
  keepGoing: z.boolean(),
  orphans: z.enum(['report', 'release', 'remove']).optional(),
  manifest: z.string(),
  approval: z.strictObject({ timeoutMs: z.int().min(1).max(MAX_APPROVAL_TIMEOUT_MS) }).optional(),
  revision: z.strictObject({ value: z.int().min(0), source: z.enum(['given', 'commit-time']) }).optional(),
  allowOlder: z.boolean().optional(),
  timeoutMs: z.int().min(1).optional(),
});

const reconcileSchema = z.object({
  target: targetSchema,
  namespace: z.string().regex(NAMESPACE),
  environment: z.string().optional(),
  entity: entitySchema,
  arns: z.record(z.string(), z.string()),
  intent: z.string().regex(/^[\w-]{1,100}$/),
  installation: z
    .string()
    .regex(/^[\w-]{1,100}$/)
    .optional(),
  planned: z.object({
    action: z.enum(['create', 'adopt', 'update', 'replace', 'release', 'delete', 'no-op', 'refuse']),
    lines: z.array(z.string()),
  }),
  approved: z.boolean(),
  newPrincipals: z.array(z.string()).optional(),
  timeoutMs: z.int().min(1).optional(),
});

/** The remedy for a request that is too large for one run. */
export const SPLIT_REMEDY = 'split it into several namespaces, each with a manifest of its own';

interface CheckedKind extends KindRules {
  readonly name: string;
  readonly keyProperties: readonly string[];
  readonly schema: z.ZodObject;
  readonly nameOf: (spec: Readonly<Record<string, z.core.util.JSONType>>) => string;
}

/**
 * Checks a request, which any client may have sent, by the same schemas as `validate`.
 *
 * @returns the first problem in one line, or null
 */
export function checkRequest(request: unknown, kinds: readonly CheckedKind[]): string | null {
  const parsed = requestSchema.safeParse(request);
  if (!parsed.success) return `the request is malformed: ${firstIssue(parsed.error)}`;
  const count = parsed.data.entities.length;
  if (count > MAX_ENTITIES) return `${String(count)} entities are more than ${String(MAX_ENTITIES)}: ${SPLIT_REMEDY}`;
  for (const entity of parsed.data.entities) {
    const problem = checkEntity(entity, kinds);
    if (problem !== null) return problem;
  }
  return checkTogether(parsed.data.entities);
}

/**
 * Checks the request of a reconcile-entity workflow, which any client may have started.
 * `lock` returns the ID of the workflow that may write the entity; `workflowId` is the one that received the request.
 *
 * @returns the first problem in one line, or null
 */
export function checkReconcileRequest(
  request: unknown,
  kinds: readonly CheckedKind[],
  lock: (account: string, entity: { readonly kind: string; readonly name: string }) => string,
  workflowId: string | undefined,
): string | null {
  const parsed = reconcileSchema.safeParse(request);
  if (!parsed.success) return `the request is malformed: ${firstIssue(parsed.error)}`;
  const { entity, target } = parsed.data;
  const problem = checkEntity(entity, kinds);
  if (problem !== null) return problem;
  const id = lock(target.account, entity);
  return id === workflowId
    ? null
    : `${entityId(entity)}: only the workflow ${id} may write it, because its ID is the lock`;
}

function checkEntity(entity: z.infer<typeof entitySchema>, kinds: readonly CheckedKind[]): string | null {
  const id = entityId(entity);
  const kind = kinds.find(({ name }) => name === entity.kind);
  if (kind === undefined) return `${id}: this worker does not know the kind ${entity.kind}; upgrade the worker`;
  const spec = (entity.state === 'present' ? kind.schema : keySchema(kind)).safeParse(entity.spec);
  if (!spec.success) return `${id}: ${firstIssue(spec.error)}`;
  if (entity.renamedFrom !== undefined && (kind.renaming === undefined || entity.state !== 'present')) {
    return `${id}: cannot be renamed`;
  }
  if (kind.nameOf(entity.spec) !== entity.name) return `${id}: the spec has another name: ${kind.nameOf(entity.spec)}`;
  return null;
}

/** Requires only the name of an entity that is to be removed. A shared one may declare the part to withdraw. */
function keySchema({ schema, keyProperties }: CheckedKind): z.ZodObject {
  const fields = Object.entries<z.core.$ZodType>(schema.shape).map(
    ([property, field]) => [property, keyProperties.includes(property) ? field : z.optional(field)] as const,
  );
  return z.strictObject(Object.fromEntries(fields));
}

/** Finds problems between entities: duplicates, references to nothing, cycles. */
function checkTogether(entities: readonly z.infer<typeof entitySchema>[]): string | null {
  const keys = new Set<string>();
  for (const entity of entities) {
    if (keys.has(entityKey(entity))) return `${entityId(entity)} is declared twice`;
    keys.add(entityKey(entity));
  }
  for (const { kind, renamedFrom } of entities) {
    if (renamedFrom === undefined) continue;
    const old = { kind, name: renamedFrom };
    if (keys.has(entityKey(old))) return `${entityId(old)} is declared, or renamed, twice`;
    keys.add(entityKey(old));
  }
  const arns = Object.fromEntries(entities.map((entity) => [entityId(entity), '']));
  for (const entity of entities) {
    try {
      resolveReferences(entity.spec, arns);
    } catch (error) {
      return `${entityId(entity)}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  const order = dependencyOrder(
    entities.map((entity) => ({
      id: entityKey(entity),
      dependsOn: entity.dependsOn.map(entityKeyOfId),
    })),
  );
  if (order.ok) return null;
  const names = (order.cycles[0] ?? []).flatMap((position) => entities[position] ?? []).map(entityId);
  return `${names.join(', ')} depend on each other`;
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? 'unknown' : `${issue.path.join('.')}: ${issue.message}`;
}
