import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure, WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import { proofTerms } from '../../src/client/proof-terms.js';
import { loadRequest } from '../../src/client/request.js';
import { ApprovalAction } from '../../src/contract/approval.js';
import { proofAudience, type ProofTerms } from '../../src/contract/identity.js';
import { approvalQuery, approveUpdate } from '../../src/contract/messages.js';
import type { Approval, Report } from '../../src/contract/report.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import { bootstrapWorkflowId, WorkflowType } from '../../src/contract/workflow-ids.js';
import { decisionDigest, proofDigest } from '../../src/engine/request-digest.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { sealToken } from '../../src/identity/seal.js';
import { manifestOf, role } from '../support/manifests-of.js';
import { historiesAsText } from '../support/leaks.js';
import { writesIn } from '../support/runs.js';
import { TokenIssuer, type Claims } from '../support/token-issuer.js';
import { temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT, type CommandResult } from '../support/world.js';

/** Proven identity on a real server: an OIDC issuer on this machine signs real tokens. */

const QUEUE = 'identity';
const MAIN = { repository: 'acme/iam', ref: 'refs/heads/main' };

let issuer: TokenIssuer;
let company: TokenIssuer;
const tokens: string[] = [];

useWorld({ worker: false });

beforeAll(async () => {
  issuer = await TokenIssuer.start();
  company = await TokenIssuer.start();
  const file = join(world.directory, 'guardrails.yaml');
  await writeFile(
    file,
    `version: 1
identity:
  issuers:
    ci: { issuer: "${issuer.url}" }
    company: { issuer: "${company.url}", audience: iam-bootstrap-cli }
  groups: { security: [{ issuer: company, groups: security }] }
accounts: { "${ACCOUNT}": {} }
namespaces: [open-*, gated]
apply: { only: [{ issuer: ci, repository: acme/iam, ref: refs/heads/main }, security] }
`,
  );
  const gated = join(world.directory, 'gated.yaml');
  await writeFile(
    gated,
    `version: 1
identity:
  issuers: { company: { issuer: "${company.url}", audience: iam-bootstrap-cli } }
  groups: { security: [{ issuer: company, groups: security }] }
accounts: { "${ACCOUNT}": {} }
apply: { approval: { by: [security], not: requester, count: 2 } }
`,
  );
  const key = { IAM_BOOTSTRAP_PERMIT_KEY: 'a key of at least thirty-two characters' };
  await world.startWorker({ ...key, IAM_BOOTSTRAP_TASK_QUEUE: QUEUE, IAM_BOOTSTRAP_GUARDRAILS: file });
  await world.startWorker({ ...key, IAM_BOOTSTRAP_TASK_QUEUE: 'gated', IAM_BOOTSTRAP_GUARDRAILS: gated });
});

afterAll(async () => {
  await issuer.stop();
  await company.stop();
});

async function requestOf(namespace: string): Promise<BootstrapRequest> {
  const path = await world.manifest(
    'identity.json',
    manifestOf({ namespace, account: ACCOUNT, entities: [role('r')] }),
  );
  const loaded = await loadRequest([path]);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.request;
}

function termsOf({ namespace, environment }: BootstrapRequest, taskQueue = QUEUE): Promise<ProofTerms> {
  return proofTerms({ ...temporal, taskQueue }, { account: ACCOUNT, namespace, environment });
}

async function sealed(
  { key }: ProofTerms,
  digest: string,
  claims: Claims,
  by = issuer,
): Promise<{ readonly token: string }> {
  if (key === null) throw new Error('the worker has no key');
  const token = await by.sign({ aud: proofAudience(digest), ...claims });
  tokens.push(token);
  return { token: await sealToken(key, token, digest) };
}

async function proven(request: BootstrapRequest, claims: Claims): Promise<BootstrapRequest> {
  return { ...request, proof: await sealed(await termsOf(request), proofDigest(request), claims) };
}

const EMPLOYEE = { aud: 'iam-bootstrap-cli', groups: ['all', 'security'] };

function execute(
  type: string,
  options: Parameters<TemporalConnection['client']['workflow']['start']>[1],
): Promise<Report> {
  return temporal.client.workflow.execute(type, options) as Promise<Report>;
}

/** Returns the report of a run, whether it succeeded or failed. */
async function bootstrap(request: BootstrapRequest, taskQueue = QUEUE): Promise<Report> {
  const workflowId = bootstrapWorkflowId(ACCOUNT, request.namespace);
  try {
    return await execute(WorkflowType.Bootstrap, { taskQueue, workflowId, args: [request] });
  } catch (error) {
    if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
    return error.cause.details?.[0] as Report;
  }
}

async function expectRefused(request: BootstrapRequest, reason: string): Promise<void> {
  const report = await bootstrap(request);
  expect(report).toMatchObject({ result: 'refused', reason: expect.stringContaining(reason) as string });
  expect(report.remedy).toContain('docs/identity.md');
  expect(world.proxy.calls).toEqual([]);
}

