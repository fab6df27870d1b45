import type { DesiredEntity, JsonObject } from '../../src/contract/entity.js';

/**
 * A second opinion on guardrails, written from docs/guardrails.md. It shares no code with the evaluation: patterns become
 * regular expressions, and a document is judged by asking about each action, account and token of a small world.
 */

/** Rules of a file or of an account, as they are written. */
export interface WrittenRules {
  readonly namespaces?: readonly string[];
  readonly entities?: {
    readonly kinds?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
    readonly names?: readonly string[];
    readonly paths?: readonly string[];
  };
  readonly permissionsBoundary?: { readonly required: string };
  readonly grants?: {
    readonly denyActions?: readonly string[];
    readonly denyWildcardAction?: boolean | 'service';
    readonly denyManagedPolicies?: readonly string[];
    readonly allowManagedPolicies?: readonly string[];
  };
  readonly trust?: {
    readonly denyAnyone?: boolean;
    readonly accounts?: readonly string[];
    readonly providers?: readonly string[];
    readonly requireSubject?: readonly string[];
  };
  readonly adopt?: { readonly foreign: 'allow' | 'deny' };
  readonly destroy?: 'allow' | 'deny';
  readonly replace?: 'allow' | 'deny';
  readonly unmanaged?: { readonly remove: 'allow' | 'deny' };
}

/** A file as it is written. */
export interface WrittenGuardrails extends WrittenRules {
  readonly version: 1;
  readonly accounts: Readonly<Record<string, WrittenRules & { readonly environments?: readonly string[] }>>;
}

/** The values of a request. */
export interface JudgedRequest {
  readonly account: string;
  readonly namespace: string;
  readonly environment: string;
}

/** What is found: the rules that must refuse, and those that may do so out of caution. */
export interface Judgement {
  readonly must: ReadonlySet<string>;
  readonly may: ReadonlySet<string>;
}

/** The entity that is judged, as a manifest declares it. */
export interface JudgedEntity extends Pick<DesiredEntity, 'kind' | 'name' | 'state' | 'observe' | 'adopt' | 'replace'> {
  readonly renamedFrom?: string | undefined;
  readonly unmanaged: 'keep' | 'remove';
  readonly spec: JsonObject;
  readonly existingPath: string | null;
  readonly declaredPolicies: readonly string[];
}

const WITH_PATH = ['Role', 'User', 'Group', 'Policy', 'InstanceProfile'];

/** Turns a pattern into a regular expression. Values of the request are plain text in it. */
function regexOf(pattern: string, request: JudgedRequest | undefined, flags = 's'): RegExp {
  const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
  const values: Readonly<Record<string, string>> = { partition: 'aws', ...request };
  const source = pattern
    .split(/(\{\{\w+\}\}|\*|\?)/)
    .map((part) => {
      if (part === '*') return '.*';
      if (part === '?') return '.';
      const name = /^\{\{(\w+)\}\}$/.exec(part)?.[1];
      return quoted(name === undefined ? part : (values[name] ?? ''));
    })
    .join('');
  return new RegExp(`^${source}$`, flags);
}

function isIn(patterns: readonly string[], text: string, request: JudgedRequest, flags = 's'): boolean {
  return patterns.some((pattern) => regexOf(pattern, request, flags).test(text));
}

class Findings {
  readonly must = new Set<string>();
  readonly may = new Set<string>();

  refuse(rule: string, isCertain = true): void {
    (isCertain ? this.must : this.may).add(rule);
  }
}

/** Returns the rules that apply to a request. Undefined where its account may not be named. */
function rulesFor(file: WrittenGuardrails, { account }: JudgedRequest): readonly WrittenRules[] | undefined {
  const own = file.accounts[account] ?? file.accounts['*'];
  return own === undefined ? undefined : [file, own];
}

/** Judges the namespace, the account and the environment of a request. */
export function judgeRequest(file: WrittenGuardrails, request: JudgedRequest): Judgement {
  const found = new Findings();
  const rules = rulesFor(file, request);
  if (rules === undefined) found.refuse('accounts');
  for (const { namespaces } of rules ?? []) {
    if (namespaces !== undefined && !isIn(namespaces, request.namespace, request)) found.refuse('namespaces');
  }
  const environments = (file.accounts[request.account] ?? file.accounts['*'])?.environments;
  if (environments !== undefined && !isIn(environments, request.environment, request)) found.refuse('environments');
  return found;
}

