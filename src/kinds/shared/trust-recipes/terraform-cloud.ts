import { z } from 'zod';
import { listOf, name, oidcFields, oidcStatement, part, parts, recipe } from './recipe.js';

const phase = z.enum(['plan', 'apply']);

const schema = z
  .strictObject({
    ...oidcFields,
    organization: part,
    project: name,
    workspace: parts.optional(),
    anyWorkspace: z.literal(true).optional().describe('Trusts every workspace of the project.'),
    runPhase: z
      .union([phase, z.array(phase).min(1)])
      .optional()
      .describe('The phase of the run. Default: both.'),
  })
  .refine((it) => it.workspace !== undefined || it.anyWorkspace === true, {
    message: 'needs a workspace, or anyWorkspace: true',
  });

/** Runs of HCP Terraform and Terraform Enterprise. */
export const terraformCloud = recipe('terraformCloud', schema, (it, target) => {
  const { issuer = 'app.terraform.io', audience = 'aws.workload.identity', provider } = it;
  const workspaces = [...listOf(it.workspace), ...(it.anyWorkspace === true ? ['*'] : [])];
  const phases = it.runPhase === undefined ? phase.options : listOf(it.runPhase);
  const subjects = workspaces.flatMap((workspace) =>
    phases.map(
      (run) => `organization:${it.organization}:project:${it.project}:workspace:${workspace}:run_phase:${run}`,
    ),
  );
  return oidcStatement({ issuer, audience, provider }, subjects, target);
});
