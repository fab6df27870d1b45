import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IAM } from '@aws-sdk/client-iam';
import {
  ARN_OF_READ,
  COMMON,
  DEPLOY,
  ENTITIES,
  KEY,
  MACHINE,
  PEOPLE,
  READ,
  ROBOT,
  secretFile,
  TOKENS,
  TOOL,
} from './account-model.js';
import type { AccountState, EntityState } from './account-model.js';
import { allowing, trusting } from './manifests-of.js';
import { iamClient } from './sandbox.js';

/** The state of an account. */
export interface AccountSnapshot {
  /** The entities of the model. */
  readonly account: AccountState;
  /** The JSON text of every entity that AWS shows, including entities outside of the model. */
  readonly raw: Readonly<Record<string, string>>;
}

/** Changes an account without the engine, and without the proxy. */
export class ManualActor {
  readonly account: string;
  readonly #iam: IAM;
  readonly #secrets: string;
  /** Request IDs of all calls. */
  readonly requests = new Set<string>();

  /** @param secrets - the worker's folder of secrets */
  constructor(url: string, account: string, secrets: string) {
    this.account = account;
    this.#iam = iamClient(url, account);
    this.#secrets = secrets;
    this.#iam.middlewareStack.add(
      (next) => async (args) => {
        const answer = await next(args);
        const { $metadata } = answer.output as { $metadata?: { requestId?: string } };
        if ($metadata?.requestId !== undefined) this.requests.add($metadata.requestId);
        return answer;
      },
      { step: 'initialize', name: 'requests' },
    );
  }

  /** Creates unmanaged entities that no run may change. */
  async createBystanders(): Promise<void> {
    const iam = this.#iam;
    await iam.createRole({ RoleName: 'bystander', AssumeRolePolicyDocument: TRUST, Description: 'stands by' });
    await iam.putRolePolicy({ RoleName: 'bystander', PolicyName: 'own', PolicyDocument: ODD_DOCUMENT });
    await iam.createUser({ UserName: 'bystander', Tags: [{ Key: 'team', Value: 'nobody' }] });
    await iam.createPolicy({ PolicyName: 'bystander', PolicyDocument: documentOf('s3:ListBucket') });
  }

  /** Performs one of {@link ACTIONS}. Returns false if the state of the account does not allow it. */
  async perform(action: ManualAction): Promise<boolean> {
    const { account } = await this.snapshot();
    const [, id, act] = ACTIONS.find(([name]) => name === action) ?? [];
    if (id === undefined || act === undefined) throw new Error(`no such action: ${action}`);
    return (await act({ iam: this.#iam, here: this.account, account, thing: account[id], id })) !== false;
  }

  /** Reads the whole account. */
  async snapshot(): Promise<AccountSnapshot> {
    const iam = this.#iam;
    const [details, roles, profile, tokens, people, keys, stored] = await Promise.all([
      iam.getAccountAuthorizationDetails({ Filter: ['Role', 'User', 'Group', 'LocalManagedPolicy'], MaxItems: 1000 }),
      iam.listRoles({ MaxItems: 1000 }),
      unlessAbsent(iam.getInstanceProfile({ InstanceProfileName: nameOf(MACHINE) })),
      unlessAbsent(iam.getOpenIDConnectProvider({ OpenIDConnectProviderArn: arnOf(TOKENS, this.account) })),
      unlessAbsent(iam.getGroup({ GroupName: nameOf(PEOPLE) })),
      unlessAbsent(iam.listAccessKeys({ UserName: nameOf(ROBOT) })),
      this.#storedKey(),
    ]);
    const account: Record<string, EntityState> = {};
    const raw: Record<string, string> = {};
    const add = (id: string, shown: unknown, thing: EntityState): void => {
      raw[id] = JSON.stringify(shown, (member, value: unknown) => (OF_OTHERS.has(member) ? undefined : value));
      if (ENTITIES.some((one) => one === id)) account[id] = thing;
    };
    for (const role of details.RoleDetailList ?? []) {
      const { Description = '', MaxSessionDuration } =
        roles.Roles?.find(({ RoleName }) => RoleName === role.RoleName) ?? {};
      const attached = (role.AttachedManagedPolicies ?? []).map(({ PolicyArn = '' }) => this.#arnHere(PolicyArn));
      add(
        `Role/${role.RoleName ?? ''}`,
        { ...role, Description, MaxSessionDuration },
        {
          tags: tagsOf(role.Tags),
          properties: {
            description: Description,
            inlinePolicies: inlineOf(role.RolePolicyList),
            managedPolicyArns: attached,
          },
        },
      );
    }
    const others = (keys?.AccessKeyMetadata ?? []).filter(({ AccessKeyId }) => AccessKeyId !== stored);
    for (const user of details.UserDetailList ?? []) {
      const properties = { keys: others.map(({ AccessKeyId = '' }) => AccessKeyId) };
      add(`User/${user.UserName ?? ''}`, user, { tags: tagsOf(user.Tags), properties });
    }
    for (const group of details.GroupDetailList ?? []) {
      const users = (people?.Users ?? []).map(({ UserName = '' }) => UserName);
      const properties = { inlinePolicies: inlineOf(group.GroupPolicyList), users };
      add(`Group/${group.GroupName ?? ''}`, { ...group, users }, { tags: {}, properties });
    }
    for (const policy of details.Policies ?? []) {
      const { Tags = [] } = await iam.listPolicyTags({ PolicyArn: policy.Arn });
      const standing = policy.PolicyVersionList?.find(({ IsDefaultVersion }) => IsDefaultVersion === true);
      const properties = { policyDocument: actionOf(standing?.Document) };
      add(`Policy/${policy.PolicyName ?? ''}`, { ...policy, Tags }, { tags: tagsOf(Tags), properties });
    }
    const declared = (keys?.AccessKeyMetadata ?? []).find(({ AccessKeyId }) => AccessKeyId === stored);
    if (declared !== undefined) add(KEY, declared, { tags: {}, properties: { status: declared.Status ?? '' } });
    if (profile?.InstanceProfile !== undefined) {
      const { Roles = [], ...rest } = profile.InstanceProfile;
      const properties = { roles: Roles.map(({ RoleName = '' }) => RoleName) };
      add(MACHINE, { ...rest, ...properties }, { tags: tagsOf(rest.Tags), properties });
    }
    if (tokens !== undefined) {
      add(TOKENS, tokens, { tags: tagsOf(tokens.Tags), properties: { clientIdList: tokens.ClientIDList ?? [] } });
    }
    return { account, raw };
  }

  #arnHere(arn: string): string {
    return arn === arnOf(READ, this.account) ? ARN_OF_READ : arn;
  }

  async #storedKey(): Promise<string | undefined> {
    try {
      const record = await readFile(join(this.#secrets, secretFile(this.account)), 'utf8');
      return (JSON.parse(record) as { AccessKeyId?: string }).AccessKeyId;
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return undefined;
      throw error;
    }
  }
}

/** Members that AWS shows with an entity and that change with other entities. */
const OF_OTHERS: ReadonlySet<string> = new Set(['InstanceProfileList', 'GroupList', 'AttachmentCount', '$metadata']);

/** A document in a layout that no tool writes. */
const ODD_DOCUMENT =
  ' { "Version" : "2012-10-17",\n\t"Statement": [{"Effect" :"Allow", "Action":["s3:Get*" ],"Resource" :["*"]} ] }';

const TRUST = JSON.stringify(trusting());

function documentOf(action: string): string {
  return JSON.stringify(allowing(action));
}

function nameOf(id: string): string {
  return id.slice(id.indexOf('/') + 1);
}

function arnOf(id: string, account: string): string {
  const kind = id === READ ? 'policy' : 'oidc-provider';
  return `arn:aws:iam::${account}:${kind}/${nameOf(id)}`;
}

type Tags = readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[];

/** Tags that name a run, and so differ from one to the next. */
const OF_A_RUN: readonly string[] = [
  'iam-bootstrap:intent',
  'iam-bootstrap:installation',
  'iam-bootstrap:unmanaged-at-adoption',
];

function tagsOf(tags: Tags = []): Record<string, string> {
  const all = tags.map(({ Key = '', Value = '' }) => [Key, Value] as const);
  return Object.fromEntries(all.filter(([key]) => !OF_A_RUN.includes(key)));
}

type Inline = readonly { readonly PolicyName?: string | undefined; readonly PolicyDocument?: string | undefined }[];

function inlineOf(policies: Inline = []): Record<string, string> {
  return Object.fromEntries(
    policies.map(({ PolicyName = '', PolicyDocument }) => [PolicyName, actionOf(PolicyDocument)]),
  );
}

function actionOf(document = '{}'): string {
  const { Statement = [] } = JSON.parse(decodeURIComponent(document)) as { Statement?: { Action?: unknown }[] };
  return Statement.map(({ Action }) => String(Action)).join(' ');
}

async function unlessAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error as { name?: string }).name === 'NoSuchEntityException') return undefined;
    throw error;
  }
}