/** Judges an entity that a request declares. */
export function judgeEntity(file: WrittenGuardrails, request: JudgedRequest, entity: JudgedEntity): Judgement {
  const found = new Findings();
  if (entity.observe) return found;
  for (const rules of rulesFor(file, request) ?? [file]) {
    judgeNames(rules, request, entity, found);
    judgeChange(rules, entity, found);
    judgeBoundary(rules, request, entity, found);
    if (entity.state !== 'present') continue;
    const { assumeRolePolicyDocument, inlinePolicies, policyDocument, managedPolicyArns } = entity.spec;
    const documents = [
      ...Object.values((inlinePolicies ?? {}) as JsonObject),
      ...(policyDocument === undefined ? [] : [policyDocument]),
    ];
    for (const document of documents) judgeDocument(rules, document as JsonObject, found);
    if (assumeRolePolicyDocument !== undefined)
      judgeTrust(rules, request, assumeRolePolicyDocument as JsonObject, found);
    for (const arn of (managedPolicyArns ?? []) as string[]) {
      judgeAttachment(rules, request, arn, entity.declaredPolicies.includes(arn), found);
    }
  }
  return found;
}

function isNameAllowed({ entities }: WrittenRules, request: JudgedRequest, kind: string, name: string): boolean {
  const patterns = entities?.names?.map((pattern) => {
    const [, own, rest] = /^([A-Z]\w*)\/(.*)$/s.exec(pattern) ?? [];
    return own === kind ? (rest ?? '') : pattern;
  });
  return patterns === undefined || isIn(patterns, name, request);
}

function judgeNames(rules: WrittenRules, request: JudgedRequest, entity: JudgedEntity, found: Findings): void {
  const { kinds, paths } = rules.entities ?? {};
  const { kind, name, renamedFrom, spec, state, existingPath } = entity;
  if (kinds?.allow !== undefined && !kinds.allow.includes(kind)) found.refuse('entities.kinds.allow');
  if (kinds?.deny?.includes(kind) === true) found.refuse('entities.kinds.deny');
  const named: (readonly [string, string])[] = [[kind, name]];
  if (renamedFrom !== undefined) named.push([kind, renamedFrom]);
  if (state === 'present') {
    if (kind === 'Group') named.push(...((spec['users'] ?? []) as string[]).map((user) => ['User', user] as const));
    if (kind === 'InstanceProfile')
      named.push(...((spec['roles'] ?? []) as string[]).map((role) => ['Role', role] as const));
  }
  if (named.some(([of, one]) => !isNameAllowed(rules, request, of, one))) found.refuse('entities.names');
  if (paths === undefined || !WITH_PATH.includes(kind)) return;
  const own = spec['path'] as string | undefined;
  const held = [
    own,
    existingPath ?? undefined,
    own === undefined && existingPath === null && state === 'present' ? '/' : undefined,
  ];
  if (held.some((path) => path !== undefined && !isIn(paths, path, request))) found.refuse('entities.paths');
}

function judgeChange(
  { adopt, destroy, replace, unmanaged }: WrittenRules,
  entity: JudgedEntity,
  found: Findings,
): void {
  const isPresent = entity.state === 'present';
  if (adopt?.foreign === 'deny' && entity.adopt === 'foreign') found.refuse('adopt.foreign');
  if (destroy === 'deny' && ['absent', 'destroyed'].includes(entity.state)) found.refuse('destroy');
  if (replace === 'deny' && isPresent && entity.replace === true) found.refuse('replace');
  if (unmanaged?.remove === 'deny' && isPresent && entity.unmanaged === 'remove') found.refuse('unmanaged.remove');
}

function requiredBoundary({ permissionsBoundary }: WrittenRules, { account }: JudgedRequest): string | undefined {
  return permissionsBoundary?.required.replace('{{account}}', account).replace('{{partition}}', 'aws');
}

function judgeBoundary(rules: WrittenRules, request: JudgedRequest, entity: JudgedEntity, found: Findings): void {
  const required = requiredBoundary(rules, request);
  if (required === undefined) return;
  const { kind, name, renamedFrom, state, spec } = entity;
  if (['Role', 'User'].includes(kind) && state === 'present' && spec['permissionsBoundary'] !== required) {
    found.refuse('permissionsBoundary.required');
  }
  const policyName = required.split('/').at(-1)?.toLowerCase();
  const names = [name, renamedFrom].map((one) => one?.toLowerCase());
  if (kind === 'Policy' && names.includes(policyName)) found.refuse('permissionsBoundary.required');
}

