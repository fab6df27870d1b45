import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { JsonObject } from '../../src/contract/entity.js';

/** An entity that a run may have made. */
export interface MadeEntity {
  /** `Role` */
  readonly kind: string;
  /** The part of the name that the run has chosen. */
  readonly name: string;
  /** The properties that a read needs. */
  readonly spec: JsonObject;
}

/** The settings of an account that a run writes, with the values as texts. */
export type Setting = 'AccountPasswordPolicy' | 'SecurityTokenServicePreferences';

/** An entity that a run may have made, and that is not known to be deleted. */
export interface OutstandingEntity extends MadeEntity {
  /** True where AWS has answered its Create with a success. */
  readonly isCertain: boolean;
  /** True where its Delete was sent, and not refused. */
  readonly isDeleting: boolean;
  /** The time of its Create, in milliseconds. */
  readonly at: number;
}

/** The time in which AWS may not show everywhere what was created, and the clock that measures it. */
export interface Propagation {
  readonly windowMs: number;
  readonly now: () => number;
}

const AT_ONCE: Propagation = { windowMs: 0, now: Date.now };

type Params = Readonly<Record<string, string>>;

/** One line of the file. `create` is written before the call is sent. */
type Line =
  | { readonly event: 'run'; readonly account: string; readonly start: string; readonly temporary: string | null }
  | ({ readonly event: 'create' | 'created'; readonly at: number } & MadeEntity)
  | ({ readonly event: 'refused' | 'deleting' | 'kept' | 'deleted' } & MadeEntity)
  | { readonly event: 'setting'; readonly setting: Setting; readonly value: string };

/** Creates with the kind of entity, the parameter with its name, and the properties that a read needs. */
const CREATES: Readonly<Record<string, readonly [kind: string, name: string, spec: (params: Params) => JsonObject]>> = {
  CreateRole: ['Role', 'RoleName', ({ RoleName = '' }) => ({ roleName: RoleName })],
  CreateUser: ['User', 'UserName', ({ UserName = '' }) => ({ userName: UserName })],
  CreateGroup: ['Group', 'GroupName', ({ GroupName = '' }) => ({ groupName: GroupName })],
  CreatePolicy: ['Policy', 'PolicyName', ({ PolicyName = '', Path = '/' }) => ({ policyName: PolicyName, path: Path })],
  CreateInstanceProfile: ['InstanceProfile', 'InstanceProfileName', named('instanceProfileName')],
  CreateOpenIDConnectProvider: ['OpenIDConnectProvider', 'Url', ({ Url = '' }) => ({ url: Url })],
  CreateSAMLProvider: ['SAMLProvider', 'Name', ({ Name = '' }) => ({ name: Name })],
  UploadServerCertificate: ['ServerCertificate', 'ServerCertificateName', named('serverCertificateName')],
  CreateVirtualMFADevice: [
    'VirtualMFADevice',
    'VirtualMFADeviceName',
    ({ VirtualMFADeviceName = '', Path = '/' }) => ({ virtualMfaDeviceName: VirtualMFADeviceName, path: Path }),
  ],
  CreateServiceLinkedRole: [
    'ServiceLinkedRole',
    'CustomSuffix',
    ({ AWSServiceName = '', CustomSuffix = '' }) => ({ awsServiceName: AWSServiceName, customSuffix: CustomSuffix }),
  ],
  CreateAccountAlias: ['AccountAlias', 'AccountAlias', ({ AccountAlias = '' }) => ({ accountAliases: [AccountAlias] })],
};

/** Deletes with the kind and the parameter that ends with the name. */
const DELETES: Readonly<Record<string, readonly [kind: string, name: string]>> = {
  DeleteRole: ['Role', 'RoleName'],
  DeleteUser: ['User', 'UserName'],
  DeleteGroup: ['Group', 'GroupName'],
  DeletePolicy: ['Policy', 'PolicyArn'],
  DeleteInstanceProfile: ['InstanceProfile', 'InstanceProfileName'],
  DeleteOpenIDConnectProvider: ['OpenIDConnectProvider', 'OpenIDConnectProviderArn'],
  DeleteSAMLProvider: ['SAMLProvider', 'SAMLProviderArn'],
  DeleteServerCertificate: ['ServerCertificate', 'ServerCertificateName'],
  DeleteVirtualMFADevice: ['VirtualMFADevice', 'SerialNumber'],
  DeleteAccountAlias: ['AccountAlias', 'AccountAlias'],
  DeleteServiceLinkedRole: ['ServiceLinkedRole', 'RoleName'],
};

