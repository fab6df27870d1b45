import { OperationError, toFailure } from '../../src/activities/runtime/failures.js';
import { interruptedRun } from '../../src/cli/interrupted-run.js';
import { renderPending, withLink } from '../../src/cli/render/display.js';
import { liveLines } from '../../src/cli/render/live-lines.js';
import { liveRun } from '../../src/cli/render/live-run.js';
import { renderPreflight } from '../../src/cli/render/preflight.js';
import { renderReport } from '../../src/cli/render/report.js';
import { textOfEvent } from '../../src/cli/render/run-events.js';
import { renderRuns } from '../../src/cli/render/status.js';
import { printProblems } from '../../src/cli/request.js';
import { printError, wrapped } from '../../src/cli/terminal.js';
import { namespaceHeldError, noWorkerError, type RunEvent } from '../../src/client/run/events.js';
import { compareTerraformPlans, preflightOffline } from '../../src/client/terraform/preflight.js';
import type { FailingActivity } from '../../src/client/run/failing-activities.js';
import { missingWorkerText } from '../../src/client/run/missing-worker.js';
import type { LockHolder, RunSummary } from '../../src/client/runs.js';
import type { Config } from '../../src/config/config.js';
import type { Pipeline } from '../../src/contract/entity.js';
import type { Finding, Preflight } from '../../src/contract/preflight.js';
import type { EntityProgress, Progress } from '../../src/contract/progress.js';
import type { UserFacingError } from '../../src/contract/user-facing-error.js';
import { resolveManifest } from '../../src/engine/manifest/resolve.js';
import { KINDS } from '../../src/kinds/index.js';
import { buildFailedReport } from '../../src/report/build.js';
import { UnreachableError } from '../../src/temporal/diagnose.js';
import { describeAnyError } from '../../src/workflows/failures.js';
import { requestOf } from './planned.js';
import { reportScenes } from './report-scenes.js';
import { planOf } from './terraform-creates.js';

const NOW = Date.parse('2024-01-01T12:00:00.000Z');

const ACCOUNT = '111111111111';
const WORKFLOW_ID = `iam-bootstrap:${ACCOUNT}:ci`;
const RUN_ID = '0198a3f2-7c1e-7b55-9d3f-2f9b6c1a0e77';
const URL = `https://temporal.example.com/namespaces/default/workflows/${WORKFLOW_ID}/${RUN_ID}`;

const PIPELINE: Pipeline = {
  provider: 'github',
  url: 'https://github.com/acme/infra/actions/runs/42',
  job: 'bootstrap',
  commit: '0123456789abcdef',
  actor: 'ada',
};
const NO_WORKER = missingWorkerText({ why: 'no-poller' }, 'iam-bootstrap', '');
const ELSEWHERE = missingWorkerText(
  {
    why: 'pinned',
    build: { deploymentName: 'iam', buildId: '4b825dc' },
    polling: [{ deploymentName: 'iam', buildId: '9fceb02' }],
  },
  'iam-bootstrap',
  'temporal workflow update-options …',
);
const PERSON: Pipeline = { provider: 'local', url: null, commit: null, actor: 'grace' };

/** What a command prints, on a terminal of a width. */
export type Scene = (columns: number) => string;

type Terminal = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>;

function before(seconds: number): string {
  return new Date(NOW - seconds * 1_000).toISOString();
}

function holder(more: Partial<LockHolder['memo']> = {}): LockHolder {
  const memo = { pipeline: PIPELINE, ...more };
  return { workflowId: WORKFLOW_ID, runId: RUN_ID, type: 'bootstrap', startedAt: before(125), url: URL, memo };
}

/** Returns what an error prints, by the function that prints it. */
function errorOf(error: UserFacingError): Scene {
  return (columns) =>
    onStderr(columns, () => {
      printError(error.message, error.remedy);
    });
}

/** Returns what a function prints on standard error. */
function onStderr(columns: number, print: () => void): string {
  const { isTTY, columns: width, write } = process.stderr;
  let printed = '';
  Object.assign(process.stderr, {
    isTTY: true,
    columns,
    write: (text: string) => {
      printed += text;
      return true;
    },
  });
  try {
    print();
  } finally {
    Object.assign(process.stderr, { isTTY, columns: width, write });
  }
  return printed;
}

