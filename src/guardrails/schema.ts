import { z } from 'zod';
import { FINDING_CODE } from '../contract/policy-findings.js';
import { ACCOUNT } from '../contract/request.js';
import { apply, identity } from './identity-schema.js';
import { MAX_TEXT, text } from './text-schema.js';
import { templatesIn } from './template.js';

/** Patterns: `*` stands for any text, `/` included, and `?` for one character. */
const patterns = z.array(text).min(1);

const setting = z.enum(['allow', 'deny']);

const accountId = z.string().regex(ACCOUNT, 'write the twelve digits of the account, in quotes');

const roleArn = text.regex(/^arn:.+:iam::.+:role\/.+$/, 'write the ARN of a role');

const actionPattern = z
  .string()
  .max(MAX_TEXT)
  .regex(/^(?:\*|[\w*?-]+:[\w*?-]+)$/, 'write an action as in "iam:CreateUser" or "iam:*User*"');

/** The templates that keep the secrets of two namespaces apart, each as a part of a path of its own. */
function secretPatterns(required: readonly string[]): typeof patterns {
  return z
    .array(
      text.superRefine((value, context) => {
        for (const name of required) {
          const isPart = new RegExp(`(?:^|/)\\{\\{\\s*${name}\\s*\\}\\}/`).test(value);
          if (templatesIn(value).includes(name) && isPart) continue;
          context.addIssue({
            code: 'custom',
            message: `it does not tell one ${name} from another`,
            params: { remedy: `write {{${name}}} as a part of the path, as in "{{${name}}}/*"` },
          });
        }
      }),
    )
    .min(1);
}

const entities = z
  .strictObject({
    paths: patterns.optional().describe('Paths that entities may have, for kinds with a path.'),
    names: patterns
      .optional()
      .describe('Names that entities may have. `Kind/pattern` is for one kind only, any other pattern for all kinds.'),
    kinds: z
      .strictObject({
        allow: z.array(z.string()).min(1).optional().describe('Only these kinds.'),
        deny: z.array(z.string()).min(1).optional().describe('Not these kinds.'),
      })
      .optional()
      .describe('Kinds of entities.'),
  })
  .describe('Entities that a request may declare.');

const grants = z
  .strictObject({
    denyManagedPolicies: patterns
      .optional()
      .describe('Managed policies that must not be attached, by name, by path and name, or by ARN.'),
    allowManagedPolicies: patterns
      .optional()
      .describe('Only these managed policies may be attached, and those that the same manifest declares.'),
    denyActions: z
      .array(actionPattern)
      .min(1)
      .optional()
      .describe('Actions that no policy may allow, under no condition and on no resource.'),
    denyWildcardAction: z
      .union([z.boolean(), z.literal('service')])
      .optional()
      .describe('true: no policy may allow every action. service: nor every action of a service, as `s3:*` does.'),
  })
  .describe('Permissions that a request may grant.');

const trust = z
  .strictObject({
    denyAnyone: z
      .boolean()
      .optional()
      .describe('No role may trust everyone: the principal *, NotPrincipal, or all tokens of an identity provider.'),
    accounts: z
      .array(accountId)
      .min(1)
      .optional()
      .describe('Other accounts that roles may trust. The account of the role itself is always one of them.'),
    providers: patterns.optional().describe('Identity providers that roles may trust, by host and path, or by ARN.'),
    requireSubject: patterns
      .optional()
      .describe('OIDC providers that a role may trust for certain subjects only, by host and path.'),
  })
  .describe('Principals that roles may trust.');

const secrets = z
  .strictObject({
    files: secretPatterns(['account', 'namespace'])
      .optional()
      .describe("Files below the worker's secrets folder. Each pattern holds {{account}}/ and {{namespace}}/."),
    secretsManager: secretPatterns(['namespace'])
      .optional()
      .describe('Names in AWS Secrets Manager. Each pattern holds {{namespace}}/.'),
  })
  .describe('Locations of secrets. A location of a sort that is not listed is denied.');

