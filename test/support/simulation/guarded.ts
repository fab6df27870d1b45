import fc from 'fast-check';
import { Enforcement } from '../../../src/activities/runtime/enforcement.js';
import { launchedBy } from '../../../src/activities/runtime/launches.js';
import { Permits } from '../../../src/activities/runtime/permits.js';
import type { ReconcileRequest } from '../../../src/contract/request.js';
import { WorkflowType } from '../../../src/contract/workflow-ids.js';
import { guardrailsFrom } from '../guardrails.js';
import {
  judgeEntity,
  judgeRequest,
  judgeWrite,
  type JudgedEntity,
  type WrittenGuardrails,
  type WrittenRules,
} from '../guardrails-judge.js';
import { allowing } from './manifests.js';
import { FORGERIES, type Event, type Forgery, type History, type Step } from './history.js';
import type { Entry } from './iam/account.js';
import { ACCOUNT } from './iam/state.js';
import type { Played } from './play.js';
import type { RunStart } from './temporal/run.js';
import type { SimulatedServer } from './temporal/server.js';

/* Histories of workers with guardrails: the file changes at any moment, and clients start entity runs by themselves. */

/** The guardrails of a history, and those that take their place at each edit, in turn. */
export interface Guarding {
  readonly files: readonly WrittenGuardrails[];
  /** False: writes are judged by the guardrails alone, and not bound to a plan. */
  readonly hasPermits?: boolean;
}

/** Guardrails and the entry of the account's record from which on they were in force. */
export interface InForce {
  readonly from: number;
  readonly file: WrittenGuardrails;
}

/** The happening by which the operator edits the file. */
export const EDIT = 'edit the guardrails';

/** The guardrails of a simulated worker. */
export class Guard {
  readonly enforcement: Enforcement;
  readonly inForce: InForce[] = [];
  readonly #files: readonly WrittenGuardrails[];
  readonly #record: readonly Entry[];
  #edits = -1;
  #current = guardrailsFrom('{"version":1,"accounts":{"*":{}}}');

