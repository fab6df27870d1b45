import type { Page } from 'playwright-core';
import { requestDetails, requestSummary } from '../../src/report/run-description.js';
import { claimUpdate } from '../../src/contract/messages.js';
import type { Report } from '../../src/contract/report.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import type { Claim } from '../../src/contract/revision.js';
import { bootstrapWorkflowId, WorkflowType } from '../../src/contract/workflow-ids.js';
import { ContractValues } from '../support/hostile.js';
import { inBrowser, shows } from '../support/browser.js';
import { ACCOUNT } from '../support/world.js';
import { temporal, useWorld, world } from '../support/use-world.js';

useWorld({ reset: false });

const TRUST = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};
const STATE = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }] };

let report: Report;

beforeAll(async () => {
  const file = await world.manifest('ui.json', {
    version: 1,
    namespace: 'shown',
    environments: { dev: { account: ACCOUNT } },
    entities: [
      { kind: 'Role', roleName: 'shown-deploy', assumeRolePolicyDocument: TRUST, inlinePolicies: { state: STATE } },
      { kind: 'Policy', policyName: 'shown-policy', policyDocument: STATE },
    ],
  });
  report = (await world.cli(['apply', '-f', file, '--output', 'json'])).report();
});

/** Opens the list of workflows for a query and follows the link of one workflow ID. */
async function openFound(page: Page, query: string, workflowId: string): Promise<void> {
  const ui = world.temporal.uiUrl ?? '';
  await page.goto(`${ui}/namespaces/default/workflows?query=${encodeURIComponent(query)}`);
  const link = page.getByRole('link', { name: workflowId, exact: true }).first();
  await link.waitFor();
  await link.click();
}

describe('in the Temporal UI', () => {
  it('a bootstrap run is found by its search attributes, and shows its summary, details and entities', async () => {
    await inBrowser(async (page) => {
      await openFound(
        page,
        `IamAccount="${ACCOUNT}" AND IamNamespace="shown" AND IamOutcome="converged"`,
        report.workflow.workflowId,
      );
      await page.getByRole('tab', { name: 'User Metadata' }).click();
      await shows(page, `bootstrap shown (dev) in ${ACCOUNT}: 2 entities`);
      await shows(page, 'Role/shown-deploy');
      await shows(page, '2 created');
    });
  });

  it('an entity run is found by its entity, and shows its state and the AWS request ID of each write', async () => {
    const role = report.entities.find(({ kind }) => kind === 'Role');
    const requestIds = role?.writes.map(({ requestId }) => requestId ?? '') ?? [];
    expect(requestIds).toHaveLength(2);
    await inBrowser(async (page) => {
      await openFound(page, 'IamEntity="Role/shown-deploy"', `iam:${ACCOUNT}:Role:shown-deploy`);
      await shows(page, 'createEntity');
      await page.getByRole('tab', { name: 'User Metadata' }).click();
      await shows(page, 'create Role/shown-deploy for shown');
      await shows(page, 'arn:aws:iam::');
      for (const requestId of requestIds) await shows(page, requestId);
    });
  });

  it('the link that a command prints leads to the page of the run', async () => {
    await inBrowser(async (page) => {
      await page.goto(report.workflow.url ?? '');
      await shows(page, '2 created');
      await shows(page, 'Role/shown-deploy');
    });
  });

  it('no text of a client becomes an element of a page, or asks anything of another server', async () => {
    const runs = await startHostileRuns();
    await inBrowser(async (page) => {
      const harm: string[] = [];
      page.on('dialog', (dialog) => {
        harm.push(dialog.message());
        void dialog.dismiss();
      });
      page.on('request', (request) => {
        if (new URL(request.url()).hostname.endsWith('.example')) harm.push(request.url());
      });
      for (const { workflowId, text } of runs) {
        const { runId } = await temporal.client.workflow.getHandle(workflowId).describe();
        await page.goto(temporal.runUrl(workflowId, runId) ?? '');
        await shows(page, text);
        await shows(page, 'onerror=alert(1)');
        const frames = page.frames().filter((frame) => frame.url().includes('/render?'));
        const elements = await Promise.all(
          frames.map((frame) => frame.locator('main').locator(FOREIGN_ELEMENTS).allInnerTexts()),
        );
        expect([workflowId, elements.flat()]).toEqual([workflowId, []]);
      }
      expect(harm).toEqual([]);
    });
  });
});

const HOSTILE =
  '</code><img src=x onerror=alert(1)> [a](https://evil.example) ![i](https://evil.example/i.png) https://evil.example/b <script>alert(2)</script> _em_ ~~del~~ `` | x |\n\n# head\n\n- item\n\n> quote\n\n<iframe src=https://evil.example></iframe>';

const FOREIGN_ELEMENTS = 'a, img, script, iframe, em, del, h1, ul, ol, li, blockquote, hr, .math';

/** Starts runs as any client can, past the command line: with a text in every field that a run takes. */
async function startHostileRuns(): Promise<readonly { readonly workflowId: string; readonly text: string }[]> {
  const contract = new ContractValues(['request.ts', 'revision.ts']);
  const { workflow } = temporal.client;
  const options = { taskQueue: temporal.taskQueue, workflowTaskTimeout: '30s' } as const;
  const target = { account: ACCOUNT, partition: 'aws' };
  const request = contract.valueOf<BootstrapRequest>('request.ts', 'BootstrapRequest', HOSTILE, {
    // A proof that is none would end the run before it has a page.
    ...{ target, namespace: 'hostile', proof: {} },
  });
  const id = bootstrapWorkflowId(ACCOUNT, 'hostile');
  const run = await workflow.start(WorkflowType.Bootstrap, {
    ...{ ...options, workflowId: id, args: [request] },
    staticSummary: requestSummary(WorkflowType.Bootstrap, request),
    staticDetails: requestDetails(request),
  });
  await run.result().catch(() => undefined);
  const entity = contract.valueOf<object>('request.ts', 'ReconcileRequest', HOSTILE, { target, namespace: 'hostile' });
  const entityRun = await workflow.start('reconcileEntity', {
    ...options,
    workflowId: 'hostile-entity',
    args: [entity],
  });
  await entityRun.result().catch(() => undefined);
  const ledger = await workflow.start('ledger', { ...options, workflowId: 'hostile-ledger', args: [] });
  await ledger.executeUpdate(claimUpdate, { args: [contract.valueOf<Claim>('revision.ts', 'Claim', HOSTILE)] });
  return [
    { workflowId: id, text: 'nothing was read' },
    { workflowId: 'hostile-entity', text: 'Decision: ' },
    { workflowId: 'hostile-ledger', text: 'last revision' },
  ];
}
