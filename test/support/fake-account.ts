import { Reader } from '../../src/aws/reader.js';
import type { Send } from '../../src/aws/reader.js';
import { AccountGuard } from '../../src/aws/guard.js';
import type { AwsClients } from '../../src/aws/clients.js';
import type { FullEvent } from '../../src/aws/trail.js';
import type { SecretRecord } from '../../src/aws/secret-store.js';
import type { Account } from '../../src/activities/runtime/accounts.js';

export const TARGET = { account: '111111111111', partition: 'aws' };

/** Ownership tags of what namespace `ci` created. */
export const OWNED_TAGS = {
  'iam-bootstrap:namespace': 'ci',
  'iam-bootstrap:origin': 'created',
  'iam-bootstrap:intent': '11111111-2222-4333-8444-555555555555',
};

type Input = Readonly<Record<string, unknown>>;

/** An entity of the fake account. The tags are AWS's list, as a map. */
interface Item {
  readonly name: string;
  readonly createdAt: Date;
  readonly tags: Map<string, string>;
  readonly input: Input;
}

interface Fault {
  readonly operation: string;
  readonly code: string;
  readonly isCarriedOut: boolean;
  readonly message: string;
}

/** Returns an error as the AWS SDK throws it; a code in capitals is one of the network, without an answer. */
export function awsFailure(code: string, operation: string, message = code): Error {
  const $metadata = /^E[A-Z]+$/.test(code) ? {} : { httpStatusCode: 400, requestId: `request-of-${operation}` };
  return Object.assign(new Error(message), { name: code, Code: code, operation, $metadata });
}

/** Roles, groups, access keys and the alias of an account in memory, behind the clients that activities use. */
export class FakeAccount implements Account {
  readonly target = TARGET;
  readonly clients: { -readonly [Member in keyof AwsClients]: AwsClients[Member] };
  readonly guard: AccountGuard;
  /** By kind and name in lower case: `Role/deploy`. */
  readonly items = new Map<string, Item>();
  /** Operations that were carried out or refused, in order. */
  readonly writes: string[] = [];
  readonly secrets = new Map<string, SecretRecord>();
  readonly events: FullEvent[] = [];
  callerAccount = TARGET.account;
  /** The lead of AWS's clock over the one of this process. */
  clockAheadMs = 0;
  /** Reads of an entity that are answered by a replica which does not show it yet. */
  staleReads = 0;
  /** Runs before each write. */
  beforeWrite: (operation: string) => void = () => undefined;
  /** Reports the reads that AWS denies. */
  refuse: (operation: string, input: Input) => boolean = () => false;
  /** The tags that the tag index shows, by ARN; null where it is not in use. */
  tagsInIndex: ReadonlyMap<string, Readonly<Record<string, string>>> | null = null;
  readonly #faults: Fault[] = [];

