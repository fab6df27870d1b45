import { setTimeout as pause } from 'node:timers/promises';
import { loadConfig } from '../../../src/config/config.js';
import { bootstrapWorkflowId } from '../../../src/contract/workflow-ids.js';
import { connectTemporal } from '../../../src/temporal/connect.js';
import { manifestOf, role } from '../../support/manifests-of.js';
import { missingForRealServer, startRealServer, type RealServer } from '../../support/real-server.js';
import { TokenIssuer } from '../../support/token-issuer.js';
import { useWorld, world } from '../../support/use-world.js';
import { ACCOUNT, type CommandResult } from '../../support/world.js';

/** Temporal's authenticated principal, on Temporal's own server with its default authorizer and claim mapper. */

const missing = missingForRealServer();
const here = missing === undefined ? describe : describe.skip;
const PERMIT_KEY = { IAM_BOOTSTRAP_PERMIT_KEY: 'a key of at least thirty-two characters' };
const RULE = 'only principal ci-*, type jwt';

here(`a rule that names Temporal's principal (${missing ?? "Temporal's own server"})`, () => {
  let issuer: TokenIssuer;
  let server: RealServer;
  let guarded: Record<string, string>;

  useWorld({ worker: false });

  beforeAll(async () => {
    issuer = await TokenIssuer.start();
    const token = await issuer.sign({ sub: 'operator', permissions: ['temporal-system:admin'] });
    const settings = { 'frontend.enablePrincipalPropagation': true };
    server = await startRealServer({ keysUrl: `${issuer.url}/keys`, token, settings });
    const guardrails = await world.manifest(
      'guardrails.yaml',
      `version: 1\naccounts: { "${ACCOUNT}": {} }\napply: { only: [{ principal: "ci-*", type: jwt }] }\n`,
    );
    guarded = { ...PERMIT_KEY, IAM_BOOTSTRAP_TASK_QUEUE: 'guarded', IAM_BOOTSTRAP_GUARDRAILS: guardrails };
    // The worker's own name matches the rule: nothing that it starts for others may count as started by it.
    await world.startWorker({ ...(await as('ci-worker')), ...guarded });
  });

  afterAll(async () => {
    await server.stop();
    await issuer.stop();
  });

  /** Returns the settings of a client that Temporal knows by this name. */
  async function as(sub: string): Promise<Record<string, string>> {
    const token = await issuer.sign({ sub, permissions: ['default:admin'] });
    const key = { TEMPORAL_API_KEY: token, TEMPORAL_TLS: 'false' };
    return { TEMPORAL_ADDRESS: server.address, ...key, IAM_BOOTSTRAP_TASK_QUEUE: 'guarded' };
  }

  function manifest(namespace: string): Promise<string> {
    const entities = [role(`${namespace}-deploy`)];
    return world.manifest(`${namespace}.json`, manifestOf({ namespace, account: ACCOUNT, entities }));
  }

  async function apply(namespace: string, env: Readonly<Record<string, string>>): Promise<CommandResult> {
    return world.cli(['apply', '-f', await manifest(namespace), '--output', 'json'], env);
  }

  test('lets the client apply whom the server knows by that name, and report, status and explain show who it was', async () => {
    const env = await as('ci-deployer');
    const applied = await apply('named', env);
    expect(applied.report()).toMatchObject({
      result: 'converged',
      principal: { type: 'jwt', name: 'ci-deployer' },
      summary: { created: 1 },
    });
    expect(await world.creates()).toEqual({ 'CreateRole named-deploy': 1 });

    const status = await world.cli(['status', '--account', ACCOUNT], env);
    expect(status.stdout).toContain('principal ci-deployer');
    const shown = await world.cli(['apply', '-f', await manifest('named')], env);
    expect(shown.stdout).toContain("asked for by Temporal's principal ci-deployer (jwt)");
    const explained = await world.cli(['explain', 'Role/named-deploy', '--account', ACCOUNT], env);
    expect(explained.stdout).toContain("Temporal's principal ci-deployer (jwt)");
  });

  test('refuses every other client, whatever it says of itself, and AWS is not even called', async () => {
    const env = { ...(await as('alice')), IAM_BOOTSTRAP_ACTOR: 'ci-deployer', TEMPORAL_IDENTITY: 'ci-deployer' };
    const refused = await apply('other', env);
    expect(refused.code).toBe(3);
    expect(refused.report().reason).toContain(`Temporal's principal alice (jwt) may not apply: ${RULE}`);
    expect(refused.report().remedy).toContain('docs/identity.md');
    expect(world.proxy.calls).toEqual([]);
  });

  test('does not count for a run that another client has reset', async () => {
    const { workflow } = (await apply('again', await as('ci-deployer'))).report();
    world.proxy.clear();
    const connection = await connectTemporal(loadConfig(await as('alice')));
    try {
      const { client } = connection;
      await client.workflowService.resetWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId: workflow.workflowId, runId: workflow.runId },
        reason: 'the run of another client',
        requestId: 'reset',
        workflowTaskFinishEventId: 4 as never,
      });
      const handle = client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'again'));
      const reason: unknown = await handle
        .result()
        .catch((error: unknown) => (error as { cause?: Error }).cause?.message);
      expect(reason).toContain('Temporal has recorded no principal for the start of this run');
      expect(world.proxy.calls).toEqual([]);
    } finally {
      await connection.close();
    }
  });

  test('refuses everyone on a server that records no principals', async () => {
    await world.startWorker(guarded);
    const refused = await apply('unrecorded', { IAM_BOOTSTRAP_TASK_QUEUE: 'guarded' });
    expect(refused.code).toBe(3);
    expect(refused.report().reason).toContain(`Temporal has recorded no principal for the start of this run: ${RULE}`);
    expect(refused.report().remedy).toContain('records principals');
    expect(world.proxy.calls).toEqual([]);
  });

  test('holds for schedules: they do what the client may do that has made them', async () => {
    const file = await manifest('hourly');
    const create = ['schedule', 'create', '-f', file, '--enforce', '--every', '1h'];
    const refused = await world.cli(create, await as('alice'));
    expect(refused.stderr).toContain('alice (jwt) may not apply');
    expect(refused.code).toBe(3);
    const env = await as('ci-deployer');
    const created = await world.cli([...create, '--output', 'json'], env);
    const [id = ''] = /iam-bootstrap-schedule:[^"\s]+/.exec(created.stdout) ?? [];
    const described = await world.cli(['schedule', 'describe', id], env);
    expect(described.stdout).toContain("Temporal's principal ci-deployer (jwt)");
    // Any client may trigger it: it does what its maker may do.
    expect((await world.cli(['schedule', 'trigger', id], await as('alice'))).code).toBe(0);
    while ((await world.creates())['CreateRole hourly-deploy'] !== 1) await pause(100);
  });
});