interface Scene {
  readonly iam: IAM;
  /** The account ID. */
  readonly here: string;
  readonly account: AccountState;
  readonly thing: EntityState | undefined;
  readonly id: string;
}

/** Resolves to false if nothing could be done. */
type Act = (scene: Scene) => Promise<unknown>;

const OWNABLE = [DEPLOY, COMMON, READ, ROBOT, MACHINE, TOKENS] as const;

function make({ iam, id, thing }: Scene, Tags: { Key: string; Value: string }[]): Promise<unknown> {
  if (thing !== undefined) return Promise.resolve(false);
  const name = nameOf(id);
  switch (id) {
    case DEPLOY:
    case COMMON:
      return iam.createRole({ RoleName: name, AssumeRolePolicyDocument: TRUST, Description: 'by hand', Tags });
    case READ:
      return iam.createPolicy({ PolicyName: name, PolicyDocument: documentOf('s3:DeleteObject'), Tags });
    case ROBOT:
      return iam.createUser({ UserName: name, Tags });
    case PEOPLE:
      return iam.createGroup({ GroupName: name });
    case MACHINE:
      return iam.createInstanceProfile({ InstanceProfileName: name, Tags });
    case TOKENS:
      return iam.createOpenIDConnectProvider({ Url: `https://${name}`, ClientIDList: ['by hand'], Tags });
    default:
      throw new Error(`${id} is not made by hand`);
  }
}