test('only who is named may apply: without a proof, or with that of another branch, request or run, AWS is not even called', async () => {
  const request = await requestOf('open-a');
  await expectRefused(
    request,
    'the request has no OIDC token: only issuer ci, repository acme/iam, ref refs/heads/main',
  );
  await expectRefused(await proven(request, { ...MAIN, ref: 'refs/heads/topic' }), 'may not apply');
  const other = await proven(await requestOf('open-b'), MAIN);
  await expectRefused({ ...request, proof: other.proof ?? {} }, 'sealed for another request');
  await expectRefused(
    { ...other, keepGoing: !other.keepGoing },
    'the digest of the request is not that of its content',
  );

  const sound = await proven(request, { ...MAIN, sub: 'repo:acme/iam:ref:refs/heads/main' });
  const report = await bootstrap(sound);
  expect(report).toMatchObject({
    result: 'converged',
    requester: { by: 'oidc', issuer: 'ci', subject: 'repo:acme/iam:ref:refs/heads/main' },
  });
  expect(writesIn(world)).toEqual(['CreateRole']);

  world.proxy.clear();
  await expectRefused(sound, 'its token has proved another run before');
});

test('anyone may plan', async () => {
  const request = await requestOf('open-c');
  const workflowId = `iam-bootstrap-plan:${ACCOUNT}:open-c:${request.key}`;
  const report = await execute(WorkflowType.Plan, { taskQueue: QUEUE, workflowId, args: [request] });
  expect(report).toMatchObject({ result: 'pending' });
});

test('a plan waits for the approvals that the guardrails demand, and neither one twice nor that of the requester counts', async () => {
  const request = await requestOf('gated');
  const terms = await termsOf(request, 'gated');
  expect(terms).toMatchObject({ requests: true, approvals: true });
  const proof = await sealed(terms, proofDigest(request), { ...EMPLOYEE, sub: 'author' }, company);
  const workflowId = bootstrapWorkflowId(ACCOUNT, 'gated');
  const handle = await temporal.client.workflow.start(WorkflowType.Bootstrap, {
    taskQueue: 'gated',
    workflowId,
    args: [{ ...request, proof }],
  });
  const pending = await until(() => handle.query(approvalQuery));
  const plan = pending.plan;
  expect(pending.rule).toEqual({ count: 2, by: 'group security', notRequester: true });
  expect(writesIn(world)).toEqual([]);

  const approve = async (sub: string, claims: Claims = {}): Promise<Approval | string> => {
    const own = await sealed(terms, decisionDigest('approved', plan), { ...EMPLOYEE, sub, ...claims }, company);
    return decide({ plan, by: sub, proof: own });
  };
  const decide = async (decision: object): Promise<Approval | string> => {
    try {
      return await handle.executeUpdate<Approval, [object]>(approveUpdate.name, { args: [decision] });
    } catch (error) {
      if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
      return `${String(error.cause.type)}: ${error.cause.message}`;
    }
  };
  expect(await decide({ plan, by: 'ann' })).toContain('NotProven: a decision about this plan needs an OIDC token');
  expect(await approve('author')).toContain('has asked for the run, and cannot approve it');
  expect(await approve('eve', { groups: ['all'] })).toContain('does not count: only that of group security');
  expect(await approve('ann')).toMatchObject({ missing: 1, approvers: [{ subject: 'ann' }] });
  expect(await approve('ann')).toMatchObject({ missing: 1 });
  await handle.signal(ApprovalAction.Approve, { plan, by: 'bob', proof: await sealed(terms, plan, EMPLOYEE, company) });
  expect(writesIn(world)).toEqual([]);
  // Two at once: each is counted, and the first that completes the number decides.
  const last = await Promise.all([approve('bob'), approve('cid')]);
  expect(last).toContainEqual(expect.objectContaining({ verdict: 'approved' }));
  const report = (await handle.result()) as Report;
  expect(report).toMatchObject({ result: 'converged', requester: { subject: 'author' } });
  expect(report.approval?.approvers?.map(({ subject }) => subject)).toEqual(expect.arrayContaining(['ann']));
  expect(writesIn(world)).toEqual(['CreateRole']);
});

/** Runs a command and returns what it ended with. It shows no token, wherever it got one. */
async function command(args: readonly string[], env: Readonly<Record<string, string>>): Promise<CommandResult> {
  const result = await world.cli(args, env);
  for (const part of tokens.flatMap((token) => token.split('.'))) {
    expect(result.stdout + result.stderr).not.toContain(part);
  }
  return result;
}

