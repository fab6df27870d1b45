import type { Json, JsonObject } from '../contract/entity.js';
import { isObject } from '../engine/json.js';
import { pathText } from '../engine/manifest/problem.js';
import { ACCOUNT_TEXTS, RULE_TEXTS, type Fill, type RuleText } from './explain-texts.js';
import type { Guardrails } from './parse.js';
import { covers, literalOf } from './patterns.js';
import { fillTemplates, patternOfKnown, type KnownValues } from './template.js';
import { accountKeyOf } from './violation.js';

/** Fields of a file that limit nothing themselves. `identity` says what the names in other rules stand for. */
const NO_LIMITS: readonly string[] = ['version', 'identity'];

/** One rule of a file, in words. */
export interface ExplainedRule {
  /** The rule, as a path in the file: `accounts.111111111111.namespaces`. */
  readonly rule: string;
  /** The position of the rule: `guardrails.yaml:12:5`. */
  readonly place: string;
  /** The thing that the rule limits: `namespaces`. */
  readonly subject: string;
  /** The sentence that says what the rule allows or denies. */
  readonly meaning: string;
}

/** The limits of one account. */
export interface ExplainedAccount {
  /** Twelve digits; `*` for all accounts that the file does not list. */
  readonly account: string;
  readonly rules: readonly ExplainedRule[];
  /** The subjects that no rule limits in this account. */
  readonly notLimited: readonly string[];
}

/** The limits that guardrails set, in words. */
export interface GuardrailsExplanation {
  readonly file: string;
  /** `sha256:…` of the file's text, as reports name it. */
  readonly digest: string;
  readonly accounts: readonly ExplainedAccount[];
  /** The reasons for which the account, the namespace or the environment that was asked for is not allowed. */
  readonly refused: readonly string[];
}

/** The values that a request could have. One that is undefined may be anything. */
export interface ExplanationFilter {
  readonly account?: string | undefined;
  readonly namespace?: string | undefined;
  readonly environment?: string | undefined;
}

/** Explains what guardrails allow in each account, or in those that allow what a request names. */
export function explainGuardrails(guardrails: Guardrails, filter: ExplanationFilter = {}): GuardrailsExplanation {
  const { file, digest, rules } = guardrails;
  const { account } = filter;
  const listed = account === undefined ? Object.keys(rules.accounts) : [accountKeyOf(guardrails, account) ?? []].flat();
  const judged = listed.map((key) => ({ key, refused: refusalsIn(guardrails, key, filter) }));
  const allowed = judged.filter(({ refused }) => refused.length === 0);
  const refused =
    listed.length === 0 ? [`account ${account ?? ''} is not allowed`] : judged.flatMap((one) => one.refused);
  return {
    file,
    digest,
    accounts: allowed.map(({ key }) => explainAccount(guardrails, key, filter)),
    refused: allowed.length > 0 ? [] : [...new Set(refused)],
  };
}

function refusalsIn(guardrails: Guardrails, key: string, filter: ExplanationFilter): readonly string[] {
  const { rules } = guardrails;
  const values = valuesOf(key, filter);
  const isListed = (texts: readonly string[] | undefined, text: string | undefined): boolean =>
    texts === undefined ||
    text === undefined ||
    texts.some((one) => covers(patternOfKnown(one, values), literalOf(text)));
  const own = rules.accounts[key];
  const { account = key, namespace, environment } = filter;
  const isNamespaceListed = isListed(rules.namespaces, namespace) && isListed(own?.namespaces, namespace);
  return [
    ...(isNamespaceListed ? [] : [`namespace ${namespace ?? ''} is not allowed in account ${account}`]),
    ...(isListed(own?.environments, environment)
      ? []
      : [`environment ${environment ?? ''} is not allowed in account ${account}`]),
  ];
}

function valuesOf(key: string, { account, namespace, environment }: ExplanationFilter): KnownValues {
  return { account: account ?? (key === '*' ? undefined : key), namespace, environment };
}

