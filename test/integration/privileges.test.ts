import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { apply } from '../../src/client/run/start.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Report } from '../../src/contract/report.js';
import { forEachConcurrently } from '../support/concurrency.js';
import type { Call } from '../support/fault-proxy.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import { KindStage, nextUnusedAccount, KIND_CASES, PHASES } from '../support/kind-stage.js';
import type { KindCase, Phase } from '../support/kind-stage.js';
import { allowing, requestOf, role } from '../support/manifests-of.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';
import { temporal, useWorld, world } from '../support/use-world.js';

/** Creates, updates and deletes an entity of every kind under a policy that the sandbox enforces. */

jest.setTimeout(1_200_000);
useWorld({ reset: false });

/** Calls that the engine makes for any kind. */
const ENGINE = ['iam:GetAccountSummary'];
const SECRETS = ['secretsmanager:CreateSecret', 'secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'];

/** Kinds that lose an action in the short form. */
const SAMPLE: ReadonlySet<string> = new Set(['Role', 'Policy', 'AccessKey', 'OpenIDConnectProvider']);

/** Stages that are played at a time. */
const LANES = 6;

const tally = new Tally();

beforeAll(() => {
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIATEST';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
});

afterAll(async () => {
  await record({
    id: 'privileges',
    title: 'Least privilege',
    what:
      'Each case creates, changes by hand, updates and deletes an entity of one kind under a policy that ' +
      'the sandbox enforces. A case survives if AWS denies nothing that is granted, and if the report names ' +
      'an action that is not granted.',
    command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/integration/privileges.test.ts',
    trials: tally.trials,
  });
});

/** Has the account's calls decided by a policy from now on; null lifts it. */
async function authorise(account: string, policyDocument: JsonObject | null): Promise<void> {
  const body = JSON.stringify({ account, policyDocument });
  const answer = await fetch(`${world.sandbox.url}/sandbox/authorise`, { method: 'POST', body });
  if (!answer.ok) throw new Error(await answer.text());
}

function allowingAll(actions: readonly string[]): JsonObject {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: [...actions], Resource: '*' }] };
}

function actionsOf({ kind, secretsManager }: KindCase): string[] {
  return [...ENGINE, ...kind.actions.read, ...kind.actions.write, ...(secretsManager ? SECRETS : [])];
}

function deniedIn(calls: readonly Call[]): readonly string[] {
  return calls.filter(({ code }) => code?.startsWith('AccessDenied') === true).map(({ action }) => action);
}

interface Played {
  readonly part: KindCase;
  /** `iam:CreateRole`, those that the engine has called. */
  readonly used: ReadonlySet<string>;
  readonly denied: readonly string[];
  readonly reports: readonly Report[];
  readonly wrong: readonly string[];
}

function serviceOf(action: string, protocol: Call['protocol']): string {
  if (protocol === 'xml') return 'iam';
  return action === 'GetResources' ? 'tag' : 'secretsmanager';
}

/** Plays a kind's phases under a policy; what is done by hand is done without. */
async function play(
  part: KindCase,
  policy: JsonObject,
  { phases = PHASES, planPolicy }: { readonly phases?: readonly Phase[]; readonly planPolicy?: JsonObject } = {},
): Promise<Played> {
  const stage = new KindStage(world, temporal, part);
  await stage.createPrerequisites();
  const used = new Set<string>();
  const denied: string[] = [];
  const reports: Report[] = [];
  const wrong: string[] = [];
  for (const phase of phases) {
    if (phase === 'deletion' && !stage.canBeDeleted) continue;
    await authorise(stage.account, null);
    await stage.applyManualChanges(phase);
    // Where an entity exists, a plan reads the most.
    if (planPolicy !== undefined && phase === 'update') {
      await authorise(stage.account, planPolicy);
      const planned = await stage.plan(phase);
      denied.push(...deniedIn(planned.calls).map((action) => `plan of ${phase}: ${action}`));
      if (!['pending', 'converged'].includes(planned.report.result))
        wrong.push(`plan of ${phase}: ${String(planned.report.reason)}`);
    }
    await authorise(stage.account, policy);
    const { report, calls } = await stage.run(phase);
    reports.push(report);
    denied.push(...deniedIn(calls).map((action) => `${phase}: ${action}`));
    for (const { action, protocol } of calls) {
      if (action === 'GetCallerIdentity' || action === 'AssumeRole') continue;
      used.add(`${serviceOf(action, protocol)}:${action}`);
    }
    if (report.result !== 'converged')
      wrong.push(`${phase}: ${JSON.stringify(report.entities[0]?.reason ?? report.reason)}`);
  }
  await authorise(stage.account, null);
  return { part, used, denied, reports, wrong };
}