/** All texts of some letters up to a length. */
function texts(letters: string, length: number): readonly string[] {
  if (length === 0) return [''];
  const shorter = texts(letters, length - 1);
  return [...new Set([...shorter, ...shorter.flatMap((text) => Array.from(letters, (letter) => text + letter))])];
}

/**
 * The actions that are asked about. `z` stands for every letter that no pattern has. The patterns are short: where two of
 * them have a text in common, they have one of these.
 */
const WORLD: readonly string[] = texts('stz', 2)
  .filter((service) => service !== '')
  .flatMap((service) => texts('abz', 4).flatMap((name) => (name === '' ? [] : [`${service}:${name}`])));

const SERVICES = [...new Set(WORLD.map((action) => action.slice(0, action.indexOf(':'))))].map((service) =>
  WORLD.filter((action) => action.startsWith(`${service}:`)),
);

const asTexts = (value: unknown): readonly string[] => (Array.isArray(value) ? (value as string[]) : [value as string]);

function statementsOf(document: JsonObject): readonly JsonObject[] {
  const statements = document['Statement'];
  return (Array.isArray(statements) ? statements : [statements]) as readonly JsonObject[];
}

const compiled = new Map<string, ReadonlySet<string>>();

/** Returns the actions of the world that a pattern includes. */
function actionsOf(pattern: string): ReadonlySet<string> {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const regex = regexOf(pattern === '*' ? '*:*' : pattern, undefined, 'is');
  const found = new Set(WORLD.filter((action) => regex.test(action)));
  compiled.set(pattern, found);
  return found;
}

/** Judges a document by what it allows of the world. Denials, conditions and resources do not count. */
function judgeDocument({ grants }: WrittenRules, document: JsonObject, found: Findings): void {
  const allowed = new Set<string>();
  let isCautious = false;
  for (const { Effect, Action, NotAction } of statementsOf(document)) {
    if (Effect === 'Deny') continue;
    if (Action !== undefined)
      for (const one of asTexts(Action)) for (const action of actionsOf(one)) allowed.add(action);
    if (NotAction === undefined) continue;
    const named = asTexts(NotAction).map(actionsOf);
    // Several patterns may leave nothing out only together, and an action without a name is in no service.
    isCautious = true;
    for (const action of WORLD) if (!named.some((one) => one.has(action))) allowed.add(action);
  }
  for (const denied of grants?.denyActions ?? []) {
    const isAllowed = [...actionsOf(denied)].some((action) => allowed.has(action));
    if (isAllowed || isCautious) found.refuse('grants.denyActions', isAllowed);
  }
  const wildcard = grants?.denyWildcardAction ?? false;
  if (wildcard === false) return;
  const isAll = (actions: readonly string[]): boolean => actions.every((action) => allowed.has(action));
  const isRefused = wildcard === 'service' ? SERVICES.some(isAll) : SERVICES.every(isAll);
  // Wildcards in the name of a service, and NotAction, are refused as well.
  found.refuse('grants.denyWildcardAction', isRefused);
}

/** Judges a managed policy by the texts that can name it. */
function judgeAttachment(
  { grants }: WrittenRules,
  request: JudgedRequest,
  arn: string,
  isDeclared: boolean,
  found: Findings,
): void {
  const [, owner = '', pathAndName = ''] = /^arn:aws:iam::(\w+):policy\/(.*)$/s.exec(arn) ?? [];
  const spellings = [arn, pathAndName, pathAndName.split('/').at(-1) ?? ''];
  const isNamed = (patterns: readonly string[]): boolean => spellings.some((one) => isIn(patterns, one, request, 'is'));
  if (isNamed(grants?.denyManagedPolicies ?? [])) found.refuse('grants.denyManagedPolicies');
  if (isDeclared) return;
  if (grants?.allowManagedPolicies !== undefined) {
    if (!isNamed(grants.allowManagedPolicies)) found.refuse('grants.allowManagedPolicies');
    return;
  }
  if (owner === 'aws') return;
  if (grants?.denyActions !== undefined) found.refuse('grants.denyActions');
  else if (grants?.denyWildcardAction !== undefined && grants.denyWildcardAction !== false)
    found.refuse('grants.denyWildcardAction');
}

