import { join } from 'node:path';
import type { IAM } from '@aws-sdk/client-iam';
import { captureAccount } from '../../src/client/capture/capture-account.js';
import { saveCapture } from '../../src/client/capture/save-capture.js';
import { explain } from '../../src/client/explain/explain.js';
import { loadRequest } from '../../src/client/request.js';
import { apply, plan } from '../../src/client/run/start.js';
import { entityId } from '../../src/contract/entity.js';
import type { JsonObject, Target } from '../../src/contract/entity.js';
import type { EntityReport, Report } from '../../src/contract/report.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import type { Match } from '../support/fault-proxy.js';
import type { World } from '../support/world.js';
import { allowing, trusting } from './documents.js';
import type { Gateway, GatewayCall } from './gateway.js';
import { eventually, hold, until } from './until.js';
import { isRead } from './write-guard.js';

/** The processes of the runs: Temporal's dev server, a worker, and the faults between it and the gateway. */
export interface RunStage {
  readonly world: World;
  readonly temporal: TemporalConnection;
  readonly gateway: Gateway;
  /** Another caller of AWS. */
  readonly person: IAM;
  readonly target: Target;
  /** The start of the names of one scenario. */
  readonly start: string;
  readonly propagationMs: number;
  readonly trailMs: number;
}

/** A promise of the product that whole runs keep: plan, apply and the rest, by a worker. */
export interface Scenario {
  readonly name: string;
  /** Returns what was measured, if anything. */
  readonly play: (stage: RunStage) => Promise<string | undefined>;
}

