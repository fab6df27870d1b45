import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parse } from 'yaml';
import { readTemplate, referencesOf, withParameters } from '../../support/cloudformation.js';
import { matchesEventPattern } from '../../support/event-pattern.js';
import events from '../fixtures/organizations-events.json';

const TEMPLATE = readTemplate(join(__dirname, '../../../examples/new-account.yaml'));
const UNITS = ['ou-a1b2-11111111', 'ou-a1b2-22222222'];
const { serviceEvents, apiCalls } = events;

interface Rule {
  readonly EventPattern: unknown;
  readonly Targets: readonly [
    {
      readonly Arn: unknown;
      readonly RoleArn: unknown;
      readonly InputTransformer: {
        readonly InputPathsMap: Readonly<Record<string, string>>;
        readonly InputTemplate: string;
      };
    },
  ];
}

/** Returns an event as EventBridge delivers it. */
function delivered(detailType: string, detail: object): object {
  return {
    version: '0',
    id: '36eb8523-97d0-4518-b33d-ee3579ff19f0',
    'detail-type': detailType,
    source: 'aws.organizations',
    account: '111122223333',
    time: '2022-03-18T18:17:06Z',
    region: 'us-east-1',
    resources: [],
    detail,
  };
}

const serviceEvent = (detail: object): object => delivered('AWS Service Event via CloudTrail', detail);
const apiCall = (detail: object): object => delivered('AWS API Call via CloudTrail', detail);

const moved = (change: object, rest: object = {}): object =>
  apiCall({ ...apiCalls.move, ...rest, requestParameters: { ...apiCalls.move.requestParameters, ...change } });

function ruleOf(name: string): Rule {
  const resource = TEMPLATE.Resources[name];
  if (resource?.Type !== 'AWS::Events::Rule') throw new Error(`${name} is no rule`);
  return withParameters(resource.Properties, { OrganizationalUnits: UNITS }) as Rule;
}

/** Returns the names of the rules that an event starts a build by. */
function rulesFor(event: object): readonly string[] {
  return Object.keys(TEMPLATE.Resources)
    .filter((name) => TEMPLATE.Resources[name]?.Type === 'AWS::Events::Rule')
    .filter((name) => matchesEventPattern(ruleOf(name).EventPattern, event));
}

/** Returns what the target of a rule gets of an event. */
function inputOf(rule: string, event: object): unknown {
  const { InputPathsMap, InputTemplate } = ruleOf(rule).Targets[0].InputTransformer;
  const valueAt = (path: string): unknown =>
    path
      .split('.')
      .slice(1)
      .reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], event);
  return JSON.parse(
    InputTemplate.replaceAll(/<(\w+)>/g, (_, name: string) => JSON.stringify(valueAt(InputPathsMap[name] ?? ''))),
  );
}

describe('the rules of the example for new accounts', () => {
  test.each([
    ['an account that was created', serviceEvent(serviceEvents.created), ['AccountCreated']],
    ['an account that was moved into a unit of the fleet', moved({}), ['AccountMoved']],
    ['an account that was moved into another of its units', moved({ destinationParentId: UNITS[1] }), ['AccountMoved']],
    ['an account that could not be created', serviceEvent(serviceEvents.creationFailed), []],
    ['the request to create an account', apiCall(apiCalls.create), []],
    ['the request to close an account', apiCall(apiCalls.close), []],
    ['an account that was closed', serviceEvent(serviceEvents.closed), []],
    ['an account that was moved elsewhere', moved({ destinationParentId: 'ou-a1b2-99999999' }), []],
    ['an account that was moved out', moved({ sourceParentId: UNITS[0], destinationParentId: 'r-a1b2' }), []],
    ['a move that was refused', moved({}, { errorCode: 'AccessDeniedException' }), []],
    ['an event of another source', { ...moved({}), source: 'com.example' }, []],
  ])('for %s: %j', (_title, event, rules) => {
    expect(rulesFor(event)).toEqual(rules);
  });

  test.each([
    ['AccountCreated', serviceEvent(serviceEvents.created)],
    ['AccountMoved', moved({})],
  ])('%s starts the build for the account of the event', (rule, event) => {
    expect(inputOf(rule, event)).toEqual({
      environmentVariablesOverride: [{ name: 'ACCOUNT_ID', type: 'PLAINTEXT', value: '444455556666' }],
    });
    expect(ruleOf(rule).Targets[0]).toMatchObject({
      Arn: { 'Fn::GetAtt': ['Apply', 'Arn'] },
      RoleArn: { 'Fn::GetAtt': ['StartRole', 'Arn'] },
    });
  });

  test('follow the creation of accounts only where the fleet selects the root', () => {
    expect(TEMPLATE.Resources['AccountCreated']?.Condition).toBe('SelectsRoot');
    expect(TEMPLATE.Resources['AccountMoved']?.Condition).toBeUndefined();
  });
});

