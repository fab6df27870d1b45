import type { Declaration, DeclarationChanges } from './declarations.js';
import type { DesiredEntity, Pipeline, Target } from './entity.js';
import type { EntityClaim, EntityClaimChanges } from './entity-claims.js';
import type { EvidenceRequest } from './explain.js';
import { MAX_PROOF_LENGTH } from './identity.js';
import type { FleetPermit, Identity, Principal, Proof, ProofQuestion, SchedulePermit } from './identity.js';
import type { EntityToLookUp, LookUpRequest } from './look-up.js';
import {
  MAX_NOTIFICATION_ID,
  MAX_NOTIFICATION_LINE,
  MAX_NOTIFICATION_URL,
  MAX_NOTIFIED_COUNTS,
  MAX_NOTIFIED_ENTITIES,
  MAX_TROUBLES,
  NOTIFICATION_TYPES,
} from './notification.js';
import type { LastOutcome, Notification, NotificationSubject, NotifiedEntity, RunOutcome } from './notification.js';
import type { FindingSuppression } from './policy-findings.js';
import { ACCOUNT, MAX_ENVIRONMENT, MAX_JOB_TEXT, NAMESPACE } from './request.js';
import type { BootstrapRequest, Holding, PlannedChange, ReconcileRequest } from './request.js';
import { REVISION_SOURCES } from './revision.js';
import type { AppliedRevision, Claim, Revision } from './revision.js';
import {
  either,
  fields,
  flag,
  integer,
  listOf,
  matching,
  nullable,
  object,
  oneOf,
  optional,
  positive,
  recordOf,
  type Shape,
  text,
  textUpTo,
} from './shape.js';

const account = matching(ACCOUNT, 'the twelve digits of an account');
/** The namespace of a request. */
export const requestNamespace = matching(
  NAMESPACE,
  '1 to 63 lower-case letters, digits and hyphens, beginning with a letter or digit',
);
/** The account of a request. */
export const target = fields<Target>({ account, partition: text, assumeRole: optional(text) });

/** A text about a job. Each report, page and revision has it. */
const jobText = textUpTo(MAX_JOB_TEXT);

/** The job that a request comes from. */
export const pipeline = fields<Pipeline>({
  provider: jobText,
  url: nullable(jobText),
  commit: nullable(jobText),
  actor: nullable(jobText),
  run: optional(nullable(jobText)),
  runNumber: optional(nullable(jobText)),
  job: optional(nullable(jobText)),
  branch: optional(nullable(jobText)),
  attempt: optional(nullable(jobText)),
});

const entity = fields<DesiredEntity>({
  kind: text,
  name: text,
  state: oneOf('present', 'absent', 'released', 'destroyed'),
  adopt: text,
  observe: flag,
  shared: flag,
  unmanaged: either(text, recordOf(text)),
  unmanagedAtAdoption: optional(flag),
  replace: optional(flag),
  protect: optional(flag),
  deleteTrusted: optional(flag),
  includeAdopted: optional(flag),
  renamedFrom: optional(text),
  suppressFindings: optional(listOf(fields<FindingSuppression>({ code: text, reason: text }))),
  formerReferences: optional(listOf(text)),
  orphan: optional(
    fields<NonNullable<DesiredEntity['orphan']>>({ createdAt: optional(text), renamedTo: optional(text) }),
  ),
  spec: object,
  dependsOn: listOf(text),
  source: optional(fields<NonNullable<DesiredEntity['source']>>({ file: text, line: integer })),
});

/** Proofs are long: a request with more in them is refused before anything is done with it. */
const proofText = matching(new RegExp(`^[\\w.~+/=-]{1,${String(MAX_PROOF_LENGTH)}}$`), 'a proof');

const identity = fields<Identity>({ by: oneOf('oidc', 'key'), issuer: text, subject: text, claims: object });

const principal = fields<Principal>({ type: text, name: text });

const permit = fields<SchedulePermit>({
  schedule: text,
  command: oneOf('detect', 'enforce'),
  requester: nullable(identity),
  principal: optional(principal),
  signature: text,
});

const fleetPermit = fields<FleetPermit>({
  runId: text,
  command: oneOf('plan', 'apply', 'detect', 'enforce'),
  requester: nullable(identity),
  principal: optional(principal),
  signature: text,
});

/** The proof of a client, of a schedule, or of a fleet. */
export const proof = fields<Proof>({
  token: optional(proofText),
  signature: optional(proofText),
  permit: optional(permit),
  fleetPermit: optional(fleetPermit),
});

/** The proof of a decision about a plan. */
export const decisionProof: Shape = optional(proof);

/** The fields of a revision. */
export const REVISION = { value: integer, source: oneOf(...REVISION_SOURCES) };

/** The argument of the bootstrap and plan workflows. */
export const bootstrapRequest: Shape = fields<BootstrapRequest>({
  version: integer,
  target,
  namespace: requestNamespace,
  environment: textUpTo(MAX_ENVIRONMENT),
  entities: listOf(entity),
  digest: text,
  key: text,
  pipeline,
  keepGoing: flag,
  manifest: text,
  orphans: optional(text),
  command: optional(oneOf('release', 'destroy')),
  approval: optional(fields<NonNullable<BootstrapRequest['approval']>>({ timeoutMs: positive })),
  revision: optional(fields<Revision>(REVISION)),
  allowOlder: optional(flag),
  timeoutMs: optional(positive),
  proof: optional(proof),
});