/** The scenarios, in the order in which they are played. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'an apply creates what is missing, once, and a second one changes nothing',
    play: async (stage) => {
      const entities = everything(stage);
      const first = await run(stage, 'once', entities);
      converged(first);
      hold(
        first.entities.every(({ outcome }) => outcome === 'created'),
        'not all were created',
        outcomesOf(first),
      );
      createdOnce(stage, entities.length);
      const before = stage.gateway.calls.length;
      const second = await run(stage, 'once', entities);
      converged(second);
      const calls = stage.gateway.calls.slice(before);
      const writes = calls.filter(({ service, action }) => service === 'iam' && !isRead(action));
      hold(
        writes.length === 0,
        'the second apply writes',
        writes.map(({ action }) => action),
      );
      return `${String(entities.length)} entities; the second apply took ${String(calls.length)} calls`;
    },
  },
  {
    name: 'of two namespaces that create one role at the same time, one is refused',
    play: async (stage) => {
      const entities = [role(`${stage.start}role`)];
      const reports = await Promise.all(['left', 'right'].map((side) => run(stage, side, entities)));
      const results = reports.map(({ result }) => result).sort();
      hold(results.join() === 'converged,refused', 'not exactly one of them has won', results);
      createdOnce(stage, 1);
      return undefined;
    },
  },
  {
    name: 'five pipelines that apply one manifest at the same time create each entity once',
    play: async (stage) => {
      const entities = everything(stage);
      const all = await Promise.all(Array.from({ length: 5 }, () => run(stage, 'many', entities)));
      for (const report of all) converged(report);
      createdOnce(stage, entities.length);
      return undefined;
    },
  },
  ...(['reset-after', 'reset-before'] as const).map((kind) => ({
    name:
      kind === 'reset-after'
        ? 'where the reply to a Create is lost, the entity is created once, and reported as created'
        : 'where a Create does not arrive, it is sent again',
    play: async (stage: RunStage) => {
      const entities = everything(stage);
      const rules = CREATES.map(([action, param]) =>
        stage.world.proxy.on(ofScenario(stage, action, param), { kind, times: 1 }),
      );
      const report = await run(stage, 'lost', entities);
      for (const rule of rules) rule.remove();
      converged(report);
      hold(
        report.entities.every(({ outcome }) => outcome === 'created'),
        'not all were created',
        outcomesOf(report),
      );
      createdOnce(stage, entities.length);
      const fired = rules.reduce((sum, rule) => sum + rule.fired, 0);
      hold(fired === CREATES.length, 'not all replies were lost', fired);
      return undefined;
    },
  })),
  {
    name: 'what another namespace owns is refused and stays as it is; what nobody owns is adopted',
    play: async (stage) => {
      const name = `${stage.start}role`;
      converged(await run(stage, 'owner', [role(name, { description: 'of the owner' })]));
      const refused = await run(stage, 'other', [role(name, { description: 'of the other' })]);
      hold(refused.result === 'refused', 'it is not refused', refused.result);
      const { Role } = await eventually(stage.propagationMs, () => stage.person.getRole({ RoleName: name }));
      hold(Role?.Description === 'of the owner', 'the description has changed', Role?.Description);
      const unowned = `${stage.start}unowned`;
      await stage.person.createUser({ UserName: unowned });
      const adopted = await until(stage.propagationMs, async () => {
        const report = await run(stage, 'other', [{ kind: 'User', userName: unowned }]);
        converged(report);
        return report;
      });
      hold(outcomesOf(adopted)[`User/${unowned}`] === 'adopted', 'it is not adopted', outcomesOf(adopted));
      return undefined;
    },
  },
  {
    name: 'a run that AWS throttles converges',
    play: async (stage) => {
      const entities = everything(stage);
      const rule = stage.world.proxy.on(ofScenario(stage, /^Create/), { kind: 'throttle', times: 4 });
      const report = await run(stage, 'slow', entities);
      rule.remove();
      converged(report);
      createdOnce(stage, entities.length);
      hold(rule.fired === 4, 'fewer calls were throttled', rule.fired);
      return undefined;
    },
  },
  {
    name: 'the manifest that a capture writes plans nothing but adoption',
    play: async (stage) => {
      const { start, target, temporal, world } = stage;
      await byHand(stage);
      const path = pathOf(stage);
      return until(stage.propagationMs, async () => {
        const kinds = ['Role', 'User', 'Group', 'Policy'];
        const { files, report } = await captureAccount(temporal, { target, namespace: 'captured', kinds, path });
        hold(files.length > 0, 'nothing is captured', report.leftOut);
        const folder = join(world.directory, `${start}capture-${String(Date.now())}`);
        await saveCapture(files, folder);
        const loaded = await load([join(folder, files[0]?.path ?? '')], 'plan');
        const planned = await plan(temporal, loaded);
        const decisions = planned.entities.map((entity) => `${entityId(entity)} ${entity.decision}`);
        hold(planned.entities.length >= kinds.length, 'something is not captured', decisions);
        hold(
          planned.entities.every(({ decision }) => ADOPTION.includes(decision)),
          'more than adoption',
          decisions,
        );
        hold(
          planned.entities.every(({ drift }) => drift.every(isOwnership)),
          'a property would change',
          drifts(planned),
        );
        return `${String(planned.entities.length)} entities captured`;
      });
    },
  },
  {
    name: 'what left the manifest is removed where it was created here, and kept where it was adopted',
    play: async (stage) => {
      const [made, found] = [`${stage.start}made`, `${stage.start}found`];
      await stage.person.createRole({ RoleName: found, AssumeRolePolicyDocument: JSON.stringify(trusting()) });
      await until(stage.propagationMs, async () => {
        converged(await run(stage, 'leaves', [role(made), role(found)]));
      });
      const left = await run(stage, 'leaves', [role(made), role(found)], 'destroy');
      converged(left);
      await until(stage.propagationMs, async () => {
        const gone = await stage.person.getRole({ RoleName: made }).then(() => false, isAbsent);
        hold(gone, 'the role that was created here is still there');
      });
      await eventually(stage.propagationMs, () => stage.person.getRole({ RoleName: found }));
      return undefined;
    },
  },
  {
    name: 'explain names the caller whose Create came first, by CloudTrail',
    play: async (stage) => {
      const { temporal, target, world, person, trailMs } = stage;
      const RoleName = `${stage.start}role`;
      const rule = world.proxy.on(
        { action: 'CreateRole', params: { RoleName } },
        {
          ...{ kind: 'hook', times: 1 },
          before: () => person.createRole({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trusting()) }),
        },
      );
      const report = await run(stage, 'explained', [role(RoleName)]);
      rule.remove();
      converged(report);
      const [entity] = report.entities;
      hold(entity?.outcome === 'adopted', 'it is not adopted', entity?.outcome);
      hold(entity?.conflicts[0]?.code === 'EntityAlreadyExists', 'no conflict is reported', entity?.conflicts);
      const at = Date.now();
      return until(trailMs, async () => {
        const [found] = (await explain(temporal, report.workflow.runId, { account: target.account })).explanations;
        hold(found?.cause === 'parallel-writer' || found?.cause === 'existed-before', 'another cause', found?.cause);
        hold(found?.existing.createdBy !== null, 'CloudTrail does not show the Create', found?.headline);
        return `CloudTrail showed the Create after ${String(Math.round((Date.now() - at) / 1_000))} s`;
      });
    },
  },
];

/** Decisions of an adoption: what carries no tags is adopted without a write. */
const ADOPTION: readonly string[] = ['adopt', 'no-op'];

/** Creates with the parameter that names the entity. */
const CREATES = [
  ['CreateRole', 'RoleName'],
  ['CreatePolicy', 'PolicyName'],
  ['CreateUser', 'UserName'],
  ['CreateGroup', 'GroupName'],
  ['CreateInstanceProfile', 'InstanceProfileName'],
  ['CreateOpenIDConnectProvider', 'Url'],
] as const;

function ofScenario({ start }: RunStage, action: string | RegExp, param?: string): Match {
  const isNamed = (name: string | undefined): boolean => name?.includes(start) === true;
  return {
    action,
    predicate: ({ params }) => (param === undefined ? Object.values(params).some(isNamed) : isNamed(params[param])),
  };
}