  constructor() {
    const send = (operation: string, input: Input): Promise<unknown> =>
      Promise.resolve().then(() => this.#read(operation, input));
    this.clients = {
      reader: new Reader(send as unknown as Send, (location) => this.clients.secrets.readRecord(location)),
      turn: () => Promise.resolve(),
      write: async (operation, input, lastCheck) => {
        this.beforeWrite(operation);
        lastCheck?.('AKIAWORKER');
        return { requestId: `request-of-${operation}`, output: await Promise.resolve(this.#write(operation, input)) };
      },
      secrets: {
        readText: () => Promise.resolve(undefined),
        readRecord: (location) => Promise.resolve(this.secrets.get(JSON.stringify(location))),
        writeRecord: (location, record) => Promise.resolve(void this.secrets.set(JSON.stringify(location), record)),
      },
      tagIndex: {
        isInUse: () => this.tagsInIndex !== null,
        tagsOf: (arns) => Promise.resolve(new Map([...(this.tagsInIndex ?? [])].filter(([arn]) => arns.includes(arn)))),
      },
      policyAnalyzer: {
        validate: () => Promise.resolve([]),
        compare: () => Promise.resolve([]),
      },
      organization: {
        accounts: () => Promise.resolve([]),
        accountsOf: () => Promise.resolve([]),
        unitsOf: () => Promise.resolve([]),
        tagsOf: () => Promise.resolve({}),
      },
      eventHistory: { lookUp: () => Promise.resolve({ events: this.events, truncated: false }) },
      topics: { publish: () => Promise.reject(new Error('no topics')) },
      callerIdentity: () =>
        Promise.resolve({ account: this.callerAccount, partition: 'aws', arn: 'arn:aws:iam::1:role/w' }),
      now: () => this.#now().getTime(),
      accessKeyId: () => Promise.resolve('AKIAWORKER'),
      renewCredentials: () => Promise.resolve(),
      destroy: () => undefined,
    };
    this.guard = new AccountGuard(this.clients, TARGET);
  }

  /** Has the next call of an operation fail, after AWS carried it out where that is given. */
  failNext(operation: string, code: string, { isCarriedOut = false, message = code } = {}): void {
    this.#faults.push({ operation, code, isCarriedOut, message });
  }

  add(
    id: string,
    {
      tags = {},
      createdAt = this.#now(),
      input = {},
    }: { tags?: Record<string, string>; createdAt?: Date; input?: Input } = {},
  ): void {
    const name = id.slice(id.indexOf('/') + 1);
    this.items.set(id.toLowerCase(), { name, createdAt, tags: new Map(Object.entries(tags)), input });
  }

  tagsOf(id: string): Readonly<Record<string, string>> {
    return Object.fromEntries(this.items.get(id.toLowerCase())?.tags ?? []);
  }

  /** AWS's dates have no fractions of a second. */
  #now(): Date {
    return new Date(Math.floor((Date.now() + this.clockAheadMs) / 1_000) * 1_000);
  }

  #find(kind: string, name: unknown): Item {
    const item = this.items.get(`${kind}/${String(name)}`.toLowerCase());
    if (this.staleReads > 0 && item !== undefined) this.staleReads -= 1;
    else if (item !== undefined) return item;
    throw awsFailure('NoSuchEntity', `Get${kind}`);
  }

  #read(operation: string, input: Input): unknown {
    this.#throwFault(operation, false);
    if (this.refuse(operation, input)) throw awsFailure('AccessDenied', operation);
    const detail = ({ name, createdAt, tags, input: created }: Item, kind: string): Input => ({
      Path: '/',
      ...created,
      [`${kind}Name`]: name,
      Arn: `arn:aws:iam::${TARGET.account}:${kind.toLowerCase()}/${name}`,
      CreateDate: createdAt,
      Tags: [...tags].map(([Key, Value]) => ({ Key, Value })),
    });
    const keys = [...this.items]
      .filter(([id]) => id.startsWith('accesskey/'))
      .map(([, { name, createdAt }]) => ({
        AccessKeyId: name,
        CreateDate: createdAt,
        UserName: 'ci',
        Status: 'Active',
      }));
    switch (operation) {
      case 'GetRole':
        return { Role: detail(this.#find('Role', input['RoleName']), 'Role') };
      case 'GetGroup':
        return { Group: detail(this.#find('Group', input['GroupName']), 'Group'), Users: [] };
      case 'GetUser':
        return { User: detail(this.#find('User', input['UserName']), 'User') };
      case 'ListAccessKeys':
        return { AccessKeyMetadata: keys };
      case 'ListInstanceProfilesForRole':
        return {
          InstanceProfiles: [...this.items]
            .filter(([id]) => id.startsWith('instanceprofile/'))
            .map(([, { name }]) => ({ InstanceProfileName: name })),
        };
      case 'ListAccountAliases':
        return {
          AccountAliases: [...this.items].filter(([id]) => id.startsWith('accountalias/')).map(([, { name }]) => name),
        };
      case 'GetAccountAuthorizationDetails':
        throw awsFailure('AccessDenied', operation);
      default:
        return {};
    }
  }

  #write(operation: string, input: Input): unknown {
    this.#throwFault(operation, false);
    this.writes.push(operation);
    const output = this.#carryOut(operation, input);
    this.#throwFault(operation, true);
    return output;
  }

  #carryOut(operation: string, input: Input): unknown {
    const [, verb = '', kind = ''] = /^(Create|Delete|Tag|Untag)([A-Za-z]+)$/.exec(operation) ?? [];
    const isKey = kind === 'AccessKey';
    const name =
      isKey && verb === 'Create'
        ? `AKIA${String(this.writes.length)}`
        : String(input[isKey ? 'AccessKeyId' : kind === 'AccountAlias' ? 'AccountAlias' : `${kind}Name`]);
    const id = `${kind}/${name}`;
    const tags = (input['Tags'] ?? []) as readonly { Key: string; Value: string }[];
    if (verb === 'Create') {
      if (this.items.has(id.toLowerCase())) throw awsFailure('EntityAlreadyExists', operation);
      this.add(id, { input, tags: Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value])) });
    }
    if (verb === 'Delete') this.items.delete(id.toLowerCase());
    if (verb === 'Tag') for (const { Key, Value } of tags) this.items.get(id.toLowerCase())?.tags.set(Key, Value);
    if (verb === 'Untag')
      for (const tag of input['TagKeys'] as readonly string[]) this.items.get(id.toLowerCase())?.tags.delete(tag);
    return isKey
      ? {
          AccessKey: {
            UserName: 'ci',
            AccessKeyId: name,
            SecretAccessKey: `secret-of-${name}`,
            CreateDate: this.#now(),
          },
        }
      : {};
  }

  #throwFault(operation: string, isCarriedOut: boolean): void {
    const index = this.#faults.findIndex(
      (fault) => fault.operation === operation && fault.isCarriedOut === isCarriedOut,
    );
    const [fault] = index === -1 ? [] : this.#faults.splice(index, 1);
    if (fault !== undefined) throw awsFailure(fault.code, operation, fault.message);
  }
}