async function remove({ iam, id, here, account, thing }: Scene): Promise<unknown> {
  if (thing === undefined) return false;
  const name = nameOf(id);
  switch (id) {
    case DEPLOY:
    case COMMON: {
      if (id === DEPLOY && (account[MACHINE]?.properties['roles'] as string[] | undefined)?.includes(name)) {
        await iam.removeRoleFromInstanceProfile({ InstanceProfileName: nameOf(MACHINE), RoleName: name });
      }
      for (const PolicyName of Object.keys(thing.properties['inlinePolicies'] ?? {})) {
        await iam.deleteRolePolicy({ RoleName: name, PolicyName });
      }
      for (const { PolicyArn } of (await iam.listAttachedRolePolicies({ RoleName: name })).AttachedPolicies ?? []) {
        await iam.detachRolePolicy({ RoleName: name, PolicyArn });
      }
      return iam.deleteRole({ RoleName: name });
    }
    case READ: {
      const PolicyArn = arnOf(READ, here);
      for (const { RoleName } of (await iam.listEntitiesForPolicy({ PolicyArn })).PolicyRoles ?? []) {
        await iam.detachRolePolicy({ RoleName, PolicyArn });
      }
      for (const { VersionId, IsDefaultVersion } of (await iam.listPolicyVersions({ PolicyArn })).Versions ?? []) {
        if (IsDefaultVersion !== true) await iam.deletePolicyVersion({ PolicyArn, VersionId });
      }
      return iam.deletePolicy({ PolicyArn });
    }
    case ROBOT:
      for (const { GroupName } of (await iam.listGroupsForUser({ UserName: name })).Groups ?? []) {
        await iam.removeUserFromGroup({ GroupName, UserName: name });
      }
      await removeKeys(iam);
      return iam.deleteUser({ UserName: name });
    case PEOPLE:
      for (const UserName of thing.properties['users'] as string[]) {
        await iam.removeUserFromGroup({ GroupName: name, UserName });
      }
      for (const PolicyName of Object.keys(thing.properties['inlinePolicies'] ?? {})) {
        await iam.deleteGroupPolicy({ GroupName: name, PolicyName });
      }
      return iam.deleteGroup({ GroupName: name });
    case KEY:
      return removeKeys(iam);
    case MACHINE:
      for (const RoleName of thing.properties['roles'] as string[]) {
        await iam.removeRoleFromInstanceProfile({ InstanceProfileName: name, RoleName });
      }
      return iam.deleteInstanceProfile({ InstanceProfileName: name });
    default:
      return iam.deleteOpenIDConnectProvider({ OpenIDConnectProviderArn: arnOf(TOKENS, here) });
  }
}