/** Someone who asks to assume a role: an account's caller, or the bearer of a token of an issuer. */
type Asker = { readonly account: string } | { readonly issuer: string; readonly sub: string; readonly aud: string };

const ISSUERS = ['token.actions.githubusercontent.com', 'idp.example.com'];
const STRANGER = '999999999999';
/** Subjects of tokens; an empty one is of a token without the claim. Policies name the organization acme only. */
const SUBJECTS = [
  'repo:acme/a:ref:main',
  'repo:acme/b:ref:main',
  'repo:acmeevil/a:ref:main',
  'repo:evil/a:ref:dev',
  '',
];

const ASKERS: readonly Asker[] = [
  ...['111111111111', '222222222222', '333333333333', STRANGER].map((account) => ({ account })),
  ...ISSUERS.flatMap((issuer) => SUBJECTS.map((sub) => ({ issuer, sub, aud: 'sts.amazonaws.com' }))),
];

/** Answers as AWS would whether a statement lets a caller in. */
function letsIn({ Principal, NotPrincipal, Condition }: JsonObject, asker: Asker): boolean {
  const isOf = ([type, value]: readonly [string, unknown]): boolean =>
    asTexts(value).some((one) => {
      if ('account' in asker) return type === 'AWS' && (one === '*' || one.includes(asker.account));
      return type === 'Federated' && one.endsWith(`oidc-provider/${asker.issuer}`);
    });
  const principals = Principal === '*' ? [['AWS', '*'] as const] : Object.entries((Principal ?? {}) as JsonObject);
  const isNamed =
    NotPrincipal === undefined ? principals.some(isOf) : !Object.entries(NotPrincipal as JsonObject).some(isOf);
  return (
    isNamed &&
    Object.entries((Condition ?? {}) as JsonObject).every(([operator, block]) =>
      Object.entries(block as JsonObject).every(([key, values]) => meets(operator, key, asTexts(values), asker)),
    )
  );
}

function meets(operator: string, key: string, values: readonly string[], asker: Asker): boolean {
  const [base, isOptional] = [
    operator.replace(/IfExists$/, '').replace(/^ForA\w+:/, ''),
    operator.endsWith('IfExists') || operator.startsWith('ForAllValues'),
  ];
  const claim = key.split(':').at(-1)?.toLowerCase() ?? '';
  const isOwn = 'issuer' in asker && key.toLowerCase().startsWith(`${asker.issuer}:`);
  const actual = (isOwn ? { sub: asker.sub, aud: asker.aud }[claim] : undefined) ?? '';
  if (actual === '') return isOptional || base === 'StringNotEquals';
  if (base === 'StringLike') return values.some((one) => regexOf(one, undefined).test(actual));
  if (base === 'StringEqualsIgnoreCase') return values.some((one) => one.toLowerCase() === actual.toLowerCase());
  if (base === 'StringNotEquals') return !values.includes(actual);
  return values.includes(actual);
}

/** Judges a trust policy by asking for everyone of the world whether the role could be assumed. */
function judgeTrust({ trust }: WrittenRules, request: JudgedRequest, document: JsonObject, found: Findings): void {
  if (trust === undefined) return;
  const statements = statementsOf(document).filter(({ Effect }) => Effect !== 'Deny');
  const admitted = (asker: Asker): boolean => statements.some((statement) => letsIn(statement, asker));
  const accounts = ASKERS.filter((asker) => 'account' in asker).filter(admitted);
  const { denyAnyone = false } = trust;
  for (const rule of ['denyAnyone', 'accounts', 'providers', 'requireSubject'] as const) {
    if (trust[rule] !== undefined && trust[rule] !== false) found.refuse(`trust.${rule}`, false);
  }
  const named = statements.some(({ Principal, NotPrincipal }) => {
    const isEveryone = Principal === '*' || asTexts((Principal as JsonObject | undefined)?.['AWS']).includes('*');
    return isEveryone || NotPrincipal !== undefined;
  });
  if (denyAnyone && named) found.refuse('trust.denyAnyone');
  const listed = trust.accounts;
  const isForeign = accounts.some(({ account }) => account !== request.account && listed?.includes(account) === false);
  if (isForeign) found.refuse(named && denyAnyone ? 'trust.denyAnyone' : 'trust.accounts');
  for (const issuer of ISSUERS) {
    const tokens = SUBJECTS.filter((sub) => admitted({ issuer, sub, aud: 'sts.amazonaws.com' }));
    if (tokens.length === 0) continue;
    const isUnlisted =
      trust.providers !== undefined &&
      !isIn(trust.providers, issuer, request) &&
      !isIn(trust.providers, `arn:aws:iam::${request.account}:oidc-provider/${issuer}`, request);
    if (isUnlisted && !named) found.refuse('trust.providers');
    if (named || tokens.every((sub) => sub.startsWith('repo:acme/'))) continue;
    if (denyAnyone) found.refuse('trust.denyAnyone');
    if (isIn(trust.requireSubject ?? [], issuer, request)) found.refuse('trust.requireSubject');
  }
}

