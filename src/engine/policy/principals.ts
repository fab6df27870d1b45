import type { Json } from '../../contract/entity.js';
import { isObject, ownValue, strings } from '../json.js';
import { asList, statementsOf } from './canonical.js';

/** A problem of a value, and the way out. */
export interface Flaw {
  /** The rest of a sentence that begins with the value. */
  readonly problem: string;
  readonly remedy: string;
}

/** The parts of the ARN of a principal: `arn:aws:iam::111111111111:role/ci/deploy`. */
export interface PrincipalArn {
  readonly partition: string;
  readonly service: string;
  readonly region: string;
  readonly account: string;
  /** `role` of `role/ci/deploy`. */
  readonly type: string;
  /** `ci/deploy` of `role/ci/deploy`; empty for `root`. */
  readonly path: string;
}

const ACCOUNT = /^\d{12}$/;

function rootArn(partition: string, account: string): string {
  return `arn:${partition}:iam::${account}:root`;
}

/** Splits an ARN; undefined for another text. */
export function parsePrincipalArn(text: string): PrincipalArn | undefined {
  const found = /^arn:([^:]*):([^:]*):([^:]*):([^:]*):([^/]+)(?:\/(.*))?$/s.exec(text);
  if (found === null) return undefined;
  const [, partition = '', service = '', region = '', account = '', type = '', path = ''] = found;
  return { partition, service, region, account, type, path };
}

/** Finds what makes a text under `AWS` no principal of a trust policy, whatever exists. `*` alone means everybody. */
export function awsPrincipalFlaw(text: string): Flaw | undefined {
  if (text === '*' || ACCOUNT.test(text)) return undefined;
  if (/[*?]/.test(text)) return wildcardFlaw(text);
  // IAM shows the ID in place of a deleted role or user.
  if (/^A(?:ROA|IDA)[A-Z0-9]{12,}$/.test(text)) return undefined;
  if (/^\d+$/.test(text)) return accountFlaw(text);
  const arn = parsePrincipalArn(text);
  if (arn === undefined) {
    return {
      problem: 'is neither an ARN nor an account ID',
      remedy: 'write an ARN, an account ID of 12 digits, or "*"',
    };
  }
  const { service, region, account, type, path } = arn;
  if (service !== 'iam' && service !== 'sts') return noPrincipal(`an ARN of ${service}`);
  if (PRINCIPAL_PATHS.get(`${service}:${type}`)?.test(path) !== true) return typeFlaw(arn);
  if (!ACCOUNT.test(account)) return accountFlaw(account);
  return region === '' ? undefined : { problem: 'has a region', remedy: 'remove the region: IAM has none' };
}

/** The paths of principals, by service and type of their ARN. */
const PRINCIPAL_PATHS: ReadonlyMap<string, RegExp> = new Map([
  ['iam:root', /^$/],
  ['iam:role', /^(?:[^/]+\/)*[\w+=,.@-]+$/],
  ['iam:user', /^(?:[^/]+\/)*[\w+=,.@-]+$/],
  ['sts:assumed-role', /^[^/]+\/[^/]+$/],
  ['sts:federated-user', /^[^/]+$/],
]);

/** Finds what makes a text under `Federated` no identity provider, whatever exists. */
export function federatedFlaw(text: string): Flaw | undefined {
  const arn = parsePrincipalArn(text);
  if (arn === undefined) return undefined;
  if (/[*?]/.test(text)) {
    return { problem: 'has a wildcard, which IAM takes in no principal', remedy: 'name each identity provider' };
  }
  const { service, account, type } = arn;
  if (service !== 'iam' || (type !== 'oidc-provider' && type !== 'saml-provider')) {
    const remedy = 'write the ARN of an OIDC or SAML provider, or move it to AWS if it is a role, a user or an account';
    return { problem: 'is no identity provider', remedy };
  }
  return ACCOUNT.test(account) ? undefined : accountFlaw(account);
}

/** The flaw of a principal type that trust policies do not have. */
export const CANONICAL_USER_FLAW: Flaw = {
  problem: 'is a principal of Amazon S3 only',
  remedy: 'write the account ID: { "AWS": "111111111111" }',
};

/** Finds what ties a principal to another partition than the account's: IAM knows no principals across partitions. */
export function partitionFlaw(text: string, partition: string): Flaw | undefined {
  const arn = parsePrincipalArn(text);
  if (arn === undefined || arn.partition === partition) return undefined;
  const problem = `is of partition ${arn.partition}, and the account is in ${partition}: IAM trusts nobody across partitions`;
  return { problem, remedy: `write a principal of partition ${partition}` };
}

function wildcardFlaw(text: string): Flaw {
  const problem = 'has a wildcard, which IAM takes in no principal but "*" alone';
  const arn = parsePrincipalArn(text);
  if (arn === undefined) return { problem, remedy: 'write an ARN, an account ID of 12 digits, or "*"' };
  const { partition, service, account, type } = arn;
  const [name = '', ...session] = arn.path.split('/');
  const isSession = service === 'sts' && type === 'assumed-role';
  const role = `arn:${partition}:iam::${account}:role/${name}`;
  if (isSession && session.length > 0 && !/[*?]/.test(role)) {
    return { problem, remedy: `write "${role}", the role itself: that trusts all of its sessions` };
  }
  const principal = ACCOUNT.test(account) ? rootArn(partition, account) : '*';
  const condition = `{ "ArnLike": { "aws:PrincipalArn": "${isSession ? role : text}" } }`;
  return { problem, remedy: `write "${principal}" as principal and the Condition ${condition}` };
}

function accountFlaw(account: string): Flaw {
  const given = account === '' ? 'has no account ID' : `has "${account}" where an account ID belongs`;
  return { problem: given, remedy: 'write the account ID with its 12 digits, in quotes' };
}

function typeFlaw({ partition, service, account, type }: PrincipalArn): Flaw {
  const root = ACCOUNT.test(account) ? rootArn(partition, account) : rootArn(partition, '111111111111');
  switch (`${service}:${type}`) {
    case 'iam:group':
      return {
        problem: 'is a group, which is no principal: nobody signs in as a group',
        remedy: `name its users, or write "${root}" as principal and let a policy of the group allow sts:AssumeRole`,
      };
    case 'iam:instance-profile':
      return {
        problem: 'is an instance profile, which is no principal',
        remedy: 'write the ARN of the role in the instance profile',
      };
    case 'iam:oidc-provider':
    case 'iam:saml-provider':
      return { problem: 'is an identity provider', remedy: 'write it under Federated instead of AWS' };
    case 'sts:assumed-role':
      return {
        problem: 'names no session',
        remedy: 'add the name of the session (assumed-role/ROLE/SESSION), or write the ARN of the role',
      };
    default:
      return noPrincipal(`the ARN of a ${type}`);
  }
}

function noPrincipal(what: string): Flaw {
  return {
    problem: `is ${what}, which is no principal`,
    remedy: 'write the ARN of a role, a user, a session or an account, an account ID of 12 digits, or "*"',
  };
}

/** Returns the principals of a trust policy that IAM looks up: roles, users, accounts and identity providers. */
export function principalsIn(document: Json): readonly string[] {
  const found = (isObject(document) ? statementsOf(document) : []).flatMap((statement) =>
    ['Principal', 'NotPrincipal'].flatMap((field) => {
      const principal = isObject(statement) ? ownValue(statement, field) : undefined;
      if (!isObject(principal)) return [];
      return ['AWS', 'Federated'].flatMap((type) => strings(asList(ownValue(principal, type) ?? [])));
    }),
  );
  return [...new Set(found.filter((text) => text !== '*'))];
}
