import { z } from 'zod';
import { OUTCOMES, type Report } from '../contract/report.js';

const json = z.json();
/** A number of things. */
export const count = z.int().min(0);
/** Text, or null where there is none. */
export const text = z.string().nullable();

const drift = z.strictObject({
  path: z.string().describe('property path, as in the manifest; empty for the entity as a whole'),
  observed: json,
  desired: json,
  summary: z.string().exactOptional(),
  immutable: z.boolean().exactOptional().describe('AWS has no call that changes it'),
});

/** The outcome of an entity. */
export const outcome = z.enum(OUTCOMES);

/** The action of a decision. */
export const decision = z.enum(['create', 'adopt', 'update', 'replace', 'release', 'delete', 'no-op', 'refuse']);

/** The CI job that sent a request. */
export const pipeline = z.strictObject({
  provider: z.string(),
  url: text,
  commit: text,
  actor: text,
  run: text.exactOptional(),
  runNumber: text.exactOptional(),
  job: text.exactOptional(),
  branch: text.exactOptional(),
  attempt: text.exactOptional().describe('attempt of the job, counted by the CI system'),
});

/** Results of a run. */
export const RESULTS = ['converged', 'pending', 'refused', 'failed', 'busy', 'cancelled'] as const;

const entity = z.strictObject({
  kind: z.string(),
  name: z.string(),
  arn: text,
  decision,
  outcome,
  confirmedBy: z
    .enum(['reply', 'intent-tag', 'recorded-attempt', 'unconfirmed'])
    .nullable()
    .describe('how this run knows that its Create made the entity'),
  drift: z.array(drift),
  grants: z.array(z.string()).describe('what the entity gets, as "PROPERTY: text"; a statement is a line'),
  warnings: z.array(z.string()).describe('grants that widen access, as "PROPERTY: text"'),
  suppressed: z
    .array(z.string())
    .exactOptional()
    .describe('findings of Access Analyzer that the manifest suppresses, as "PROPERTY: CODE: reason"'),
  unmanaged: z.array(z.string()).describe('what AWS has and the manifest does not declare, kept'),
  cosmetic: z
    .array(z.string())
    .exactOptional()
    .describe('differences without an effect, as in the Sid of a statement; written with the next change only'),
  writes: z.array(
    z.strictObject({
      operation: z.string(),
      requestId: text.describe('null where the reply was lost'),
      at: z.iso.datetime(),
    }),
  ),
  conflicts: z.array(z.strictObject({ operation: z.string(), code: z.string(), requestId: text, resolvedAs: outcome })),
  reason: text,
  remedy: text,
  attempts: count,
  planned: decision
    .exactOptional()
    .describe('action of the plan, where another one was decided when the entity was written'),
  changedSince: z
    .array(z.string())
    .exactOptional()
    .describe('changes by other callers to an entity that this run found as declared and did not write'),
  beforeJoin: z
    .literal(true)
    .exactOptional()
    .describe(
      'the entity was refused or had failed before another request joined the run, so it may have changed for it',
    ),
  changedSincePlan: z
    .array(z.string())
    .exactOptional()
    .describe('changes that were due when the entity was written, and that the plan had not shown'),
  remainingWrites: z
    .array(z.string())
    .exactOptional()
    .describe('writes of an entity that failed, as far as AWS has not confirmed them: they are left to do'),
  omittedLines: z
    .int()
    .min(1)
    .exactOptional()
    .describe('lines of drift, grants, unmanaged and writes that a very large report leaves out'),
  source: z.strictObject({ file: z.string(), line: count }).exactOptional(),
  unread: z
    .strictObject({
      operation: text,
      code: z.string(),
      requestId: text,
      waiting: decision
        .exactOptional()
        .describe(
          'the action that the plan takes once the entities that this one depends on can be read; missing if this entity itself could not be read',
        ),
    })
    .exactOptional()
    .describe(
      'the call that AWS refused, so that the entity, or one that it needs, could not be read: it has failed, and counts neither as missing nor as unchanged',
    ),
  orphan: z
    .literal(true)
    .exactOptional()
    .describe('the manifest does not declare it any more: it is released or deleted as an orphan'),
});