function explainAccount(guardrails: Guardrails, key: string, filter: ExplanationFilter): ExplainedAccount {
  const values = valuesOf(key, filter);
  const fill: Fill = (text) => fillTemplates(text, values);
  const { accounts, ...rest } = guardrails.rules;
  const general = Object.fromEntries(Object.entries(rest).filter(([name]) => !NO_LIMITS.includes(name)));
  const texts = [...ACCOUNT_TEXTS, ...RULE_TEXTS];
  const own: JsonObject = { ...(accounts[key] as JsonObject | undefined) };
  const leaves = [...leavesOf(general as JsonObject, []), ...leavesOf(own, ['accounts', key])];
  const order = ({ text }: Leaf): number => (text === undefined ? texts.length : texts.indexOf(text));
  const closed = leaves.filter(({ text, value }) => text?.isOpen?.(value) !== true);
  const rules = closed
    .sort((a, b) => order(a) - order(b))
    .map(({ path, value, text }) => ({
      rule: pathText(path),
      place: guardrails.placeOf(path),
      subject: text?.subject ?? pathText(path),
      meaning: text?.say(value, fill) ?? JSON.stringify(value),
    }));
  const isEntered = Object.hasOwn(own, 'assumeRole');
  return {
    account: filter.account ?? key,
    rules: [...(isEntered ? [] : [ownCredentials(guardrails, key)]), ...rules, ...unlistedSecrets(guardrails, leaves)],
    notLimited: openSubjects(closed),
  };
}

/** Returns the rule that is there by its absence: without `assumeRole`, a request names no role. */
function ownCredentials(guardrails: Guardrails, key: string): ExplainedRule {
  const path = ['accounts', key];
  return {
    rule: pathText(path),
    place: guardrails.placeOf(path),
    subject: 'role of the request',
    meaning: 'none: the worker uses its own credentials',
  };
}

/** Returns the sorts of secret locations that are denied because a list names others only. */
function unlistedSecrets(guardrails: Guardrails, leaves: readonly Leaf[]): readonly ExplainedRule[] {
  const secrets = RULE_TEXTS.filter(({ path }) => path[0] === 'secrets');
  const rules = leaves.filter(({ text }) => text !== undefined && secrets.includes(text));
  const [{ path } = { path: [] }] = rules;
  if (rules.length === 0) return [];
  const holder = path.slice(0, -1);
  return secrets
    .filter((text) => !rules.some((rule) => rule.text === text))
    .map(({ subject }) => ({
      rule: pathText(holder),
      place: guardrails.placeOf(holder),
      subject,
      meaning: 'none: the rule lists others only',
    }));
}

function openSubjects(closed: readonly Leaf[]): readonly string[] {
  const subjects = (texts: readonly RuleText[]): readonly string[] => texts.map(({ subject }) => subject);
  const isLimited = new Set(subjects(closed.flatMap(({ text }) => text ?? [])));
  if (closed.some(({ path }) => path.includes('secrets'))) {
    for (const { path, subject } of RULE_TEXTS) if (path[0] === 'secrets') isLimited.add(subject);
  }
  const limits = [...ACCOUNT_TEXTS.filter(({ path }) => path[0] === 'environments'), ...RULE_TEXTS];
  return [...new Set(subjects(limits))].filter((subject) => !isLimited.has(subject));
}

/** One rule with its value. `text` is undefined for a rule that is shown as it is written. */
interface Leaf {
  readonly path: readonly string[];
  readonly value: Json;
  readonly text: RuleText | undefined;
}

/** Finds the rules in an object. */
function leavesOf(value: Json, at: readonly string[], below: readonly string[] = []): readonly Leaf[] {
  const path = [...at, ...below];
  const text = [...ACCOUNT_TEXTS, ...RULE_TEXTS].find((one) => one.path.join('\0') === below.join('\0'));
  if (text !== undefined || !isObject(value)) return [{ path, value, text }];
  return Object.entries(value).flatMap(([name, member]) => leavesOf(member, at, [...below, name]));
}
