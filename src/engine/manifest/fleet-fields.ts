import { z } from 'zod';
import { accountField, partitionField, roleArnField } from './account-fields.js';
import { ENVIRONMENT_NAME, ENVIRONMENT_NAME_TEXT } from './names.js';

/** The accounts of a fleet. */
export const accountsSchema = z
  .strictObject({
    ids: z.array(accountField).min(1).optional().describe('Accounts by ID: twelve digits, in quotes.'),
    organizationalUnits: z
      .array(
        z
          .string()
          .regex(
            /^(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32})$/,
            'write the ID of a unit or of the root, as in ou-abcd-11111111 or r-abcd',
          ),
      )
      .min(1)
      .optional()
      .describe('Organizational units, with the units below them, or the root of the organization.'),
    tags: z
      .record(z.string().min(1).max(128), z.string().max(256))
      .optional()
      .describe('Tags that an account of the units must have, or of the organization if no unit is named.'),
    exclude: z.array(accountField).optional().describe('Accounts that are left out, however they are selected.'),
    organizationRole: roleArnField.describe(
      "The role that may read AWS Organizations. Default: the worker's own credentials.",
    ),
  })
  .superRefine(({ ids, organizationalUnits, tags, exclude }, context) => {
    const issue = (path: PropertyKey[], message: string, remedy: string): void => {
      context.addIssue({ code: 'custom', path, message, params: { remedy } });
    };
    if (ids === undefined && organizationalUnits === undefined && Object.keys(tags ?? {}).length === 0) {
      issue([], 'no account is selected', 'set ids, organizationalUnits or tags');
    }
    ids?.forEach((id, index) => {
      if (ids.indexOf(id) !== index) issue(['ids', index], 'this account is listed twice', 'list it once');
      if (exclude?.includes(id) === true) {
        issue(['ids', index], 'this account is listed, and excluded', 'remove it from one of the two lists');
      }
    });
  });

const percent = z.number().gt(0).max(100).describe('A share of the accounts, in percent.');
const wave = z.union([
  z.strictObject({ accounts: z.int().min(1).describe('A number of accounts.') }),
  z.strictObject({ percent }),
]);

const wavesSchema = z
  .array(wave)
  .min(1)
  .superRefine((waves, context) => {
    waves.forEach((one, index) => {
      if (reachesFurther(one, waves[index - 1])) return;
      const message = 'each wave has to reach further than the one before: both count from the first account';
      context.addIssue({ code: 'custom', path: [index], message, params: { remedy: 'raise it, or remove the wave' } });
    });
  });

type Wave = z.infer<typeof wave>;

/** Waves can only be compared if both are numbers, or both are shares. */
function reachesFurther(one: Wave, before: Wave | undefined): boolean {
  if (before === undefined) return true;
  if ('accounts' in one) return !('accounts' in before) || one.accounts > before.accounts;
  return !('percent' in before) || one.percent > before.percent;
}

/** The values of variables in one account. */
const variablesSchema = z.record(z.string(), z.string());

/** The values of variables by account. */
export const accountVariablesSchema = z.record(accountField, variablesSchema);

/** One fleet: its accounts, the way into them, and the order in which they are brought to their state. */
export const fleetSchema = z.strictObject({
  accounts: accountsSchema.describe('The accounts: those listed by ID, and those that AWS Organizations shows.'),
  environment: z
    .string()
    .regex(ENVIRONMENT_NAME, ENVIRONMENT_NAME_TEXT)
    .optional()
    .describe('The value of {{environment}}. Default: the name of the fleet.'),
  partition: partitionField,
  assumeRole: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The role that the worker assumes in each account: arn:{{partition}}:iam::{{account}}:role/NAME. Default: its own credentials.',
    ),
  variables: variablesSchema
    .optional()
    .describe(
      'Values of variables in this fleet. They may use {{account}}, {{account.name}} and {{account.tags.KEY}}.',
    ),
  accountVariables: accountVariablesSchema
    .optional()
    .describe('Values of variables by account ID; they take precedence over those of the fleet.'),
  waves: wavesSchema
    .optional()
    .describe('How far each wave gets, counted from the first account. Default: one wave with all accounts.'),
  concurrency: z.int().min(1).max(1000).optional().describe('The largest number of accounts at a time. Default: 20.'),
  maxFailures: z
    .union([z.int().min(0), z.string().regex(/^(100|\d{1,2}(\.\d+)?)%$/, 'write a number, or a share such as "10%"')])
    .optional()
    .describe('Failed accounts beyond which no other wave starts: a number, or a share such as "10%". Default: 0.'),
});