const declaringManifest = { manifest: z.string(), environment: z.string() };

const orphan = z.strictObject({
  kind: z.string(),
  name: z.string(),
  arn: text.describe('null where this run has not read it'),
  foundBy: z.array(z.enum(['tags', 'ledger'])).describe('what shows that it is owned by the namespace'),
  origin: z.enum(['created', 'adopted']).nullable().describe('null where nothing shows it'),
  declaredBy: z
    .strictObject({ ...declaringManifest, runId: z.string(), at: z.iso.datetime() })
    .nullable()
    .describe('the manifest that declared it last; null where the ledger does not know it'),
  reason: z.string(),
});

const revision = { value: count, source: z.enum(['given', 'commit-time']) };

/** Schema of an identity that was proven. */
export const identity = z.strictObject({
  by: z.enum(['oidc', 'key']),
  issuer: z.string().describe('name of the issuer in the guardrails, or of the key'),
  subject: z.string(),
  claims: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
});

/** Counts of entities by outcome, and of conflicts. */
export const summary = z.strictObject({
  created: count,
  adopted: count,
  updated: count,
  replaced: count,
  released: count,
  deleted: count,
  unchanged: count,
  refused: count,
  failed: count,
  cancelled: count,
  skipped: count,
  pending: count,
  conflicts: count,
});

/** Schema of a client as Temporal's server has authenticated it. */
export const principal = z.strictObject({ type: z.string(), name: z.string() });

/** Schema of the output of `plan`, `apply`, `release` and `destroy` with `--output json`. The compiler keeps it equal to the contract's type. */
export const reportSchema = z.strictObject({
  version: z.literal(2),
  command: z.enum(['plan', 'apply', 'release', 'destroy']),
  result: z.enum(RESULTS),
  account: z.string(),
  partition: z.string(),
  namespace: z.string(),
  environment: z.string(),
  digest: z.string().describe('digest of the request; equal requests have equal digests'),
  request: z.strictObject({
    key: z.string(),
    pipeline,
  }),
  revision: z
    .strictObject({
      ...revision,
      last: z
        .strictObject({
          ...revision,
          environment: z.string(),
          commit: text,
          url: text,
          runId: z.string(),
          at: z.iso.datetime(),
        })
        .nullable()
        .exactOptional()
        .describe('the revision that was applied last before this run; absent where the ledger was not asked'),
    })
    .exactOptional()
    .describe('how new the manifest is; only revisions of one environment and source are compared'),
  workflow: z.strictObject({ workflowId: z.string(), runId: z.string(), url: text }),
  guardrails: z
    .string()
    .exactOptional()
    .describe('digest of the guardrails that the plan was checked against; absent where the worker has none'),
  requester: identity.exactOptional().describe('who asked, as proven; absent where the guardrails ask for no proof'),
  principal: principal
    .exactOptional()
    .describe(
      'the client that started the run, as the Temporal server has authenticated it; absent where it records none',
    ),
  entities: z.array(entity),
  orphans: z
    .array(orphan)
    .exactOptional()
    .describe('what the namespace owns and the manifest does not declare any more; reported and kept'),
  otherManifests: z
    .array(z.strictObject({ ...declaringManifest, entities: count }))
    .exactOptional()
    .describe('other manifests and environments of the namespace in the account, with what they declared last'),
  summary,
  apiCalls: z.strictObject({ total: count, byOperation: z.record(z.string(), count) }),
  startedAt: z.iso.datetime(),
  durationMs: z.number().min(0),
  reason: text.describe('why the run as a whole ended, where no entity explains it'),
  remedy: text,
  approval: z
    .strictObject({
      plan: z.string().describe('digest of the plan that was shown'),
      verdict: z.enum(['approved', 'rejected', 'expired', 'cancelled']),
      by: text.describe('as the approver stated it'),
      approvers: z.array(identity).exactOptional().describe('who approved, as proven'),
      missing: count.exactOptional().describe('approvals that the plan still needs'),
      reason: text,
      openedAt: z.iso.datetime(),
      at: z.iso.datetime(),
    })
    .exactOptional()
    .describe('present where the plan waited for an approval'),
}) satisfies z.ZodType<Report>;