/** Lets an issuer answer at further paths, with tokens as its CI jobs and its people get them. */
function serve(by: TokenIssuer, answers: Readonly<Record<string, (query: URLSearchParams) => Promise<object>>>): void {
  by.answer = (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', by.url);
    const answer = answers[pathname];
    if (answer === undefined) return false;
    void answer(searchParams).then((body) => {
      response.writeHead('error' in body ? 400 : 200).end(JSON.stringify(body));
    });
    return true;
  };
}

async function issued(by: TokenIssuer, claims: Claims): Promise<string> {
  const token = await by.sign(claims);
  tokens.push(token);
  return token;
}

test('a job proves who asks by the token service of its CI, and learns of a missing permission before anything starts', async () => {
  const asked: (string | null)[] = [];
  serve(issuer, {
    '/job': async (query) => {
      asked.push(query.get('audience'));
      return { value: await issued(issuer, { ...MAIN, aud: query.get('audience') ?? '' }) };
    },
  });
  const manifest = manifestOf({ namespace: 'open-cli', account: ACCOUNT, entities: [role('cli')] });
  const apply = ['apply', '-f', await world.manifest('cli.json', manifest), '--output', 'json'];
  const job = { IAM_BOOTSTRAP_TASK_QUEUE: QUEUE, GITHUB_ACTIONS: 'true' };
  const without = await command(apply, job);
  expect([without.code, without.stderr]).toEqual([64, expect.stringContaining('id-token: write')]);
  expect(world.proxy.calls).toEqual([]);

  const service = {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${issuer.url}/job?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 's',
  };
  const { code, stdout } = await command(apply, { ...job, ...service });
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { result: 'converged', requester: { issuer: 'ci' } }]);
  expect(asked).toEqual([expect.stringMatching(/^iam-bootstrap:sha256:[0-9a-f]{64}$/)]);
  expect(writesIn(world)).toEqual(['CreateRole']);
});

test('people prove who approves by a login at the identity provider', async () => {
  let person = '';
  const form = { device_code: 'd', user_code: 'WDJB-MJHT', verification_uri: `${company.url}/device`, interval: 0.1 };
  serve(company, {
    '/.well-known/openid-configuration': () =>
      Promise.resolve({
        issuer: company.url,
        jwks_uri: `${company.url}/keys`,
        device_authorization_endpoint: `${company.url}/code`,
        token_endpoint: `${company.url}/token`,
      }),
    '/code': () => Promise.resolve(form),
    '/token': async () =>
      person === ''
        ? { error: 'authorization_pending' }
        : { id_token: await issued(company, { ...EMPLOYEE, sub: person }) },
  });
  const manifest = manifestOf({ namespace: 'gated-cli', account: ACCOUNT, entities: [role('gated-cli')] });
  const where = ['-f', await world.manifest('gated-cli.json', manifest)];
  const env = { IAM_BOOTSTRAP_TASK_QUEUE: 'gated' };
  const token = await issued(company, { ...EMPLOYEE, sub: 'author' });
  const { code } = await command(['apply', ...where, '--no-wait'], { ...env, IAM_BOOTSTRAP_ID_TOKEN: token });
  expect(code).toBe(4);

  const login = { ...env, IAM_BOOTSTRAP_LOGIN_ISSUER: company.url, IAM_BOOTSTRAP_LOGIN_CLIENT_ID: 'iam-bootstrap-cli' };
  const line = ['approve', ...where, '--login', '--yes'];
  const interrupted = world.spawnCli(line, login);
  let shown = '';
  interrupted.stderr?.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    if (chunk.includes('with the code')) interrupted.kill('SIGINT');
  });
  expect(await once(interrupted, 'close')).toEqual([130, null]);
  expect(shown).toContain('interrupted; nothing was decided');

  const approve = async (sub: string): Promise<CommandResult> => {
    person = sub;
    return command(line, login);
  };
  const own = await approve('author');
  expect([own.code, own.stderr]).toEqual([3, expect.stringContaining('cannot approve it')]);
  const first = await approve('dee');
  expect(first.stderr).toContain(`Log in at ${company.url}/device with the code WDJB-MJHT`);
  expect([first.code, first.stdout]).toEqual([0, expect.stringContaining('The plan still waits for 1 more approval.')]);
  expect(writesIn(world)).toEqual([]);
  expect((await approve('eli')).code).toBe(0);
  const report = (await temporal.client.workflow
    .getHandle(bootstrapWorkflowId(ACCOUNT, 'gated-cli'))
    .result()) as Report;
  expect(report.approval?.approvers?.map(({ subject }) => subject)).toEqual(['dee', 'eli']);
  expect(writesIn(world)).toEqual(['CreateRole']);
});

test('no token is in any history', async () => {
  const texts = await historiesAsText(temporal.client);
  expect(tokens.length).toBeGreaterThan(5);
  for (const token of tokens) {
    for (const part of token.split('.')) expect(texts).not.toContain(part);
  }
});

async function until<T>(read: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const value = await read();
    if (value !== null) return value;
  }
}