describe('the operator’s policy', () => {
  let policy: { readonly Statement: readonly { readonly Action: readonly string[] }[] };
  let played: readonly Played[];
  /** As the sandbox has decided by them; a Create asks for more than its own where it carries tags or a role. */
  let asked: ReadonlySet<string>;

  beforeAll(async () => {
    const read = async (name: string): Promise<JsonObject> =>
      JSON.parse(await readFile(join(__dirname, `../../docs/${name}.json`), 'utf8')) as JsonObject;
    policy = (await read('operator-policy')) as unknown as typeof policy;
    const apply = await read('operator-policy-apply');
    const planPolicy = await read('operator-policy-plan');
    played = await forEachConcurrently(KIND_CASES, LANES, (part) => play(part, apply, { planPolicy }));
    await playTheRest(apply);
    const answer = await fetch(`${world.sandbox.url}/sandbox/asked`);
    asked = new Set(Object.values((await answer.json()) as Record<string, string[]>).flat());
  });

  /** What the phases of no kind come to: a document that changes, a boundary that goes, a key whose reply is lost. */
  async function playTheRest(document: JsonObject): Promise<void> {
    const account = nextUnusedAccount();
    await authorise(account, document);
    const boundary = '{{arn Policy/edge}}';
    const declared = (action: string, permissionsBoundary: string | null): JsonObject[] => [
      { kind: 'Policy', policyName: 'edge', policyDocument: allowing(action) },
      role('bound', { permissionsBoundary }),
      { kind: 'User', userName: 'bound', permissionsBoundary },
      { kind: 'AccessKey', userName: 'bound', secret: { file: `${account}/key.json` } },
    ];
    world.proxy.on({ account, action: 'CreateAccessKey' }, { kind: 'reset-after', times: 1 });
    for (const entities of [declared('s3:GetObject', boundary), declared('s3:PutObject', null)]) {
      const parts = { namespace: 'rest', account, assumed: true, entities };
      const report = await apply(temporal, await requestOf(world, parts));
      expect([report.result, report.reason]).toEqual(['converged', null]);
    }
  }

  test('is sufficient in its two parts: one to plan every kind, and one to create, update and delete it', () => {
    for (const { part, denied, wrong } of played) {
      tally.count('the operator’s policy', part.kind.name, denied.length + wrong.length === 0);
    }
    expect(
      played.flatMap(({ part, denied, wrong }) => [...denied, ...wrong].map((one) => `${part.name}: ${one}`)),
    ).toEqual([]);
    expect(played.length).toBeGreaterThan(20);
  });

  test('is the sum of its parts, and the role of plans writes nothing', async () => {
    const actions = async (name: string): Promise<readonly string[]> => {
      const text = await readFile(join(__dirname, `../../docs/${name}.json`), 'utf8');
      return (JSON.parse(text) as typeof policy).Statement.flatMap(({ Action }) => Action);
    };
    const [planning, applying] = [await actions('operator-policy-plan'), await actions('operator-policy-apply')];
    expect([...new Set([...planning, ...applying])].sort()).toEqual((await actions('operator-policy')).toSorted());
    expect(planning.filter((action) => !/:(Get|List|Lookup|Validate|Check)/.test(action))).toEqual([]);
  });

  test('has no action that no run uses, but for those with a reason', () => {
    const unused = policy.Statement.flatMap(({ Action }) => Action).filter((action) => !asked.has(action));
    expect(unused.sort()).toEqual(Object.keys(UNUSED).sort());
  });
});

/** Actions that are granted and not called in these runs, each with its reason. */
const UNUSED: Readonly<Record<string, string>> = {
  'iam:ResetServiceSpecificCredential': 'called once the text of reset changes: test/integration/reset.test.ts',
  'iam:ListUsers': 'a capture asks when passwords were last used: test/unit/activities/capture/read-account.test.ts',
  'tag:GetResources': 'called for several policies: policy-tags.test.ts has it granted and denied',
  'cloudtrail:LookupEvents': 'explain asks for it, and no run: explain.test.ts has it granted and denied',
  'access-analyzer:CheckNoNewAccess': 'called where guardrails ask for it: access-analyzer.test.ts',
  'access-analyzer:ValidatePolicy': 'called where guardrails ask for it: access-analyzer.test.ts',
  'sts:GetCallerIdentity': 'AWS answers it without a permission',
};

test('what a kind declares is enough for it alone', async () => {
  const played = await forEachConcurrently(KIND_CASES, LANES, (part) => play(part, allowingAll(actionsOf(part))));
  for (const { part, denied, wrong } of played) {
    tally.count('a policy of one kind alone', part.kind.name, wrong.length === 0 && denied.length === 0);
  }
  expect(
    played.flatMap(({ part, denied, wrong }) => [...denied, ...wrong].map((one) => `${part.name}: ${one}`)),
  ).toEqual([]);
});

test('a Create that is not granted is denied, changes nothing, and is named with what to do', async () => {
  const parts = KIND_CASES.filter(
    ({ kind, secretsManager }) => !secretsManager && (LONG_FORM || SAMPLE.has(kind.name)),
  );
  const wrong = await forEachConcurrently(parts, LANES, async (part) => {
    if (KIND_FIXTURES[part.kind.name]?.alwaysPresent !== undefined) return [];
    const stage = new KindStage(world, temporal, part);
    const action = `iam:${stage.operationOfCreate}`;
    const { reports, used } = await play(part, allowingAll(actionsOf(part).filter((one) => one !== action)), {
      phases: ['fresh'],
    });
    const entity = reports[0]?.entities[0];
    const named = entity?.reason?.includes(action) === true && entity.remedy?.includes('grant the action') === true;
    const held = used.has(action) && entity?.outcome === 'failed' && named && entity.writes.length === 0;
    tally.count('the Create is not granted', part.kind.name, held);
    return held ? [] : [`${part.name}: ${JSON.stringify(entity)}`];
  });
  expect(wrong.flat()).toEqual([]);
  expect(parts.length).toBeGreaterThan(3);
});

test('the sandbox enforces what it is told: nothing is allowed by default, and a deny wins', async () => {
  const [part] = KIND_CASES;
  if (part === undefined) throw new Error('there are no kinds');
  const both = [...(allowing('*')['Statement'] as JsonObject[]), { Effect: 'Deny', Action: 'iam:*', Resource: '*' }];
  for (const policy of [allowing('s3:*'), { Version: '2012-10-17', Statement: both }]) {
    const { denied, reports } = await play(part, policy, { phases: ['fresh'] });
    expect(denied.length).toBeGreaterThan(0);
    expect(reports[0]?.result).toBe('failed');
  }
});