async function removeKeys(iam: IAM): Promise<void> {
  const UserName = nameOf(ROBOT);
  for (const { AccessKeyId } of (await iam.listAccessKeys({ UserName })).AccessKeyMetadata ?? []) {
    await iam.deleteAccessKey({ UserName, AccessKeyId });
  }
}

async function untag({ iam, id, here, thing }: Scene): Promise<unknown> {
  const TagKeys = Object.keys(thing?.tags ?? {}).filter((tag) => tag.startsWith('iam-bootstrap:'));
  if (TagKeys.length === 0) return false;
  TagKeys.push(...OF_A_RUN);
  const name = nameOf(id);
  if (id === READ) return iam.untagPolicy({ PolicyArn: arnOf(READ, here), TagKeys });
  if (id === ROBOT) return iam.untagUser({ UserName: name, TagKeys });
  if (id === MACHINE) return iam.untagInstanceProfile({ InstanceProfileName: name, TagKeys });
  if (id !== TOKENS) return iam.untagRole({ RoleName: name, TagKeys });
  return iam.untagOpenIDConnectProvider({ OpenIDConnectProviderArn: arnOf(TOKENS, here), TagKeys });
}

async function tag({ iam, id, here, thing }: Scene, Key: string, Value: string): Promise<unknown> {
  if (thing === undefined) return false;
  const Tags = [{ Key, Value }];
  const name = nameOf(id);
  if (id === READ) return iam.tagPolicy({ PolicyArn: arnOf(READ, here), Tags });
  if (id === ROBOT) return iam.tagUser({ UserName: name, Tags });
  if (id === MACHINE) return iam.tagInstanceProfile({ InstanceProfileName: name, Tags });
  if (id !== TOKENS) return iam.tagRole({ RoleName: name, Tags });
  return iam.tagOpenIDConnectProvider({ OpenIDConnectProviderArn: arnOf(TOKENS, here), Tags });
}

/** Returns an action that requires the entity. */
function to(act: (scene: Scene, thing: EntityState) => Promise<unknown> | false): Act {
  return async (scene) => (scene.thing === undefined ? false : act(scene, scene.thing));
}

const defineAction = <D extends string>(name: D, id: string, act: Act): readonly [D, string, Act] => [name, id, act];

