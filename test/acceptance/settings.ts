import { passwordPolicyText } from './ledger.js';
import type { Ledger } from './ledger.js';
import { isInScope } from './write-guard.js';
import type { NameScope } from './write-guard.js';

/** What a decision about a setting of the account needs. */
interface Settings {
  readonly scope: NameScope;
  readonly ledger: Ledger | undefined;
  /** Sends a read of IAM. */
  readonly ask: (action: string) => Promise<{ readonly status: number; readonly text: string }>;
}

/**
 * Returns the reason for which a write to a setting of the account is refused; null where it may be sent. A setting that
 * the run has not written is not replaced or deleted: a person may have set it meanwhile.
 */
export async function refusalOfSetting(action: string, { scope, ledger, ask }: Settings): Promise<string | null> {
  if (action === 'CreateAccountAlias') {
    const aliases = valuesIn(await ask('ListAccountAliases'), 'member');
    const other = aliases.find((alias) => !isInScope(alias, scope));
    return other === undefined ? null : `${action} would replace the alias ${other}`;
  }
  if (/^(Update|Delete)AccountPasswordPolicy$/.test(action)) {
    const answer = await ask('GetAccountPasswordPolicy');
    if (answer.status === 404) return null;
    const isOwn = ledger?.hasWritten('AccountPasswordPolicy', passwordPolicyText(membersIn(answer)));
    return isOwn === true ? null : `${action}: the account has a password policy that this run has not written`;
  }
  if (action === 'SetSecurityTokenServicePreferences') {
    const { text } = await ask('GetAccountSummary');
    const version = /<key>GlobalEndpointTokenVersion<\/key>\s*<value>(\d)<\/value>/.exec(text)?.[1];
    if (version !== '2' || ledger?.hasWritten('SecurityTokenServicePreferences', 'v2Token') === true) return null;
    return `${action}: the account has a setting of STS that this run has not written`;
  }
  return null;
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

function valuesIn({ status, text }: Reply, element: string): string[] {
  if (status !== 200) throw new Error(`a setting of the account cannot be read: ${String(status)}`);
  return [...text.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, 'g'))].map(([, value = '']) => value);
}

function membersIn({ status, text }: Reply): Record<string, string> {
  if (status !== 200) throw new Error(`a setting of the account cannot be read: ${String(status)}`);
  return Object.fromEntries(
    [...text.matchAll(/<(\w+)>([^<]+)<\/\1>/g)].map(([, name = '', value = '']) => [name, value]),
  );
}
