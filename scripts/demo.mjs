// Plays the main job against the sandbox. Before it prints a claim, it checks the claim on the emulator's side: in the
// journal of calls, or by a read. It exits 1 at the first claim that does not hold.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const pc = require('picocolors');
const { IAM } = require('@aws-sdk/client-iam');
const { loadConfig } = require('../dist/config/config.js');
const { SEARCH_ATTRIBUTES } = require('../dist/contract/search-attributes.js');
const { freePort } = require('../dist/embedded/ports.js');
const { sandboxPython, startSandbox } = require('../dist/embedded/sandbox.js');
const { findTemporalCli } = require('../dist/embedded/temporal-cli.js');
const { startTemporalServer } = require('../dist/embedded/temporal-server.js');

const ACCOUNT = '111111111111';
const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const GITHUB = fileURLToPath(new URL('../examples/github-ci.yaml', import.meta.url));
const CDK = fileURLToPath(new URL('../examples/cdk-bootstrap.yaml', import.meta.url));
const RUNNER = 'dev-runner';
const OPERATORS = 'dev-operators';
const BY_HAND = 'arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess';
const LOOKUP_ROLE = `cdk-hnb659fds-lookup-role-${ACCOUNT}-us-east-1`;
const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

const keep = process.argv.includes('--keep');
const { cacheDirectory, environment, temporalCli } = loadConfig();
const directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-demo-'));
const stopping = [];
let claims = 0;

const chapter = (title) => console.log(`\n${pc.bold(title)}`);
const print = (line) => console.log(`  ${line}`);

/** Prints a claim that holds, and throws where it does not hold. */
function claim(holds, text) {
  if (!holds) throw new Error(`claim does not hold: ${text}`);
  claims += 1;
  console.log(`  ${pc.green('checked')} ${text}`);
}

try {
  await play();
  chapter(`All ${claims} claims hold, checked at the emulator.`);
  if (keep) await stayOpen();
} catch (error) {
  console.error(`\n${pc.red('error:')} ${error.message}`);
  process.exitCode = 1;
} finally {
  for (const stop of stopping.reverse()) await stop();
  await rm(directory, { recursive: true, force: true });
}