const SETTINGS: Readonly<Record<string, Setting>> = {
  UpdateAccountPasswordPolicy: 'AccountPasswordPolicy',
  SetSecurityTokenServicePreferences: 'SecurityTokenServicePreferences',
};

/**
 * What a run has made and not deleted yet, in a file. Each Create is written down before it is sent, so that the
 * leftovers of a run that was killed are known, even where AWS does not list them yet.
 */
export class Ledger {
  readonly path: string;
  readonly #header: Line;
  readonly #propagation: Propagation;
  readonly #standing = new Map<string, OutstandingEntity>();
  readonly #written = new Map<Setting, Set<string>>();
  #isOpen = false;
  #isOf: string | null = null;
  #temporary: string | null = null;

  constructor(
    path: string,
    account: string,
    start: string,
    temporary: string | null = null,
    propagation: Propagation = AT_ONCE,
  ) {
    this.path = path;
    this.#propagation = propagation;
    this.#header = { event: 'run', account, start, temporary };
  }

  /** Reads the ledger of a run that has ended and left it; undefined where there is none, or one of another account. */
  static read(folder: string, account: string, start: string, propagation = AT_ONCE): Ledger | undefined {
    const path = ledgerPath(folder, start);
    if (!existsSync(path)) return undefined;
    const ledger = new Ledger(path, account, start, null, propagation);
    ledger.#isOpen = true;
    // The last line may have been cut when the run was killed.
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    for (const text of lines) ledger.#apply(JSON.parse(text) as Line);
    return ledger.#isOf === account ? ledger : undefined;
  }

  /** Returns the reason for which {@link Ledger.read} finds no ledger. `others` are folders that may have it. */
  static whyMissing(folder: string, start: string, others: readonly string[]): string {
    const path = ledgerPath(folder, start);
    if (existsSync(path)) return `${path} is of another account`;
    const elsewhere = others.find((other) => existsSync(ledgerPath(other, start)));
    if (elsewhere !== undefined) return `the ledger of the run is in another folder: use --output ${elsewhere}`;
    return `${path} is missing`;
  }

  /** Reads the ledgers of all runs in an account that have left theirs in a folder. */
  static inFolder(folder: string, account: string): Ledger[] {
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names.flatMap((name) => {
      const start = /^acceptance-ledger-(.+)\.jsonl$/.exec(name)?.[1];
      return (start === undefined ? undefined : Ledger.read(folder, account, `${start}-`)) ?? [];
    });
  }

  /** The folder for temporary files of the run that was read. */
  get temporary(): string | null {
    return this.#temporary;
  }

  /** Writes down a write that is about to be sent. */
  before(action: string, params: Params): void {
    const setting = SETTINGS[action];
    const made = madeBy(action, params);
    if (setting !== undefined) this.#append({ event: 'setting', setting, value: settingOf(action, params) });
    else if (made !== undefined) this.#append({ event: 'create', ...made, at: this.#propagation.now() });
    const deleted = deletedBy(action, params);
    if (deleted !== undefined) this.#append({ event: 'deleting', ...deleted });
  }

  /** Writes down the answer to a write: status 0 where none came. */
  after(action: string, params: Params, status: number): void {
    const made = madeBy(action, params);
    if (made !== undefined) {
      if (status >= 200 && status < 300) this.#append({ event: 'created', ...made, at: this.#propagation.now() });
      else if (status >= 400 && status < 500) this.#append({ event: 'refused', ...made });
      return;
    }
    const deleted = deletedBy(action, params);
    if (deleted === undefined) return;
    const { windowMs, now } = this.#propagation;
    const present = this.#standing.get(keyOf(deleted));
    // Soon after a Create, 404 may come from a replica that does not know the entity yet.
    const isGone = status === 404 && (present === undefined || now() - present.at >= windowMs);
    if (isGone || (status >= 200 && status < 300)) {
      // AWS deletes a service-linked role later.
      if (isGone || deleted.kind !== 'ServiceLinkedRole') this.#append({ event: 'deleted', ...deleted });
    } else if (status >= 400 && status < 500) this.#append({ event: 'kept', ...deleted });
  }

