import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { decideApproval } from '../../src/client/approval.js';
import { connectTemporal } from '../../src/temporal/connect.js';
import { loadRequest } from '../../src/client/request.js';
import type { RequestOptions } from '../../src/client/request.js';
import { apply } from '../../src/client/run/start.js';
import { loadConfig } from '../../src/config/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { ApprovalAction } from '../../src/contract/approval.js';
import type { Report } from '../../src/contract/report.js';
import { OwnershipTag } from '../../src/engine/ownership.js';
import { allowing, role as roleOf, trusting } from './manifests-of.js';
import { iamClient } from './sandbox.js';
import { ACCOUNT } from './world.js';
import type { World } from './world.js';

const PIPELINE = {
  provider: 'github',
  url: 'https://github.com/acme/infra/actions/runs/9321465012',
  commit: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  actor: 'octocat',
};

/** A workflow run, as the Temporal UI identifies it. */
export interface Run {
  readonly workflowId: string;
  readonly runId: string;
}

/** One run of every kind that users search for. Two of them are open until {@link Scenes.end}. */
export interface Scenes {
  /** A run that created three entities in `ci-platform`. */
  readonly converged: Run;
  /** The run of one of these entities, `Role/prod-deploy`. */
  readonly role: Run;
  /** A run that waits for AWS, in `ci-platform`. */
  readonly running: Run;
  /** A run that was refused at its plan, in `payments`: a role belongs to `ci-platform`. */
  readonly refused: Run;
  /** A run in `billing` that met a role created by another tool after the plan. */
  readonly conflicting: Run;
  /** The run of that role. */
  readonly conflict: Run;
  /** A run whose Create AWS denied, in `data`. */
  readonly failed: Run;
  /** A run that waits for an approval, in `network`. */
  readonly gated: Run;
  /** Lets the open runs finish. */
  end(): Promise<void>;
}

/** Starts the runs, with a worker that waits for AWS while pictures are taken. */
export async function playScenes(world: World): Promise<Scenes> {
  await world.startWorker({ IAM_BOOTSTRAP_AWS_TIMEOUT: '600' });
  const temporal = await connectTemporal(loadConfig(world.env));
  const sending = async (
    namespace: string,
    entities: readonly JsonObject[],
    options: Partial<RequestOptions> = {},
  ): Promise<{ readonly run: Run; readonly report: Promise<Report>; readonly gate: Promise<string> }> => {
    const name = `${namespace}.json`;
    await world.manifest(name, { version: 1, namespace, environments: { prod: { account: ACCOUNT } }, entities });
    const loaded = await loadRequest([name], { cwd: world.directory, variables: {}, pipeline: PIPELINE, ...options });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems, null, 2));
    const { promise: gate, resolve: opened } = promised<string>();
    const { promise: run, resolve: started } = promised<Run>();
    const report = apply(temporal, loaded.request, {
      onEvent: (event) => {
        if (event.type === 'started') started(event);
        if (event.type === 'awaiting-approval') opened(event.approval.plan);
      },
    });
    report.catch(() => undefined);
    return { run: await Promise.race([run, report.then((ended) => ended.workflow)]), report, gate };
  };
  const ended = async (...args: Parameters<typeof sending>): Promise<Report> => (await sending(...args)).report;

  const platform = [
    {
      kind: 'OpenIDConnectProvider',
      url: 'https://token.actions.githubusercontent.com',
      clientIdList: ['sts.amazonaws.com'],
    },
    { kind: 'Policy', policyName: 'prod-deploy', policyDocument: allowing('s3:PutObject') },
    roleOf('prod-deploy', { managedPolicyArns: ['{{arn Policy/prod-deploy}}'] }),
  ];
  const converged = await ended('ci-platform', platform);
  const role = await temporal.client.workflow.getHandle(`iam:${ACCOUNT}:Role:prod-deploy`).describe();
  const refused = await ended('payments', [
    roleOf('prod-deploy', { description: 'deploys payments' }),
    roleOf('payments-api', { managedPolicyArns: ['arn:{{partition}}:iam::aws:policy/ReadOnlyAccess'] }),
  ]);

  world.proxy.on(
    { action: 'CreateRole', params: { RoleName: 'billing-export' } },
    {
      kind: 'hook',
      times: 1,
      before: () =>
        iamClient(world.sandbox.url).send(
          new CreateRoleCommand({
            RoleName: 'billing-export',
            AssumeRolePolicyDocument: JSON.stringify(trusting()),
            Tags: [{ Key: OwnershipTag.Namespace, Value: 'finance' }],
          }),
        ),
    },
  );
  const conflicting = await ended('billing', [roleOf('billing-export'), roleOf('billing-reader')]);
  const conflict = await temporal.client.workflow.getHandle(`iam:${ACCOUNT}:Role:billing-export`).describe();

  const groupArn = `arn:aws:iam::${ACCOUNT}:group/analysts`;
  world.proxy.on(
    { action: 'CreateGroup' },
    {
      kind: 'error',
      status: 403,
      code: 'AccessDenied',
      message: `User: arn:aws:iam::${ACCOUNT}:user/worker is not authorized to perform: iam:CreateGroup on resource: ${groupArn}`,
    },
  );
  const failed = await ended('data', [
    { kind: 'User', userName: 'anna' },
    { kind: 'Group', groupName: 'analysts', users: ['anna'] },
    roleOf('data-loader'),
  ]);

  const { promise: held, resolve: arrived } = promised<undefined>();
  const { promise: released, resolve: release } = promised<undefined>();
  world.proxy.on(
    { action: 'CreateRole', params: { RoleName: 'prod-rollback' } },
    {
      kind: 'hook',
      times: 1,
      before: () => {
        arrived(undefined);
        return released;
      },
    },
  );
  const running = await sending('ci-platform', [
    ...platform,
    roleOf('prod-rollback'),
    roleOf('prod-preview'),
    { kind: 'InstanceProfile', instanceProfileName: 'prod-rollback', roles: ['prod-rollback'] },
    { kind: 'User', userName: 'release-bot' },
  ]);
  await held;
  const gated = await sending('network', [roleOf('vpc-flow-logs'), roleOf('transit-gateway')], {
    approval: { timeoutMs: 86_400_000 },
  });
  const plan = await gated.gate;

  return {
    converged: converged.workflow,
    role,
    running: running.run,
    refused: refused.workflow,
    conflicting: conflicting.workflow,
    conflict,
    failed: failed.workflow,
    gated: gated.run,
    end: async () => {
      release(undefined);
      await decideApproval(temporal, { account: ACCOUNT, namespace: 'network' }, ApprovalAction.Reject, {
        plan,
        by: 'alice',
      });
      await Promise.all([running.report, gated.report]);
      await temporal.close();
    },
  };
}

function promised<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