async function play() {
  const cli = await findTemporalCli({ path: temporalCli, cacheDirectory, environment });
  const python = await sandboxPython({ cacheDirectory, environment });
  const [temporal, sandbox] = await Promise.all([
    startTemporalServer({
      cli: cli.path,
      searchAttributes: SEARCH_ATTRIBUTES,
      logFile: join(directory, 'temporal.log'),
      databaseFile: join(directory, 'temporal.db'),
    }),
    startSandbox({ python, account: ACCOUNT }),
  ]);
  stopping.push(
    () => temporal.stop(),
    () => sandbox.stop(),
  );
  const env = {
    ...environment,
    TEMPORAL_ADDRESS: temporal.address,
    IAM_BOOTSTRAP_UI_URL: temporal.uiUrl,
    AWS_ENDPOINT_URL_IAM: sandbox.url,
    AWS_ENDPOINT_URL_STS: sandbox.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: sandbox.url,
    AWS_ENDPOINT_URL_CLOUDTRAIL: sandbox.url,
    AWS_ACCESS_KEY_ID: 'AKIASANDBOX',
    AWS_SECRET_ACCESS_KEY: 'sandbox',
    NODE_NO_WARNINGS: '1',
  };
  delete env.AWS_SESSION_TOKEN;
  delete env.AWS_PROFILE;
  const iamAs = (accessKeyId) =>
    new IAM({ endpoint: sandbox.url, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey: 'sandbox' } });
  const iam = iamAs('AKIABYHAND');
  const journal = async () => (await fetch(`${sandbox.url}/sandbox/journal`)).json();
  const writesSince = async (seq) =>
    (await journal()).filter((call) => call.seq > seq && !/^(Get|List|AssumeRole|Simulate)/.test(call.action));
  const lastSeq = async () => (await journal()).at(-1)?.seq ?? 0;

  const worker = async () => {
    const health = `127.0.0.1:${await freePort()}`;
    const child = spawn(process.execPath, [CLI, 'worker'], {
      env: { ...env, IAM_BOOTSTRAP_HEALTH: health, IAM_BOOTSTRAP_LOG: 'error' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const exited = once(child, 'exit');
    stopping.push(() => {
      child.kill('SIGTERM');
      return exited;
    });
    while (
      !(await fetch(`http://${health}/health`).then(
        ({ ok }) => ok,
        () => false,
      ))
    )
      await pause(50);
    return { pid: child.pid, kill: () => (child.kill('SIGKILL'), exited) };
  };
  const pipeline = async (name, args) => {
    const ci = {
      GITHUB_ACTIONS: 'true',
      GITHUB_SERVER_URL: 'https://github.example',
      GITHUB_REPOSITORY: `acme/${name}`,
      GITHUB_RUN_ID: '1',
      GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
      GITHUB_ACTOR: name,
    };
    const child = spawn(process.execPath, [CLI, ...args, '--environment', 'dev', '--output', 'json', '--quiet'], {
      env: { ...env, ...ci },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const out = [];
    const err = [];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    const [code] = await once(child, 'close');
    const text = Buffer.concat(out).toString();
    if (text === '') throw new Error(`${name}: ${Buffer.concat(err).toString()}`);
    return { code, report: JSON.parse(text) };
  };
  const show = ({ code, report }, outcomes) => {
    for (const { kind, name, outcome, reason, remedy } of report.entities) {
      if (!outcomes.includes(outcome)) continue;
      print(`  ${outcome.padEnd(9)} ${kind}/${name}${reason === null || outcome === 'skipped' ? '' : `: ${reason}`}`);
      if (remedy !== null) print(`            remedy: ${remedy}`);
    }
    print(`  exit code ${code}, result ${report.result}, ${report.apiCalls.total} AWS calls`);
  };
  const outcome = ({ report }, kind, name) =>
    report.entities.find((entity) => entity.kind === kind && entity.name === name)?.outcome;

  chapter('1. An account that is not empty');
  const cloudFormation = iamAs('AKIAAWSSERVICECLOUDFORMATION');
  await iam.createRole({ RoleName: RUNNER, Path: '/ci/', AssumeRolePolicyDocument: TRUST });
  await iam.attachRolePolicy({ RoleName: RUNNER, PolicyArn: BY_HAND });
  print(
    `Role/${RUNNER} was created by hand. It has no owner, and a policy is attached that the manifest does not declare.`,
  );
  await cloudFormation.createRole({
    RoleName: LOOKUP_ROLE,
    AssumeRolePolicyDocument: TRUST,
    Description: 'as CloudFormation left it',
    Tags: [{ Key: 'aws:cloudformation:stack-name', Value: 'CDKToolkit' }],
  });
  print(`Role/${LOOKUP_ROLE} belongs to the CloudFormation stack CDKToolkit.`);
  await iam.createGroup({ GroupName: OPERATORS.toUpperCase() });
  print(`Group/${OPERATORS.toUpperCase()} differs from a declared name only in case.`);

  await worker();
  chapter('2. A first apply: refused entities stop it before its first write');
  let before = await lastSeq();
  const first = await pipeline('github-ci', ['apply', '-f', GITHUB]);
  show(first, ['refused']);
  claim(first.code === 3, 'the pipeline exits 3');
  claim((await writesSince(before)).length === 0, 'nothing was written to IAM');

  chapter(
    '3. Three pipelines at once with --keep-going, two of them equal, and a worker killed by kill -9 in the middle',
  );
  for (const stop of stopping.splice(2)) await stop();
  const victim = await worker();
  stopping.pop();
  before = await lastSeq();
  const both = Promise.all([
    pipeline('github-ci', ['apply', '-f', GITHUB, '--keep-going']),
    pipeline('github-ci-again', ['apply', '-f', GITHUB, '--keep-going']),
    pipeline('cdk', ['apply', '-f', CDK, '--keep-going']),
  ]);
  both.catch(() => undefined);
  while ((await writesSince(before)).length < 4) await Promise.race([pause(10), both]);
  await victim.kill();
  const soFar = (await writesSince(before)).length;
  print(`worker ${victim.pid} was killed after ${soFar} writes; another one starts`);
  await worker();
  const [one, two, cdk] = await both;
  print('the two pipelines of github-ci:');
  show(one, ['created', 'adopted', 'refused', 'skipped']);
  print('the pipeline of cdk:');
  show(cdk, ['created', 'adopted', 'refused', 'skipped']);
  const writes = await writesSince(before);
  claim(writes.length > soFar, `the run continued without help: ${writes.length - soFar} more writes after the kill`);
  const creates = writes.filter(({ action, code }) => action.startsWith('Create') && code === null);
  const names = creates.map(({ action, params }) => `${action} ${Object.values(params)[0]}`);
  claim(
    new Set(names).size === names.length,
    `${names.length} entities were created by ${names.length} successful Create calls, none of them twice`,
  );
  claim(
    one.report.workflow.runId === two.report.workflow.runId,
    'the second pipeline joined the run of the first, and got the same report',
  );
  claim(outcome(one, 'Role', RUNNER) === 'adopted', `Role/${RUNNER} is reported as adopted, not as created`);
  const { AttachedPolicies = [] } = await iam.listAttachedRolePolicies({ RoleName: RUNNER });
  claim(
    AttachedPolicies.some(({ PolicyArn }) => PolicyArn === BY_HAND),
    'the policy that was attached by hand is still attached: what is not declared is kept',
  );
  const { Role: lookup } = await iam.getRole({ RoleName: LOOKUP_ROLE });
  claim(
    outcome(cdk, 'Role', LOOKUP_ROLE) === 'refused' && lookup.Description === 'as CloudFormation left it',
    'the role of the CloudFormation stack is refused and unchanged',
  );
  claim(
    outcome(one, 'Group', OPERATORS) === 'refused' && !writes.some(({ action }) => action === 'CreateGroup'),
    'the name in another case is refused, without an attempt to create it',
  );

  chapter('4. Once more: nothing to write, and what was refused is still refused');
  before = await lastSeq();
  const again = await pipeline('github-ci', ['apply', '-f', GITHUB, '--keep-going']);
  show(again, ['refused']);
  claim((await writesSince(before)).length === 0, 'nothing was written');
  claim(again.report.summary.created === 0 && again.report.summary.adopted === 0, 'everything else is unchanged');

  chapter('5. The refused role, taken over on purpose');
  before = await lastSeq();
  const adoption = await pipeline('cdk', ['apply', '-f', CDK, '--adopt', `foreign:Role/${LOOKUP_ROLE}`]);
  show(adoption, ['adopted', 'updated', 'failed']);
  claim(
    adoption.code === 0 && outcome(adoption, 'Role', LOOKUP_ROLE) === 'adopted',
    'with the override that the refusal names, the pipeline exits 0',
  );
  claim(
    (await writesSince(before)).every(({ params }) => params.RoleName === LOOKUP_ROLE),
    'only that role was written',
  );
  const lastPlan = await pipeline('cdk', ['plan', '-f', CDK, '--detailed-exitcode']);
  claim(lastPlan.code === 0, 'a plan finds no drift: plan --detailed-exitcode exits 0');

  if (!keep) return;
  chapter('Look around');
  print(`Temporal UI   ${temporal.uiUrl}`);
  print(`IAM sandbox   ${sandbox.url}/sandbox/journal`);
}

async function stayOpen() {
  print('Everything is still running. Ctrl-C stops it.');
  await new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
}