test('the example refers to nothing that it does not have', () => {
  const known = [...Object.keys(TEMPLATE.Parameters), ...Object.keys(TEMPLATE.Resources), 'AWS::AccountId'];
  const used = new Set(referencesOf(TEMPLATE));
  expect([...used].filter((name) => !known.includes(name))).toEqual([]);
  expect(Object.keys(TEMPLATE.Parameters).filter((name) => !used.has(name))).toEqual([]);
});

test('the roles of the example may do what they need to one resource each', () => {
  const allowed = Object.entries(TEMPLATE.Resources).flatMap(([name, { Type, Properties }]) => {
    if (Type !== 'AWS::IAM::Role') return [];
    const policies = Properties['Policies'] as readonly {
      PolicyDocument: { Statement: readonly { Action: string | string[]; Resource: unknown }[] };
    }[];
    const statements = policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
    return statements.map(({ Action, Resource }) => [name, [Action].flat().join(' '), ...referencesOf(Resource)]);
  });
  expect(allowed).toEqual([
    ['StartRole', 'codebuild:StartBuild', 'Apply'],
    ['ApplyRole', 'codeconnections:GetConnection codeconnections:GetConnectionToken', 'Connection'],
    ['ApplyRole', 'secretsmanager:GetSecretValue', 'TemporalApiKey'],
    ['ApplyRole', 'logs:CreateLogStream logs:PutLogEvents', 'Log'],
  ]);
});

describe('the build of the example for new accounts', () => {
  const source = TEMPLATE.Resources['Apply']?.Properties['Source'] as { readonly BuildSpec: string };
  const { phases } = parse(source.BuildSpec) as { phases: { build: { commands: readonly [string] } } };
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'new-account-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function program(name: string, text: string): void {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  }

  /** Runs the build with commands that end with these exit codes, the last one again and again. */
  function build(codes: readonly number[]): { readonly code: number | null; readonly calls: readonly string[] } {
    const log = join(folder, 'calls');
    writeFileSync(log, '');
    program('sleep', `echo "sleep $*" >>'${log}'`);
    const cases = codes.map((code, index) => `${String(index + 1)}) exit ${String(code)} ;;`).join(' ');
    program(
      'npx',
      `echo "npx $*" >>'${log}'\ncase $(grep -c npx '${log}') in ${cases} *) exit ${String(codes.at(-1))} ;; esac`,
    );
    const { status } = spawnSync('sh', ['-c', phases.build.commands[0]], {
      env: {
        PATH: [folder, process.env['PATH']].join(delimiter),
        FLEET: 'workloads',
        MANIFEST: 'iam/bootstrap.yaml',
        ACCOUNT_ID: '444455556666',
      },
    });
    return { code: status, calls: readFileSync(log, 'utf8').trim().split('\n') };
  }

  const APPLY = 'npx --no-install iam-bootstrap apply -f iam/bootstrap.yaml --fleet workloads --accounts 444455556666';

  test('applies the fleet to the account of the event', () => {
    expect(build([0])).toEqual({ code: 0, calls: [APPLY] });
  });

  test('applies again after a minute until the account can be entered', () => {
    expect(build([1, 64, 0])).toEqual({ code: 0, calls: [APPLY, 'sleep 60', APPLY, 'sleep 60', APPLY] });
  });

  test('ends at once where the account is refused', () => {
    expect(build([3])).toEqual({ code: 3, calls: [APPLY] });
  });

  test('ends after ten attempts with the exit code of the last', () => {
    const { code, calls } = build([4]);
    expect([code, calls.filter((call) => call === APPLY).length, calls.length]).toEqual([4, 10, 19]);
  });
});
