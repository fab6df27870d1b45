import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { Target } from '../contract/entity.js';
import { appliedIfAbsent, accountArn, readEach, strings } from './fields.js';
import type { Kind, Observed, Write, WantedEntity } from './kind.js';

const schema = z.strictObject({
  accountAliases: z
    .array(
      z
        .string()
        .min(3)
        .max(63)
        .regex(
          /^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$/,
          'use lower case letters, digits and single dashes, none of them at an end',
        ),
    )
    .length(1, 'an account has one alias')
    .describe(
      'The alias, one and unique in all of AWS. Another one that is there is replaced only with `unmanaged: remove`.',
    ),
});

async function read(reader: Reader, { name }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const accountAliases = await reader.list('ListAccountAliases', {}, 'AccountAliases');
  if (accountAliases.length === 0) return undefined;
  return { name, arn: accountArn(target), createdAt: null, tags: {}, state: { accountAliases } };
}

function creationOf(aliases: readonly string[]): Write {
  return { operation: 'CreateAccountAlias', input: { AccountAlias: aliases[0] } };
}

/** The account's alias, in the address at which its users sign in. */
export const accountAlias: Kind = {
  name: 'AccountAlias',
  keyProperties: [],
  schema,
  nameOf: () => 'account',
  arnOf: (_spec, target) => accountArn(target),
  dependsOnKinds: [],
  ownable: false,
  duplicateProtection:
    '409 EntityAlreadyExists for an alias that any account has; one that is free replaces, so it is listed first',
  recognizedBy: 'the listing: an account has one',
  properties: {
    accountAliases: { type: 'set', limit: 1 },
  },
  actions: {
    read: ['iam:ListAccountAliases'],
    write: ['iam:CreateAccountAlias', 'iam:DeleteAccountAlias'],
  },

  detailType: null,
  readCost: 1,
  read,
  readMany: readEach(read),

  create: ({ spec }) => creationOf(strings(spec['accountAliases'])),
  isAlreadyExistsError: isEntityAlreadyExists,
  createOverwrites: true,
  globallyTakenReason: 'the alias is taken by another AWS account',
  observedAfterCreate: ({ name, spec, target }) => ({
    name,
    arn: accountArn(target),
    createdAt: null,
    tags: {},
    state: spec,
  }),

  update(_desired, _observed, { accountAliases }) {
    const put = accountAliases?.put ?? [];
    // In one call, which replaces the one that is there. An alias that exists is most likely this one, by an earlier
    // attempt. Were it another account's, verification would show the drift.
    return put.length === 0 ? [] : [{ ...creationOf(put), isAlreadyApplied: isEntityAlreadyExists }];
  },

  delete: (_reader, { state }) =>
    Promise.resolve(
      strings(state['accountAliases']).map((AccountAlias) => ({
        operation: 'DeleteAccountAlias',
        input: { AccountAlias },
        ...appliedIfAbsent,
      })),
    ),
};
