import { setTimeout as pause } from 'node:timers/promises';
import type { IAM } from '@aws-sdk/client-iam';
import { trusting } from './documents.js';
import type { CheckResult } from './report.js';

/** A read that has to show a new role. */
interface Look {
  readonly name: string;
  readonly shows: (iam: IAM, RoleName: string, arn: string) => Promise<boolean>;
}

const LOOKS: readonly Look[] = [
  {
    name: 'GetRole',
    shows: (iam, RoleName) => iam.getRole({ RoleName }).then(() => true, isHidden),
  },
  {
    name: 'ListRoles',
    shows: async (iam, RoleName) => {
      for (let Marker: string | undefined; ;) {
        const page = await iam.listRoles({ MaxItems: 1_000, Marker });
        if (page.Roles?.some((role) => role.RoleName === RoleName) === true) return true;
        if (page.IsTruncated !== true) return false;
        ({ Marker } = page);
      }
    },
  },
  {
    name: 'GetAccountAuthorizationDetails',
    shows: async (iam, RoleName) => {
      for (let Marker: string | undefined; ;) {
        const page = await iam.getAccountAuthorizationDetails({ Filter: ['Role'], MaxItems: 1_000, Marker });
        if (page.RoleDetailList?.some((role) => role.RoleName === RoleName) === true) return true;
        if (page.IsTruncated !== true) return false;
        ({ Marker } = page);
      }
    },
  },
  {
    name: 'the check of a trust policy that names it',
    shows: (iam, RoleName, arn) => {
      const AssumeRolePolicyDocument = JSON.stringify(trusting({ AWS: arn }));
      return iam.createRole({ RoleName: `${RoleName}-trusts`, AssumeRolePolicyDocument }).then(() => true, isHidden);
    },
  },
];

/** The window in which every read shows what was created, by the engine's assumption. */
const WINDOW_MS = 120_000;
const BETWEEN_LOOKS_MS = 200;

/** Measures how long a new role takes to show in each read. */
export async function measurePropagation(iam: IAM, start: string): Promise<CheckResult[]> {
  return Promise.all(
    LOOKS.map(async (look, index): Promise<CheckResult> => {
      const check = { kind: '', name: `a new role shows within two minutes: ${look.name}` };
      const measured = await measure(iam, look, `${start}p${String(index)}`).then(
        (ms) => ({ ms, message: 'it does not show' }),
        (error: unknown) => ({ ms: null, message: error instanceof Error ? error.message : String(error) }),
      );
      if (measured.ms === null) return { ...check, outcome: 'failed', detail: measured.message };
      return {
        ...check,
        outcome: 'passed',
        detail: `first shown when asked ${String(measured.ms)} ms after its Create`,
      };
    }),
  );
}

async function measure(iam: IAM, { shows }: Look, RoleName: string): Promise<number | null> {
  const { Role } = await iam.createRole({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trusting()) });
  const createdAt = Date.now();
  for (;;) {
    const askedAt = Date.now();
    if (await shows(iam, RoleName, Role?.Arn ?? '')) return askedAt - createdAt;
    if (Date.now() - createdAt > WINDOW_MS) return null;
    await pause(BETWEEN_LOOKS_MS);
  }
}

/** Reports an error that says that a new entity does not show yet. */
function isHidden(error: unknown): boolean {
  const { name = '' } = error as { readonly name?: string };
  if (/^(NoSuchEntity|MalformedPolicyDocument)/.test(name)) return false;
  throw error;
}