  constructor({ files, hasPermits = true }: Guarding, server: SimulatedServer, record: readonly Entry[]) {
    this.#files = files;
    this.#record = record;
    this.edit();
    const launch = launchedBy({
      parentOf: (run) => {
        const { parent } = server.runs.find(({ start }) => start.runId === run.runId)?.start ?? { parent: null };
        return Promise.resolve(parent === null ? undefined : parent.start);
      },
      descentFrom: (earlierRunId, { runId }) => Promise.resolve(runId === earlierRunId ? { isReset: false } : null),
    });
    const binding = {
      permits: new Permits(['a key that only workers have, of 32 characters']),
      launch,
      originOf: () => Promise.resolve(undefined),
    };
    this.enforcement = new Enforcement({
      source: { current: () => this.#current },
      ...(hasPermits ? { binding } : {}),
    });
  }

  edit(): void {
    this.#edits += 1;
    const file = this.#files[this.#edits % this.#files.length];
    if (file === undefined) return;
    this.#current = guardrailsFrom(JSON.stringify(file));
    this.inForce.push({ from: this.#record.length, file });
  }
}

/** Returns the start of the last entity run as a client would send it again. Undefined where there is none, or it is open. */
export function forgedStart(
  server: SimulatedServer,
  forgery: Forgery,
): Omit<RunStart, 'runId' | 'startedAt'> | undefined {
  const last = server.runs.findLast(({ start }) => start.type === WorkflowType.ReconcileEntity);
  if (last === undefined || server.openRun(last.start.workflowId) !== undefined) return undefined;
  const { type, workflowId, args, memo } = last.start;
  const request = JSON.parse(JSON.stringify(args[0])) as ReconcileRequest;
  return { type, workflowId, memo, parent: null, args: [{ ...request, ...changesOf(request, forgery) }] };
}

function changesOf(request: ReconcileRequest, forgery: Forgery): Partial<ReconcileRequest> {
  const { action, entity, planned } = request;
  switch (forgery) {
    case 'nothing':
      return { readFirst: true };
    case 'action': {
      const other = action === 'create' ? 'delete' : 'create';
      return { action: other, planned: { ...planned, action: other, lines: [] } };
    }
    case 'intent':
      return { intent: '00000000-0000-4000-8000-00000000ffff', listFirst: false };
    case 'entity':
      return { entity: { ...entity, adopt: 'foreign', spec: { ...entity.spec, ...forgedSpec(entity.kind) } } };
    case 'approval':
      return { approved: false, readFirst: true };
    case 'plan':
      return { planned: { ...planned, lines: [] }, entity: { ...entity, unmanaged: 'remove' } };
  }
}

function forgedSpec(kind: string): ReconcileRequest['entity']['spec'] {
  if (kind === 'Role' || kind === 'User') return { inlinePolicies: { forged: allowing(['s3:ListAllMyBuckets']) } };
  return kind === 'Policy' ? { policyDocument: allowing(['s3:ListAllMyBuckets']) } : {};
}

/** Returns a line for each write that the guardrails of its moment forbid, or that no bootstrap run has started. */
export function forbiddenWrites({ account, guardrails }: Played): readonly string[] {
  const late = new Set<string>();
  return account.record.flatMap((entry, index) => {
    if (typeof entry.by === 'string' || entry.code !== null) return [];
    const { start } = entry.by.run;
    const request = start.args[0] as ReconcileRequest;
    if (start.parent === null) return [`${entry.operation} ${entry.key}: by a run that no bootstrap run has started`];
    const at = guardrails.findLastIndex(({ from }) => from <= index);
    // The first write of an attempt after an edit may have been on its way to AWS.
    const mark = `${start.runId} ${String(entry.by.attempt)} ${entry.by.activity} ${String(at)}`;
    const files = guardrails.slice(late.has(mark) ? at : Math.max(0, at - 1), at + 1);
    late.add(mark);
    const broken = files.map(({ file }) => brokenRules(file, entry, request));
    return broken.every((rules) => rules.length > 0)
      ? [
          `${entry.operation} ${entry.key} breaks ${broken.at(-1)?.join(', ') ?? ''} of ${JSON.stringify(files.at(-1)?.file)}`,
        ]
      : [];
  });
}

function brokenRules(
  file: WrittenGuardrails,
  { operation, input, key }: Entry,
  sent: ReconcileRequest,
): readonly string[] {
  const { namespace, environment = '', entity } = sent;
  const request = { account: ACCOUNT, namespace, environment };
  const [kind, name] = [key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)];
  const declared = {
    ...entity,
    existingPath: null,
    declaredPolicies: ['{{arn Policy/read}}'],
  } as unknown as JudgedEntity;
  return [
    ...judgeRequest(file, request).must,
    ...judgeEntity(file, request, declared).must,
    ...judgeWrite(file, request, { operation, input, kind, name }),
  ];
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });

const arbitraryRules = fc
  .record({
    namespaces: maybe(fc.constantFrom(['a'], ['a', 'b'], ['?'])),
    names: maybe(fc.constantFrom(['deploy'], ['*e*'], ['Role/*', 'robot'], ['User/robot', 'Policy/*', 'Role/dep*'])),
    deniedKind: maybe(fc.constantFrom('Role', 'User', 'Policy', 'Group', 'OpenIDConnectProvider', 'InstanceProfile')),
    boundary: maybe(fc.constantFrom('ReadOnlyAccess', 'PowerUserAccess')),
    denyActions: maybe(fc.constantFrom(['iam:*'], ['s3:Put*'], ['s3:*', 'iam:Pass*'], ['*:ListBucket'])),
    denyManagedPolicies: maybe(fc.constantFrom(['AdministratorAccess'], ['*Access'], ['Power*'])),
    trusted: maybe(fc.constantFrom(['333333333333'], ['222222222222'])),
    denies: fc.subarray(['adopt', 'delete', 'unmanaged'] as const),
  })
  .map(
    ({ names, deniedKind, boundary, denyActions, denyManagedPolicies, trusted, denies, namespaces }): WrittenRules => {
      const deny = 'deny' as const;
      const entities = { names, ...(deniedKind === undefined ? {} : { kinds: { deny: [deniedKind] } }) };
      const rules = {
        namespaces,
        entities: names === undefined && deniedKind === undefined ? undefined : entities,
        permissionsBoundary: boundary === undefined ? undefined : { required: `arn:aws:iam::aws:policy/${boundary}` },
        grants: { denyActions, denyManagedPolicies },
        trust: trusted === undefined ? undefined : { accounts: trusted },
        adopt: denies.includes('adopt') ? { foreign: deny } : undefined,
        destroy: denies.includes('delete') ? deny : undefined,
        replace: denies.includes('delete') ? deny : undefined,
        unmanaged: denies.includes('unmanaged') ? { remove: deny } : undefined,
      };
      return JSON.parse(JSON.stringify(rules)) as WrittenRules;
    },
  );

/** Files that take each other's place. Few rules at a time: where everything is refused, nothing is tested. */
export const arbitraryGuarding: fc.Arbitrary<Guarding> = fc
  .array(
    arbitraryRules
      .chain((rules) => fc.shuffledSubarray(Object.entries(rules)).map((some) => some.slice(0, 2)))
      .map((rules): WrittenGuardrails => {
        return { version: 1, accounts: { [ACCOUNT]: {} }, ...(Object.fromEntries(rules) as WrittenRules) };
      }),
    { minLength: 1, maxLength: 3 },
  )
  .map((files) => ({ files }));

/** Adds edits of the guardrails and entity runs of other clients to a history. */
export function withForgeries(history: fc.Arbitrary<History>): fc.Arbitrary<History> {
  const edit = fc.integer({ min: 1, max: 12 }).map((call): Event => ({ hand: EDIT, call }));
  return history.chain((steps) =>
    fc
      .tuple(
        ...steps.map(() =>
          fc.tuple(fc.option(edit, { freq: 3 }), fc.option(fc.constantFrom(...FORGERIES), { freq: 2 })),
        ),
      )
      .map((more) =>
        steps.flatMap((step, index): readonly Step[] => {
          const [edited, forge] = more[index] ?? [null, null];
          const changed =
            'run' in step && edited !== null ? { ...step, events: [...(step.events ?? []), edited] } : step;
          return [changed, ...(forge === null ? [] : [{ forge }])];
        }),
      ),
  );
}