const checkLevel = z.enum(['off', 'warn', 'error']);

const accessAnalyzer = z
  .strictObject({
    validatePolicy: checkLevel
      .optional()
      .describe(
        'ValidatePolicy, for each policy that a run would write. error refuses errors and security warnings, and shows other findings; warn shows all findings. Default: off.',
      ),
    checkNoNewAccess: checkLevel
      .optional()
      .describe(
        'CheckNoNewAccess, for each policy that a run would write to an entity that exists. error refuses a policy that allows more than the live one. Default: off.',
      ),
    unavailable: z
      .enum(['warn', 'error'])
      .optional()
      .describe('What a policy is shown or refused with that cannot be checked. Default: as its check says.'),
    allowSuppressions: z
      .array(z.string().regex(FINDING_CODE, 'write the code of a finding, as in "PASS_ROLE_WITH_STAR_IN_RESOURCE"'))
      .min(1)
      .optional()
      .describe('Codes that a manifest may suppress where a rule says error. Default: none.'),
  })
  .describe('Checks of policies by AWS IAM Access Analyzer.');

/** The rules that the file holds for all accounts, and that an account may hold for itself in addition. */
const rules = {
  namespaces: patterns.optional().describe('Namespaces that a request may name.'),
  entities: entities.optional(),
  permissionsBoundary: z
    .strictObject({
      required: text.regex(/^arn:.+:iam::.+:policy\/.+$/, 'write the ARN of a managed policy'),
    })
    .optional()
    .describe(
      'The permissions boundary that every role and user must have. Its policy cannot be changed by a request.',
    ),
  grants: grants.optional(),
  trust: trust.optional(),
  accessAnalyzer: accessAnalyzer.optional(),
  adopt: z
    .strictObject({ foreign: setting })
    .optional()
    .describe('deny: no entity of another owner may be taken over.'),
  destroy: setting.optional().describe('deny: no entity may be deleted. Default: allow.'),
  replace: setting.optional().describe('deny: no entity may be deleted to be created again. Default: allow.'),
  unmanaged: z
    .strictObject({ remove: setting })
    .optional()
    .describe('deny: what the manifest does not declare stays on an entity.'),
  secrets: secrets.optional(),
  apply: apply.optional(),
};

const account = z.strictObject({
  assumeRole: roleArn
    .optional()
    .describe('The only role that a request may name, and must name. Default: a request may name none.'),
  externalId: z
    .string()
    .regex(/^[\w+=,.@:/-]{2,1224}$/, 'use 2 to 1224 letters, digits and _+=,.@:/-')
    .optional()
    .describe('The external ID that the worker gives when it assumes the role.'),
  planRole: roleArn
    .optional()
    .describe('The role that plans, explanations and captures assume. Default: that of assumeRole.'),
  environments: patterns.optional().describe('Names of environments that a request may give to this account.'),
  ...rules,
});

/** The file that the operator of a worker keeps. */
export const guardrailsSchema = z.strictObject({
  version: z.literal(1).describe('Version of the format.'),
  accounts: z
    .record(z.string().regex(/^(?:\d{12}|\*)$/, 'write the twelve digits of the account, in quotes, or "*"'), account)
    .refine((accounts) => Object.keys(accounts).length > 0, 'give at least one account, or "*" for all others')
    .describe(
      'Accounts that a request may name, in quotes. "*" is for all accounts that are not listed. The rules of an account apply in addition to those of the file.',
    ),
  identity: identity.optional(),
  ...rules,
});

/** The content of a guardrails file. */
export type GuardrailRules = z.infer<typeof guardrailsSchema>;

/** The rules that both a file and an account can hold. */
export type RuleSet = Pick<GuardrailRules, keyof typeof rules>;

/** Returns the JSON Schema of the file, for editors: completion, and checks while typing. */
export function guardrailsJsonSchema(): Readonly<Record<string, unknown>> {
  return { title: 'iam-bootstrap guardrails', ...z.toJSONSchema(guardrailsSchema, { io: 'input' }) };
}