/** The argument of the reconcile-entity workflow. */
export const reconcileRequest: Shape = fields<ReconcileRequest>({
  target,
  namespace: requestNamespace,
  environment: optional(text),
  entity,
  action: text,
  planned: fields<PlannedChange>({
    action: text,
    lines: listOf(text),
    holdings: optional(listOf(fields<Holding>({ kind: text, label: text, id: text }))),
    uniqueId: optional(text),
  }),
  approved: flag,
  arns: recordOf(text),
  intent: text,
  installation: optional(text),
  timeoutMs: optional(positive),
  readFirst: flag,
  listFirst: optional(flag),
  newPrincipals: optional(listOf(text)),
  detachable: optional(listOf(text)),
  permit: optional(text),
});

/** The argument of the explain workflow. */
export const evidenceRequest: Shape = fields<EvidenceRequest>({
  target,
  entities: listOf(entity),
  requestId: nullable(text),
  from: text,
  to: text,
  proof: optional(proof),
});

/** The argument of the workflow that looks up entities. */
export const lookUpRequest: Shape = fields<LookUpRequest>({
  target,
  entities: listOf(
    fields<EntityToLookUp>({
      kind: text,
      name: text,
      spec: object,
      members: recordOf(listOf(text)),
      listsOthers: optional(flag),
    }),
  ),
  proof: optional(proof),
});

/** The argument of the proof-key workflow. */
export const proofQuestion: Shape = fields<ProofQuestion>({
  account: nullable(account),
  namespace: requestNamespace,
  environment: text,
});

/** A revision in the ledger of a namespace. */
export const appliedRevision: Shape = fields<AppliedRevision>({
  ...REVISION,
  environment: text,
  commit: nullable(text),
  url: nullable(text),
  runId: text,
  at: text,
});

/** The argument of the ledger's update that claims a revision. */
export const claim: Shape = fields<Claim>({
  revision: appliedRevision,
  allowOlder: optional(flag),
  mustBeLast: optional(flag),
});

/** A claim in the ledger of an account. */
export const entityClaim: Shape = fields<EntityClaim>({ id: text, namespace: text, runId: text, at: text });

/** The argument of the update of an account's ledger. */
export const entityClaimChanges: Shape = fields<EntityClaimChanges>({
  take: listOf(fields<EntityClaimChanges['take'][number]>({ id: text, replaces: nullable(text) })),
  drop: listOf(text),
  namespace: text,
  runId: text,
  at: text,
});

const declaring = { manifest: text, environment: text, runId: text, at: text };
const declared = { id: text, key: object, protect: optional(flag), createdAt: optional(text) };

/** An entity of a namespace in its ledger. */
export const declaration: Shape = fields<Declaration>({ ...declaring, ...declared });

/** The argument of the ledger's update that changes declarations. */
export const declarationChanges: Shape = fields<DeclarationChanges>({
  ...declaring,
  declare: listOf(fields<DeclarationChanges['declare'][number]>(declared)),
  created: listOf(fields<DeclarationChanges['created'][number]>({ id: text, createdAt: text })),
  forget: listOf(text),
});

const line = textUpTo(MAX_NOTIFICATION_LINE);

/** The argument of the notification workflow. */
export const notification: Shape = fields<Notification>({
  id: textUpTo(MAX_NOTIFICATION_ID),
  type: oneOf(...NOTIFICATION_TYPES),
  at: line,
  subject: fields<NotificationSubject>({
    account: nullable(account),
    namespace: requestNamespace,
    environment: line,
    fleet: optional(line),
    workflowId: line,
    runId: line,
    url: nullable(textUpTo(MAX_NOTIFICATION_URL)),
  }),
  summary: line,
  reason: nullable(line),
  remedy: nullable(line),
  counts: recordOf(integer, MAX_NOTIFIED_COUNTS),
  entities: listOf(fields<NotifiedEntity>({ id: line, line }), MAX_NOTIFIED_ENTITIES),
  omittedEntities: integer,
});

const run = { manifest: line, environment: line, runId: line, at: line };

/** The second argument of the notification workflow. */
export const runOutcome: Shape = fields<RunOutcome>({
  ...run,
  trouble: listOf(line, MAX_TROUBLES),
  hasLooked: optional(flag),
});

/** The argument of the ledger's update that records the end of a run. */
export const outcome: Shape = fields<Omit<LastOutcome, 'isChange'>>({ ...run, trouble: nullable(line) });

/** The last end of a run, in the ledger of a namespace. */
export const lastOutcome: Shape = fields<LastOutcome>({ ...run, trouble: nullable(line), isChange: flag });

/** The argument of a ledger. Entries that are malformed are left out, so their shapes do not count. */
export const ledgerArgument: Shape = object;
