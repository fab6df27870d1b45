import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { Target } from '../contract/entity.js';
import { strings } from '../engine/json.js';
import type { Kind, Observed, WantedEntity, Write } from './kind.js';
import { accountSetting, observedSetting } from './shared/base-kinds.js';
import { removal } from './shared/writes.js';

const schema = z.strictObject({
  accountAliases: z
    .array(
      z
        .string()
        .min(3)
        .max(63)
        .regex(
          /^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$/,
          'use lower case letters, digits and single dashes, and no dash at either end',
        ),
    )
    .length(1, 'an account has one alias')
    .describe(
      'The alias of the account, unique in all of AWS. A different alias is replaced only with `unmanaged: remove`.',
    ),
});

async function read(reader: Reader, _wanted: WantedEntity, target: Target): Promise<Observed | undefined> {
  const accountAliases = await reader.list('ListAccountAliases', {}, 'AccountAliases');
  return accountAliases.length === 0 ? undefined : observedSetting(target, { accountAliases });
}

function createAlias(aliases: readonly string[]): Write {
  return { operation: 'CreateAccountAlias', input: { AccountAlias: aliases[0] } };
}

/** The account's alias, which is part of the address at which its users sign in. */
export const accountAlias: Kind = {
  name: 'AccountAlias',
  ...accountSetting(read),
  schema,
  duplicateProtection:
    '409 EntityAlreadyExists if any account has the alias; a free alias replaces the present one, so it is listed first',
  recognizedBy: 'the listing: an account has one alias',
  properties: { accountAliases: { type: 'set', limit: 1 } },
  actions: { read: ['iam:ListAccountAliases'], write: ['iam:CreateAccountAlias', 'iam:DeleteAccountAlias'] },

  create: ({ spec }) => createAlias(strings(spec['accountAliases'])),
  isAlreadyExistsError: isEntityAlreadyExists,
  createOverwrites: true,
  globallyTakenReason: 'the alias is taken by another AWS account',
  observedAfterCreate: ({ spec, target }) => observedSetting(target, spec),

  update(_desired, _observed, { accountAliases }) {
    const put = accountAliases?.put ?? [];
    // One call replaces the present alias. An alias that exists already was most likely set by an earlier attempt. If
    // another account has it, verification shows the drift.
    return put.length === 0 ? [] : [{ ...createAlias(put), isAlreadyApplied: isEntityAlreadyExists }];
  },

  delete: (_reader, { state }) =>
    strings(state['accountAliases']).map((AccountAlias) => removal('DeleteAccountAlias', { AccountAlias })),
};