function events(...all: readonly RunEvent[]): Scene {
  return (columns) =>
    all
      .flatMap((event) => {
        const shown = textOfEvent(event);
        const stream = { isTTY: true, columns };
        const plan = event.type === 'awaiting-approval' ? [renderPending(event.approval, stream)] : [];
        return shown === null ? plan : [...plan, withLink(shown.text, shown.url, stream)];
      })
      .join('\n');
}

function entity(state: EntityProgress['state'], name: string, seconds: number): EntityProgress {
  const workflowId = `iam:${ACCOUNT}:Role:${name}`;
  return { kind: 'Role', name, state, since: before(seconds), workflowId };
}

function live(progress: Progress, retries: readonly FailingActivity[] = []): Scene {
  const view = { progress: liveRun(progress, retries), notice: '', spinner: '|', startedAt: NOW - 95_000, now: NOW };
  return (columns) => liveLines(view, { columns, rows: 24 }).join('\n');
}

const THROTTLED: FailingActivity = {
  workflowId: `iam:${ACCOUNT}:Role:app-131`,
  summary: 'create Role/app-131 for ci',
  attempt: 7,
  message: 'CreateRole answered Throttling: Rate exceeded',
};

const RUNNING: Progress = {
  phase: 'reconciling',
  done: 541,
  total: 900,
  entities: [
    { ...entity('waiting', 'app-129', 65), lockHolder: `iam-bootstrap:${ACCOUNT}:other` },
    entity('creating', 'app-131', 34),
    entity('converging', 'prod-deploy', 3),
    entity('creating', 'app-132', 0),
    { kind: 'Group', name: 'analysts', state: 'failed' },
  ],
  outcomes: { created: 540, failed: 1 },
  waitingFor: 'waiting for the run of namespace other, which holds the lock of Role/app-129',
};

function run(more: Partial<RunSummary>): RunSummary {
  return { ...holder(), status: 'COMPLETED', result: 'converged', conflicts: 0, closedAt: before(113), ...more };
}

function runs(): readonly RunSummary[] {
  const approval = { plan: `sha256:${'0'.repeat(64)}`, expiresAt: new Date(NOW + 82_800_000).toISOString() };
  const pending: Progress = { phase: 'awaiting approval', done: 0, total: 6, entities: [], waitingFor: null, approval };
  const open = { status: 'RUNNING', result: null, closedAt: null };
  return [
    run({ ...open, progress: RUNNING }),
    run({
      ...open,
      workflowId: `iam-bootstrap:${ACCOUNT}:prod`,
      startedAt: before(3_700),
      memo: { pipeline: PERSON, awaitingApproval: approval.plan },
      progress: pending,
      url: URL.replace(':ci/', ':prod/'),
    }),
    run({
      ...open,
      workflowId: `iam-bootstrap:${ACCOUNT}:stage`,
      startedAt: before(9_000),
      memo: { pipeline: PERSON },
      progress: null,
      missingWorker: ELSEWHERE,
      url: URL.replace(':ci/', ':stage/'),
    }),
    run({ startedAt: before(90_000), closedAt: before(89_988), memo: { pipeline: PERSON } }),
    run({ startedAt: before(180_000), closedAt: before(179_000), status: 'FAILED', result: 'failed' }),
  ];
}

function badManifest(columns: number): string {
  const text = [
    'version: 1',
    'namespace: ci',
    'environments: { prod: { account: 111111111111 } }',
    'entities:',
    '  - kind: Rol',
    '    roleName: deploy',
    '  - kind: Role',
    '    rolName: deploy',
  ].join('\n');
  const result = resolveManifest([{ file: 'iam/bootstrap.yaml', text }], {
    kinds: KINDS,
    environment: 'prod',
    variables: {},
    readFile: () => '',
    pipeline: PERSON,
    manifestName: 'iam/bootstrap.yaml',
  });
  if (result.ok) throw new RangeError('the manifest is valid');
  return onStderr(columns, () => {
    printProblems(result.problems, { github: undefined } as Config);
  });
}

