import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRequest } from '../../src/client/request.js';
import { apply } from '../../src/client/run/start.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { sortedJson } from '../../src/engine/json.js';
import { listSchedules } from '../../src/client/schedule/read.js';
import { triggerSchedule } from '../../src/client/schedule/change.js';
import { forEachConcurrently } from '../support/concurrency.js';
import { fullWritesIn, writesIn } from '../support/runs.js';
import { findPython } from '../support/sandbox.js';
import { iam, temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/**
 * The templates that packages ship, applied as manifests, give the entities that moto's own CloudFormation makes of them.
 * `docs/cloudformation.md` has the table of differences.
 */

jest.setTimeout(300_000);
useWorld();

const FOLDER = join(__dirname, '../fixtures/cloudformation');
const PAGE = join(__dirname, '../../docs/cloudformation.md');
const JUDGE = join(__dirname, '../support/moto_stacks.py');

interface Stack {
  readonly parameters?: Readonly<Record<string, string>>;
  readonly names?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
}
const STACKS = readJson(join(FOLDER, 'stacks.json')) as Readonly<Record<string, Stack>>;
const NAMES = Object.keys(STACKS);

/** The entities of an account, by their ARNs. */
type Entities = Readonly<Record<string, JsonObject>>;

interface Judged {
  readonly entities: Entities;
  /** The errors of moto, by stack. */
  readonly failures: Readonly<Record<string, string>>;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function fileOf(name: string): string {
  return join(FOLDER, 'templates', `${name}.json`);
}

async function judge(args: readonly string[], input = ''): Promise<Judged> {
  const python = await findPython();
  const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', MOTO_ACCOUNT_ID: ACCOUNT };
  return new Promise((resolve, reject) => {
    const child = execFile(
      python,
      ['-BW', 'ignore', JUDGE, ...args],
      { env, maxBuffer: 50_000_000 },
      (error, output) => {
        if (error === null) resolve(JSON.parse(output) as Judged);
        // Exit code and standard error are in the message.
        else reject(new Error(error.message));
      },
    );
    child.stdin?.end(input);
  });
}

function judgedByMoto(): Promise<Judged> {
  const stacks = NAMES.map((name) => {
    const { parameters = {}, names = {} } = STACKS[name] ?? {};
    return { name, template: readJson(fileOf(name)), parameters, names };
  });
  return judge(['stacks'], JSON.stringify({ account: ACCOUNT, stacks }));
}

async function applied(name: string): Promise<void> {
  const template = { account: ACCOUNT, region: 'us-east-1', stackName: name, ...STACKS[name] };
  const loaded = await loadRequest([fileOf(name)], { template });
  if (!loaded.ok) throw new Error(`${name}: ${JSON.stringify(loaded.problems)}`);
  const { result, entities } = await apply(temporal, loaded.request);
  if (result !== 'converged') throw new Error(`${name}: ${JSON.stringify(entities)}`);
}

/** What moto does not do as AWS's documentation has it, with what that says. */
const BY_DOCUMENTATION: Entities = {
  // AWS::NoValue removes the member of a list; moto leaves null, and refuses the policy then.
  [`arn:aws:iam::${ACCOUNT}:policy/iam-policy-1`]: {
    document: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: ['s3:ListBucket', 's3:GetObject'], Resource: '*' }],
    },
    description: 'Example Managed Policy',
    tags: {},
  },
};

test('every template gives the entities that another implementation makes of it', async () => {
  expect(readdirSync(join(FOLDER, 'templates')).sort()).toEqual(NAMES.map((name) => `${name}.json`).sort());
  const sources = readFileSync(join(FOLDER, 'sources.csv'), 'utf8').trim().split('\n').slice(1);
  expect(sources.map((row) => row.split(',')[0]).sort()).toEqual([...NAMES].sort());
  // Packages ship some templates twice. Their text may differ, but not what it says.
  const different = new Set(NAMES.map((name) => sortedJson(readJson(fileOf(name)))));
  const [, claimed] = /^(\d+) different templates/m.exec(readFileSync(PAGE, 'utf8')) ?? [];
  expect(different.size).toBe(Number(claimed));
  expect(different.size).toBeGreaterThanOrEqual(30);
  const [expected] = await Promise.all([judgedByMoto(), forEachConcurrently(NAMES, 8, applied)]);
  const { entities } = await judge(['account', world.sandbox.url]);
  expect(Object.keys(expected.failures)).toEqual(['iam-policy']);
  expect(entities).toEqual({ ...expected.entities, ...BY_DOCUMENTATION });
});

test('what a template declares is applied, watched, released and destroyed, but for what it retains', async () => {
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ec2.amazonaws.com' } }],
  };
  const role = (RoleName: string, more: object = {}): object => ({
    Type: 'AWS::IAM::Role',
    Properties: { RoleName, AssumeRolePolicyDocument: trust },
    ...more,
  });
  const Resources = { Kept: role('kept', { DeletionPolicy: 'Retain' }), Free: role('free') };
  const file = await world.manifest('lifecycle.template', { Resources });
  const options = ['-f', file, '--account', ACCOUNT];
  const names = async (): Promise<readonly unknown[]> =>
    ((await iam.listRoles({})).Roles ?? []).map(({ RoleName }) => RoleName).sort();

  expect(await world.cli(['apply', ...options])).toMatchObject({ code: 0 });
  expect(await names()).toEqual(['free', 'kept']);
  world.proxy.clear();

  expect(await world.cli(['schedule', 'create', ...options, '--every', '6h'])).toMatchObject({ code: 0 });
  const [schedule] = await listSchedules(temporal, { namespace: 'lifecycle' });
  const id = schedule?.id ?? '';
  const { workflowId = '', runId = '' } = (await triggerSchedule(temporal, id)) ?? {};
  const run = temporal.client.workflow.getHandle(workflowId, runId);
  expect(await run.result()).toMatchObject({ result: 'converged' });
  expect(await world.cli(['schedule', 'delete', id])).toMatchObject({ code: 0 });
  expect(writesIn(world)).toEqual([]);

  // One entity that stays refuses the run, as for any manifest.
  const refused = await world.cli(['destroy', ...options, '--yes']);
  expect(refused.code).toBe(3);
  expect(refused.stdout).toContain('Role/kept');
  expect(writesIn(world)).toEqual([]);
  expect((await world.cli(['destroy', ...options, '--yes', '--keep-going'])).code).toBe(3);
  expect(fullWritesIn(world).filter((write) => write.startsWith('DeleteRole '))).toEqual(['DeleteRole free']);
  expect(await names()).toEqual(['kept']);

  expect(await world.cli(['apply', ...options])).toMatchObject({ code: 0 });
  world.proxy.clear();
  expect(await world.cli(['release', ...options, '--yes'])).toMatchObject({ code: 0 });
  expect(await names()).toEqual(['free', 'kept']);
  expect(writesIn(world).filter((write) => write.startsWith('Delete'))).toEqual([]);
  const { Tags = [] } = await iam.listRoleTags({ RoleName: 'free' });
  expect(Tags.filter(({ Key = '' }) => Key.startsWith('iam-bootstrap:'))).toEqual([]);
});
