import type { Page } from 'playwright-core';
import type { Report } from '../../src/contract/report.js';
import { inBrowser, shows } from '../support/browser.js';
import { ACCOUNT } from '../support/world.js';
import { useWorld, world } from '../support/use-world.js';

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
});
