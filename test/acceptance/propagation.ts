import { setTimeout as pause } from 'node:timers/promises';
import type { IAM } from '@aws-sdk/client-iam';
import { awsError } from '../../src/aws/errors.js';
import { trusting } from './documents.js';
import { saysNothing } from './probe.js';
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

/**
 * Measures how long a new role takes to show in each read.
 *
 * @param iam - sends each call once: a Create that was sent again would be measured from the wrong moment
 */
export async function measurePropagation(iam: IAM, start: string): Promise<CheckResult[]> {
  return Promise.all(
    LOOKS.map(async (look, index): Promise<CheckResult> => {
      const check = { kind: '', name: `a new role shows within two minutes: ${look.name}` };
      try {
        const ms = await measure(iam, look, `${start}p${String(index)}`);
        if (ms === null) return { ...check, outcome: 'failed', detail: 'it does not show' };
        return { ...check, outcome: 'passed', detail: `first shown when asked ${String(ms)} ms after its Create` };
      } catch (error) {
        const aws = awsError(error);
        const detail = `${aws.code}: ${aws.message}`;
        return { ...check, outcome: saysNothing(aws) ? 'not observable' : 'failed', detail };
      }
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