/** All actions: name, entity and implementation. */
const ACTIONS = [
  ...ENTITIES.map((id) => defineAction(`delete ${id}`, id, remove)),
  ...[...OWNABLE, PEOPLE].map((id) => defineAction(`create ${id}`, id, (scene) => make(scene, []))),
  ...OWNABLE.map((id) =>
    defineAction(`create ${id} with another tool`, id, (scene) => make(scene, [{ Key: TOOL, Value: 'theirs' }])),
  ),
  ...OWNABLE.map((id) => defineAction(`remove the ownership tags of ${id}`, id, untag)),
  ...OWNABLE.map((id) =>
    defineAction(`assign ${id} to another namespace`, id, async (scene) => {
      await untag(scene);
      return tag(scene, 'iam-bootstrap:namespace', 'stranger');
    }),
  ),
  ...[DEPLOY, ROBOT].map((id) => defineAction(`change the tag of ${id}`, id, (scene) => tag(scene, 'team', 'by-hand'))),
  ...[DEPLOY, READ].map((id) => defineAction(`add a tag to ${id}`, id, (scene) => tag(scene, 'note', 'by-hand'))),
  ...[DEPLOY, COMMON].map((id) =>
    defineAction(
      `change the description of ${id}`,
      id,
      to(({ iam }) => iam.updateRole({ RoleName: nameOf(id), Description: 'by hand', MaxSessionDuration: 3600 })),
    ),
  ),
  defineAction(
    `put another policy on ${DEPLOY}`,
    DEPLOY,
    to(({ iam }) =>
      iam.putRolePolicy({ RoleName: nameOf(DEPLOY), PolicyName: 'extra', PolicyDocument: documentOf('sns:Publish') }),
    ),
  ),
  defineAction(
    `delete the policy of ${DEPLOY}`,
    DEPLOY,
    to(({ iam }, { properties }) =>
      Object.hasOwn(properties['inlinePolicies'] as object, 'own')
        ? iam.deleteRolePolicy({ RoleName: nameOf(DEPLOY), PolicyName: 'own' })
        : false,
    ),
  ),
  defineAction(
    `detach ${READ} from ${DEPLOY}`,
    DEPLOY,
    to(({ iam, here }, { properties }) =>
      (properties['managedPolicyArns'] as string[]).includes(ARN_OF_READ)
        ? iam.detachRolePolicy({ RoleName: nameOf(DEPLOY), PolicyArn: arnOf(READ, here) })
        : false,
    ),
  ),
  defineAction(
    `attach another policy to ${DEPLOY}`,
    DEPLOY,
    to(({ iam }) =>
      iam.attachRolePolicy({ RoleName: nameOf(DEPLOY), PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }),
    ),
  ),
  defineAction(
    `rewrite ${READ}`,
    READ,
    to(async ({ iam, here }) => {
      const PolicyArn = arnOf(READ, here);
      const { Versions = [] } = await iam.listPolicyVersions({ PolicyArn });
      const oldest = Versions.filter(({ IsDefaultVersion }) => IsDefaultVersion !== true).at(-1);
      if (Versions.length >= 5) await iam.deletePolicyVersion({ PolicyArn, VersionId: oldest?.VersionId });
      return iam.createPolicyVersion({
        PolicyArn,
        PolicyDocument: documentOf(`s3:Get${String(Versions.length)}`),
        SetAsDefault: true,
      });
    }),
  ),
  defineAction(
    `remove the user from ${PEOPLE}`,
    PEOPLE,
    to(({ iam }, { properties }) =>
      (properties['users'] as string[]).includes('robot')
        ? iam.removeUserFromGroup({ GroupName: nameOf(PEOPLE), UserName: nameOf(ROBOT) })
        : false,
    ),
  ),
  defineAction(
    `rewrite the policy of ${PEOPLE}`,
    PEOPLE,
    to(({ iam }) =>
      iam.putGroupPolicy({ GroupName: nameOf(PEOPLE), PolicyName: 'list', PolicyDocument: documentOf('s3:Put*') }),
    ),
  ),
  defineAction(
    `deactivate ${KEY}`,
    KEY,
    to(async ({ iam, account }) => {
      const UserName = nameOf(ROBOT);
      const others = account[ROBOT]?.properties['keys'] as string[];
      const { AccessKeyMetadata = [] } = await iam.listAccessKeys({ UserName });
      const key = AccessKeyMetadata.find(({ AccessKeyId = '' }) => !others.includes(AccessKeyId));
      return iam.updateAccessKey({ UserName, AccessKeyId: key?.AccessKeyId, Status: 'Inactive' });
    }),
  ),
  defineAction(
    `create another key of ${ROBOT}`,
    ROBOT,
    // A user has at most two keys, and the declared one needs room.
    to(({ iam }, { properties }) =>
      (properties['keys'] as string[]).length > 0 ? false : iam.createAccessKey({ UserName: nameOf(ROBOT) }),
    ),
  ),
  defineAction(
    `remove the role from ${MACHINE}`,
    MACHINE,
    to(({ iam }, { properties }) =>
      (properties['roles'] as string[]).includes('deploy')
        ? iam.removeRoleFromInstanceProfile({ InstanceProfileName: nameOf(MACHINE), RoleName: nameOf(DEPLOY) })
        : false,
    ),
  ),
  defineAction(
    `add a client to ${TOKENS}`,
    TOKENS,
    to(({ iam, here }) =>
      iam.addClientIDToOpenIDConnectProvider({ OpenIDConnectProviderArn: arnOf(TOKENS, here), ClientID: 'by hand' }),
    ),
  ),
  defineAction(
    `remove a client from ${TOKENS}`,
    TOKENS,
    to(({ iam, here }) =>
      iam.removeClientIDFromOpenIDConnectProvider({
        OpenIDConnectProviderArn: arnOf(TOKENS, here),
        ClientID: 'common',
      }),
    ),
  ),
] as const;

/** The name of an action. */
export type ManualAction = (typeof ACTIONS)[number][0];

/** The names of all actions. */
export const ALL_ACTIONS: readonly ManualAction[] = ACTIONS.map(([name]) => name);
