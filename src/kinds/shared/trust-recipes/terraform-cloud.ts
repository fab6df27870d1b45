import { z } from 'zod';
import { omitUndefined } from '../spec.js';
import {
  listOf,
  matchSubjects,
  name,
  oidcFields,
  oidcPartsOf,
  oidcStatement,
  oneOrMany,
  part,
  parts,
  recipe,
} from './recipe.js';

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

const ISSUER = 'app.terraform.io';

const AUDIENCE = 'aws.workload.identity';

const SUBJECT =
  /^organization:(?<organization>[^:]+):project:(?<project>[^:]+):workspace:(?<workspace>[^:]+):run_phase:(?<run>.+)$/;

/** Runs of HCP Terraform and Terraform Enterprise. */
export const terraformCloud = recipe(
  'terraformCloud',
  schema,
  (it, target) => {
    const { issuer = ISSUER, audience = AUDIENCE, provider } = it;
    const workspaces = [...listOf(it.workspace), ...(it.anyWorkspace === true ? ['*'] : [])];
    const phases = it.runPhase === undefined ? phase.options : listOf(it.runPhase);
    const subjects = workspaces.flatMap((workspace) =>
      phases.map(
        (run) => `organization:${it.organization}:project:${it.project}:workspace:${workspace}:run_phase:${run}`,
      ),
    );
    return oidcStatement({ issuer, audience, provider }, subjects, target);
  },
  (statement, context) => {
    const { subjects = [], fields } = oidcPartsOf(statement, context, { issuer: ISSUER, audience: AUDIENCE }) ?? {};
    const found = matchSubjects(subjects, SUBJECT);
    if (found === undefined) return undefined;
    const [{ organization, project } = {}] = found;
    const phases = oneOrMany(found.map(({ run }) => run));
    return omitUndefined({
      organization,
      project,
      workspace: oneOrMany(found.map(({ workspace }) => (workspace === '*' ? undefined : workspace))),
      anyWorkspace: found.some(({ workspace }) => workspace === '*') ? true : undefined,
      runPhase: typeof phases === 'string' ? phases : undefined,
      ...fields,
    });
  },
);