/** One write as AWS has recorded it. `kind` and `name` are those of the entity that it is about. */
export interface JudgedWrite {
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly kind: string;
  readonly name: string;
}

/** Writes by which something leaves an entity. Guardrails do not judge what a removal takes along. */
const TAKES_ALONG = /^(Remove|Detach|Deactivate|DeleteVirtualMFADevice)/;

/** Returns the rules that a write breaks, by what AWS has recorded of it alone. */
export function judgeWrite(file: WrittenGuardrails, request: JudgedRequest, write: JudgedWrite): readonly string[] {
  const found = new Findings();
  for (const rules of rulesFor(file, request) ?? [file]) {
    judgeTargets(rules, request, write, found);
    judgeContents(rules, request, write, found);
  }
  return [...found.must];
}

function judgeTargets(rules: WrittenRules, request: JudgedRequest, write: JudgedWrite, found: Findings): void {
  const { operation, input, kind, name } = write;
  if (TAKES_ALONG.test(operation)) return;
  const { kinds } = rules.entities ?? {};
  const isListed = kinds?.allow?.includes(kind) !== false && kinds?.deny?.includes(kind) !== true;
  if (!isListed) found.refuse('entities.kinds');
  const isMember = /^Add(UserTo|RoleTo)/.test(operation);
  const members = [['User', input['UserName']] as const, ['Role', input['RoleName']] as const];
  const named = [[kind, name] as const, ...(isMember ? members : [])];
  const isRefused = named.some(([of, one]) => typeof one === 'string' && !isNameAllowed(rules, request, of, one));
  if (isRefused) found.refuse('entities.names');
  const deletes = `Delete${kind}` === operation;
  if (deletes && rules.destroy === 'deny' && rules.replace === 'deny') found.refuse('destroy');
}

function judgeContents(rules: WrittenRules, request: JudgedRequest, write: JudgedWrite, found: Findings): void {
  const { operation, input } = write;
  const required = requiredBoundary(rules, request);
  if (required !== undefined) {
    const sets = /^(Create(Role|User)|Put(Role|User)PermissionsBoundary)$/.test(operation);
    const isOther = sets && input['PermissionsBoundary'] !== required;
    if (isOther || /^Delete\w+PermissionsBoundary$/.test(operation)) found.refuse('permissionsBoundary.required');
  }
  if (operation.startsWith('Attach')) {
    const arn = input['PolicyArn'] as string;
    // Whether the request declares it is told by the request.
    judgeAttachment(rules, request, arn, !arn.includes('::aws:'), found);
  }
  for (const [member, value] of Object.entries(input)) {
    if (!member.endsWith('PolicyDocument')) continue;
    const isTrust = member === 'AssumeRolePolicyDocument' || operation === 'UpdateAssumeRolePolicy';
    const document = JSON.parse(value as string) as JsonObject;
    if (isTrust) judgeTrust(rules, request, document, found);
    else judgeActions(rules, document, found);
  }
}

/** Judges a document that names single actions. */
function judgeActions({ grants }: WrittenRules, document: JsonObject, found: Findings): void {
  const actions = statementsOf(document).flatMap(({ Effect, Action }) => (Effect === 'Deny' ? [] : asTexts(Action)));
  const denied = (grants?.denyActions ?? []).map((pattern) => regexOf(pattern, undefined, 'is'));
  if (actions.some((action) => denied.some((regex) => regex.test(action)))) found.refuse('grants.denyActions');
}
