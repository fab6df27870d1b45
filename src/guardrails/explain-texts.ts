import type { Json, JsonObject } from '../contract/entity.js';
import { asList, isObject } from '../contract/json.js';

/** Fills the templates of a text whose values are known. */
export type Fill = (text: string) => string;

/** One rule for people: its path, its subject and its meaning. */
export interface RuleText {
  readonly path: readonly string[];
  readonly subject: string;
  readonly say: (value: Json, fill: Fill) => string;
  /** Reports whether a value limits nothing, as in `destroy: allow`. */
  readonly isOpen?: (value: Json) => boolean;
}

type Say = RuleText['say'];

const listed: Say = (value, fill) =>
  asList(value)
    .map((member) => (typeof member === 'string' ? fill(member) : JSON.stringify(member)))
    .join(', ');
const only: Say = (value, fill) => `only ${listed(value, fill)}`;
const none: Say = (value, fill) => `none of ${listed(value, fill)}`;
/** Returns a value as it is written. */
const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Names groups, and issuers with the claims that they have to prove. */
const who: Say = (value, fill) =>
  asList(value)
    .map((one) =>
      isObject(one)
        ? Object.entries(one)
            .map(([name, pattern]) => `${name} ${fill(textOf(pattern))}`)
            .join(', ')
        : `group ${textOf(one)}`,
    )
    .join(' or ');
const denied: Say = () => 'denied';
const isFalse = (value: Json): boolean => value === false;
const isOff = (value: Json): boolean => value === 'off';
const isAllow = (value: Json): boolean => value === 'allow';

/** The rules that only an account can hold. */
export const ACCOUNT_TEXTS: readonly RuleText[] = [
  { path: ['assumeRole'], subject: 'role of the request', say: only },
  { path: ['planRole'], subject: 'role of plans', say: listed },
  { path: ['externalId'], subject: 'external ID', say: () => 'given by the worker' },
  { path: ['environments'], subject: 'environments', say: only },
];

/** The rules that both a file and an account can hold, in the order of the documentation. */
export const RULE_TEXTS: readonly RuleText[] = [
  { path: ['namespaces'], subject: 'namespaces', say: only },
  { path: ['entities', 'kinds', 'allow'], subject: 'kinds', say: only },
  { path: ['entities', 'kinds', 'deny'], subject: 'kinds', say: none },
  { path: ['entities', 'names'], subject: 'names', say: only },
  { path: ['entities', 'paths'], subject: 'paths', say: only },
  {
    path: ['permissionsBoundary', 'required'],
    subject: 'permissions boundary',
    say: (value, fill) => `every role and user has ${listed(value, fill)}`,
  },
  { path: ['grants', 'denyActions'], subject: 'granted actions', say: none },
  {
    path: ['grants', 'denyWildcardAction'],
    subject: 'wildcard actions',
    say: (value) => (value === 'service' ? 'neither every action nor every action of a service' : 'not every action'),
    isOpen: isFalse,
  },
  {
    path: ['grants', 'allowManagedPolicies'],
    subject: 'managed policies',
    say: (value, fill) => `${only(value, fill)}, and those that the same manifest declares`,
  },
  { path: ['grants', 'denyManagedPolicies'], subject: 'managed policies', say: none },
  { path: ['trust', 'denyAnyone'], subject: 'trust in everyone', say: denied, isOpen: isFalse },
  {
    path: ['trust', 'accounts'],
    subject: 'trusted accounts',
    say: (value, fill) => `only the own one and ${listed(value, fill)}`,
  },
  { path: ['trust', 'providers'], subject: 'trusted identity providers', say: only },
  {
    path: ['trust', 'requireSubject'],
    subject: 'trusted tokens',
    say: (value, fill) => `only certain subjects of ${listed(value, fill)}`,
  },
  {
    path: ['accessAnalyzer', 'validatePolicy'],
    subject: 'policy findings',
    say: (value) =>
      value === 'error' ? 'errors and security warnings of Access Analyzer are refused' : 'shown as warnings',
    isOpen: isOff,
  },
  {
    path: ['accessAnalyzer', 'checkNoNewAccess'],
    subject: 'new access',
    say: (value) => (value === 'error' ? 'refused in policies that exist' : 'shown as a warning'),
    isOpen: isOff,
  },
  {
    path: ['accessAnalyzer', 'unavailable'],
    subject: 'policy findings',
    say: (value) => `a policy that cannot be checked is ${value === 'error' ? 'refused' : 'shown with a warning'}`,
  },
  {
    path: ['accessAnalyzer', 'allowSuppressions'],
    subject: 'policy findings',
    say: (value, fill) => `a manifest may suppress ${listed(value, fill)}`,
  },
  { path: ['adopt', 'foreign'], subject: 'adopt: foreign', say: denied, isOpen: isAllow },
  { path: ['destroy'], subject: 'deletions', say: denied, isOpen: isAllow },
  { path: ['replace'], subject: 'replacements', say: denied, isOpen: isAllow },
  { path: ['unmanaged', 'remove'], subject: 'unmanaged: remove', say: denied, isOpen: isAllow },
  { path: ['secrets', 'files'], subject: 'secret files', say: only },
  { path: ['secrets', 'secretsManager'], subject: 'secrets in AWS Secrets Manager', say: only },
  { path: ['apply', 'only'], subject: 'who applies', say: (value, fill) => `only ${who(value, fill)}, proven` },
  {
    path: ['apply', 'approval'],
    subject: 'approvals',
    say: (value, fill) => {
      const { by = [], count = 1, not } = value as JsonObject;
      return `${textOf(count)} of ${who(by, fill)}, proven${not === undefined ? '' : ', and not the requester'}`;
    },
  },
];