function role(roleName: string, more: JsonObject = {}): JsonObject {
  return { kind: 'Role', roleName, assumeRolePolicyDocument: trusting(), ...more };
}

/** One entity of each kind that has a Create of its own, and that refer to each other. */
function everything({ start, target: { partition } }: RunStage): JsonObject[] {
  return [
    { kind: 'Policy', policyName: `${start}policy`, policyDocument: allowing('s3:ListBucket', partition) },
    role(`${start}role`, {
      managedPolicyArns: [`{{arn Policy/${start}policy}}`],
      inlinePolicies: { own: allowing('s3:GetObject', partition) },
      tags: { team: 'platform' },
    }),
    { kind: 'User', userName: `${start}user`, inlinePolicies: { own: allowing('s3:GetObject', partition) } },
    { kind: 'Group', groupName: `${start}group`, users: [`${start}user`] },
    { kind: 'InstanceProfile', instanceProfileName: `${start}profile`, roles: [`${start}role`] },
    {
      ...{ kind: 'OpenIDConnectProvider', url: `https://tokens.example.com/${start}provider` },
      ...{ clientIdList: ['sts.amazonaws.com'], thumbprintList: ['a'.repeat(40)] },
    },
  ];
}

function pathOf({ start }: RunStage): string {
  return `/${start}path/`;
}

/** Makes entities as a person does. */
async function byHand(stage: RunStage): Promise<void> {
  const { person, start } = stage;
  const { partition } = stage.target;
  const Path = pathOf(stage);
  const document = JSON.stringify(allowing('s3:GetObject', partition));
  const { Policy } = await person.createPolicy({ PolicyName: `${start}policy`, Path, PolicyDocument: document });
  const RoleName = `${start}role`;
  await person.createRole({ RoleName, Path, AssumeRolePolicyDocument: JSON.stringify(trusting()) });
  const send = <T>(act: () => Promise<T>): Promise<T> => eventually(stage.propagationMs, act);
  await send(() => person.putRolePolicy({ RoleName, PolicyName: 'own', PolicyDocument: document }));
  await send(() => person.attachRolePolicy({ RoleName, PolicyArn: Policy?.Arn }));
  await person.createUser({ UserName: `${start}user`, Path });
  await person.createGroup({ GroupName: `${start}group`, Path });
  await send(() => person.addUserToGroup({ GroupName: `${start}group`, UserName: `${start}user` }));
}

async function load(paths: readonly string[], command: 'apply' | 'plan' | 'destroy') {
  const pipeline = { provider: 'local', url: null, commit: null, actor: 'acceptance' };
  const loaded = await loadRequest([...paths], {
    ...{ variables: {}, pipeline },
    ...(command === 'destroy' ? { command } : {}),
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.request;
}

let written = 0;

async function run(
  stage: RunStage,
  namespace: string,
  entities: readonly JsonObject[],
  command: 'apply' | 'destroy' = 'apply',
): Promise<Report> {
  const { world, temporal, target, start } = stage;
  written += 1;
  const manifest = {
    ...{ version: 1, namespace: `${start}${namespace}` },
    environments: { test: { account: target.account, partition: target.partition } },
    entities,
  };
  const path = await world.manifest(`acceptance-${String(written)}.json`, manifest);
  return apply(temporal, await load([path], command));
}

function converged(report: Report): void {
  const reasons = report.entities.flatMap(({ reason, outcome, ...entity }) =>
    reason === null ? [] : [`${entityId(entity)} ${outcome}: ${reason}`],
  );
  hold(report.result === 'converged', `the run has not converged, but ${report.result}`, reasons);
}

/** Counts the Creates of a scenario that AWS executed, at the gateway. */
function createdOnce({ gateway, start }: RunStage, entities: number): void {
  const created = gateway.calls.filter(
    ({ action, status, params }: GatewayCall) =>
      status < 300 &&
      /^Create(?!PolicyVersion)/.test(action) &&
      Object.values(params).some((text) => text.includes(start)),
  );
  hold(created.length === entities, 'AWS has executed another number of Creates', {
    created: created.length,
    entities,
  });
}

function outcomesOf({ entities }: Report): Record<string, EntityReport['outcome']> {
  return Object.fromEntries(entities.map((entity) => [entityId(entity), entity.outcome]));
}

function isOwnership({ path }: { readonly path: string }): boolean {
  return path.startsWith('tags.iam-bootstrap:');
}

function drifts({ entities }: Report): string[] {
  return entities.flatMap((entity) => entity.drift.map(({ path }) => `${entityId(entity)} ${path}`));
}

function isAbsent(error: unknown): boolean {
  if ((error as { name?: string }).name === 'NoSuchEntityException') return true;
  throw error;
}