/** Returns the report of a run whose worker has no AWS credentials. */
function withoutCredentials(stream: Terminal): string {
  const cause = Object.assign(new Error('Could not load credentials from any providers'), {
    name: 'CredentialsProviderError',
  });
  const failure = toFailure(new OperationError('ListRoles', cause), { attempt: 1, elapsedMs: 0, calls: {} });
  const request = requestOf([]);
  const failed = { command: 'apply' as const, request, workflowId: WORKFLOW_ID, runId: RUN_ID, startedAt: 0 };
  return wrapped(renderReport(buildFailedReport(failed, describeAnyError(failure), 1_200)), stream);
}

/** Returns what the plans of two stacks show, and beside that findings as a worker's answers make them. */
function preflightOf(stream: Terminal): string {
  const plans = ['replace', 'stack-a', 'stack-b'].map((name) => planOf(name));
  const result = preflightOffline(compareTerraformPlans(plans, { target: { account: ACCOUNT, partition: 'aws' } }));
  const [first] = result.findings;
  if (first === undefined) throw new RangeError('the plans have no conflict');
  const notFound: Finding = {
    ...first,
    address: 'module.ci["prod"].aws_iam_role_policy.deploy',
    entity: 'Role/ci-prod',
    verdict: 'orphan',
    error: { operation: 'PutRolePolicy', code: 'NoSuchEntity' },
    reason: 'Role/ci-prod is absent, and no plan creates it',
    remedy: 'create what it belongs to in this plan or before it, or correct the name',
  };
  const found: Finding = {
    ...first,
    address: 'aws_iam_user.lb',
    entity: 'User/lb',
    verdict: 'import',
    error: { operation: 'CreateUser', code: 'EntityAlreadyExists' },
    reason: 'it exists, created 2025-03-14, and shows no owner',
    remedy: 'import it, or give it another name',
    importId: 'lb',
    notes: ['\u001b[2Jhidden'],
  };
  const findings = [...result.findings, notFound, found];
  const summary = { ...result.summary, orphan: 1, import: 1 };
  const notes = ['app.json: aws_iam_role.later is left to a later plan, and was not checked'];
  const whole: Preflight = { ...result, result: 'conflicts', offline: false, findings, summary, notes };
  return wrapped(renderPreflight(whole, []), stream);
}

/** What commands print, besides plans and reports, each under its name. */
export function cliScenes(): Readonly<Record<string, Scene>> {
  const { fresh, cancelled } = reportScenes();
  if (fresh === undefined || cancelled === undefined) throw new RangeError('no such scene');
  const plan = `sha256:${'0'.repeat(64)}`;
  const approval = { plan, openedAt: before(0), expiresAt: before(-86_400), report: fresh };
  const started = { type: 'started', workflowId: WORKFLOW_ID, runId: RUN_ID, url: URL } as const;
  return {
    'under-way': live(RUNNING),
    throttled: live(RUNNING, [THROTTLED]),
    waiting: events(
      { type: 'waiting', lockHolder: holder(), progress: null, waitedMs: 0 },
      { type: 'waiting', lockHolder: holder(), progress: RUNNING, waitedMs: 61_000 },
      started,
    ),
    'waiting-ended': errorOf(namespaceHeldError(holder(), {})),
    approval: events(started, { type: 'awaiting-approval', approval, isAwaited: true }),
    'no-worker': (columns) =>
      `${events(started, { type: 'no-worker', taskQueue: 'iam-bootstrap', ...NO_WORKER })(columns)}\n${errorOf(noWorkerError(NO_WORKER))(columns)}`,
    'no-server': errorOf(
      new UnreachableError('127.0.0.1:7233', { reason: 'connect ECONNREFUSED 127.0.0.1:7233', cause: null }),
    ),
    'no-credentials': (columns) => withoutCredentials({ isTTY: true, columns }),
    'bad-manifest': badManifest,
    preflight: (columns) => preflightOf({ isTTY: true, columns }),
    interrupted: errorOf(interruptedRun('apply', 'SIGINT', started, false)),
    'interrupted-before': errorOf(interruptedRun('apply', 'SIGINT', null, false)),
    'interrupted-plan': errorOf(interruptedRun('plan', 'SIGINT', started, false)),
    embedded: errorOf(interruptedRun('apply', 'SIGINT', started, true)),
    status: (columns) => renderRuns(runs(), NOW, { isTTY: true, columns }),
  };
}