  /** Writes down that a deletion that AWS had begun is done. */
  confirmDeleted(made: MadeEntity): void {
    this.#append({ event: 'deleted', ...made });
  }

  /** Returns what was made, or may have been made, and was not deleted. */
  outstanding(): OutstandingEntity[] {
    return [...this.#standing.values()];
  }

  /** Reports whether the run has written this value of a setting. */
  hasWritten(setting: Setting, value: string): boolean {
    return this.#written.get(setting)?.has(value) === true;
  }

  /** Reports whether the run has written any setting of the account. */
  get hasSettings(): boolean {
    return this.#written.size > 0;
  }

  /** Removes the file: nothing is left. */
  remove(): void {
    rmSync(this.path, { force: true });
  }

  #append(line: Line): void {
    if (!this.#isOpen) {
      mkdirSync(dirname(this.path), { recursive: true });
      appendFileSync(this.path, `${JSON.stringify(this.#header)}\n`, { mode: 0o600 });
      this.#isOpen = true;
    }
    this.#apply(line);
    appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }

  #apply(line: Line): void {
    if (line.event === 'run') {
      this.#isOf = line.account;
      this.#temporary = line.temporary;
      return;
    }
    if (line.event === 'setting') {
      this.#written.set(line.setting, (this.#written.get(line.setting) ?? new Set()).add(line.value));
      return;
    }
    const { event, kind, name, spec } = line;
    const key = keyOf(line);
    const present = this.#standing.get(key);
    if (event === 'deleted' || (event === 'refused' && present?.isCertain === false)) this.#standing.delete(key);
    if (event === 'created' || (event === 'create' && present === undefined)) {
      const isCertain = event === 'created';
      this.#standing.set(key, { kind, name, spec, isCertain, isDeleting: false, at: line.at });
    }
    if (present !== undefined && (event === 'deleting' || event === 'kept')) {
      this.#standing.set(key, { ...present, isDeleting: event === 'deleting' });
    }
  }
}

function keyOf({ kind, name }: Pick<MadeEntity, 'kind' | 'name'>): string {
  return `${kind}/${name.toLowerCase()}`;
}

/** Returns the path of a run's ledger. */
export function ledgerPath(folder: string, start: string): string {
  return join(folder, `acceptance-ledger-${start.replace(/-$/, '')}.jsonl`);
}

/** Returns a password policy as one text, with AWS's value for what was left out. */
export function passwordPolicyText(values: Readonly<Record<string, string | number | boolean | null>>): string {
  const flags = ['RequireSymbols', 'RequireNumbers', 'RequireUppercaseCharacters', 'RequireLowercaseCharacters'];
  return [
    `MinimumPasswordLength=${String(values['MinimumPasswordLength'] ?? 6)}`,
    ...[...flags, 'AllowUsersToChangePassword', 'HardExpiry'].map((name) => `${name}=${String(values[name] ?? false)}`),
    ...['MaxPasswordAge', 'PasswordReusePrevention'].map((name) => `${name}=${String(values[name] ?? 0)}`),
  ].join(' ');
}

function settingOf(action: string, params: Params): string {
  if (action === 'UpdateAccountPasswordPolicy') return passwordPolicyText(params);
  return params['GlobalEndpointTokenVersion'] ?? '';
}

function named(property: string): (params: Params) => JsonObject {
  return (params) => ({ [property]: Object.entries(params).find(([name]) => name.endsWith('Name'))?.[1] ?? '' });
}

function madeBy(action: string, params: Params): MadeEntity | undefined {
  const found = CREATES[action];
  if (found === undefined) return undefined;
  const [kind, name, spec] = found;
  return { kind, name: lastOf(params[name]), spec: spec(params) };
}

function deletedBy(action: string, params: Params): MadeEntity | undefined {
  const found = DELETES[action];
  if (found === undefined) return undefined;
  const name = lastOf(params[found[1]]);
  // The name of a service-linked role ends with its suffix.
  return {
    kind: found[0],
    name: found[0] === 'ServiceLinkedRole' ? name.slice(name.indexOf('_') + 1) : name,
    spec: {},
  };
}

function lastOf(text = ''): string {
  return text.slice(text.lastIndexOf('/') + 1);
}
