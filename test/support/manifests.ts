import { z } from 'zod';
import type { JsonObject } from '../../src/contract/entity.js';
import { validateDocument } from '../../src/engine/policy/index.js';
import type {
  ManifestKind,
  ManifestOptions,
  ManifestResult,
  ManifestSource,
} from '../../src/engine/manifest/resolve.js';
import { resolveManifest } from '../../src/engine/manifest/resolve.js';

const name = (longest: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[\w+=,.@-]+$/, 'use letters, digits and _+=,.@- only');
const path = z
  .string()
  .max(512)
  .regex(/^\/$|^\/[\u0021-\u007e]+\/$/, 'begin and end the path with a slash, as in /ci/')
  .optional();
const arn = z.string().refine((text) => text.startsWith('arn:') || text.startsWith('{{arn '), 'write an ARN');
const document = (type: 'identity' | 'trust'): z.ZodType<JsonObject> =>
  z.custom<JsonObject>().superRefine((value, context) => {
    for (const { path: at, message, remedy } of validateDocument(value, type)) {
      const segments = at.split(/[.[\]]/).filter((segment) => segment !== '');
      context.addIssue({
        code: 'custom',
        message,
        path: segments.map((segment) => (/^\d+$/.test(segment) ? Number(segment) : segment)),
        params: { remedy },
      });
    }
  });
const policies = {
  inlinePolicies: z.record(name(128), document('identity')).optional(),
  managedPolicyArns: z.array(arn).max(20).optional(),
};

function text(spec: JsonObject, property: string): string {
  const value = spec[property];
  return typeof value === 'string' ? value : '';
}

function list(spec: JsonObject, property: string): readonly string[] {
  const value = spec[property];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

function kind(
  kindName: string,
  type: string,
  keyProperty: string,
  shape: Readonly<Record<string, z.ZodType>>,
  more: Partial<ManifestKind> = {},
): ManifestKind {
  return {
    name: kindName,
    keyProperties: [keyProperty],
    schema: z.strictObject(shape),
    nameOf: (spec) => text(spec, keyProperty),
    arnOf: (spec, { account, partition }) =>
      `arn:${partition}:iam::${account}:${type}${text(spec, 'path') || '/'}${text(spec, keyProperty)}`,
    ownable: true,
    ...more,
  };
}

const host = (spec: JsonObject): string => text(spec, 'url').replace(/^https:\/\//, '');

/** Kinds with the property names of the real ones, and as little else as the manifest's rules need. */
export const manifestKinds: readonly ManifestKind[] = [
  kind('Role', 'role', 'roleName', {
    roleName: name(64),
    path,
    description: z.string().max(1000).optional(),
    assumeRolePolicyDocument: document('trust'),
    maxSessionDuration: z.int().min(3600).max(43_200).optional(),
    permissionsBoundary: arn.nullable().optional(),
    ...policies,
  }),
  kind('Policy', 'policy', 'policyName', {
    policyName: name(128),
    path,
    description: z.string().max(1000).optional(),
    policyDocument: document('identity'),
  }),
  kind('User', 'user', 'userName', {
    userName: name(64),
    path,
    permissionsBoundary: arn.nullable().optional(),
    ...policies,
  }),
  kind(
    'Group',
    'group',
    'groupName',
    { groupName: name(128), path, users: z.array(name(128)).optional(), ...policies },
    { ownable: false, references: (spec) => list(spec, 'users').map((user) => `User/${user}`) },
  ),
  kind(
    'InstanceProfile',
    'instance-profile',
    'instanceProfileName',
    { instanceProfileName: name(128), path, roles: z.array(name(64)).max(1).optional() },
    { references: (spec) => list(spec, 'roles').map((role) => `Role/${role}`) },
  ),
  kind(
    'OpenIDConnectProvider',
    'oidc-provider',
    'url',
    {
      url: z
        .string()
        .max(255)
        .regex(/^https:\/\//, 'write https://host/path'),
      clientIdList: z.array(z.string().min(1).max(255)).optional(),
    },
    {
      nameOf: host,
      arnOf: (spec, { account, partition }) => `arn:${partition}:iam::${account}:oidc-provider/${host(spec)}`,
      share: { withdraw: () => [] },
    },
  ),
];

/** What a call gives beside the manifests. */
export const manifestOptions: ManifestOptions = {
  kinds: manifestKinds,
  variables: {},
  readFile: () => {
    throw new Error('there is no such file');
  },
  pipeline: { provider: 'local', url: null, commit: null, actor: null },
  manifestName: 'm.yaml',
};

/** Resolves one manifest, called m.yaml, with files that it can refer to. */
export function resolveText(
  manifest: string,
  options: Partial<ManifestOptions> = {},
  files: Readonly<Record<string, string>> = {},
): ManifestResult {
  return resolveSources([{ file: 'm.yaml', text: manifest }], options, files);
}

/** Resolves manifests with files that they can refer to. */
export function resolveSources(
  sources: readonly ManifestSource[],
  options: Partial<ManifestOptions> = {},
  files: Readonly<Record<string, string>> = {},
): ManifestResult {
  const readFile = (file: string): string => {
    const content = Object.hasOwn(files, file) ? files[file] : undefined;
    if (content === undefined) throw new Error('there is no such file');
    return content;
  };
  return resolveManifest(sources, { ...manifestOptions, readFile, ...options });
}

/** Four lines that every manifest can begin with; entities go into the fifth. */
export const HEAD = `version: 1
namespace: ci
environments: { dev: { account: "111111111111" } }
entities:
`;

/** A manifest that uses about everything. */
export const validManifest = `version: 1
namespace: ci-platform
environments:
  dev: { account: "111111111111" }
  prod: { account: "222222222222", assumeRole: "arn:aws:iam::{{account}}:role/iam-bootstrap" }
variables: { org: acme }
defaults: { path: /ci/, tags: { team: platform }, adopt: unowned, unmanaged: keep }
entities:
  - kind: OpenIDConnectProvider
    url: https://token.actions.githubusercontent.com
    clientIdList: [sts.amazonaws.com]
    shared: true
  - kind: Policy
    policyName: "{{environment}}-deploy"
    policyDocument:
      Version: 2012-10-17
      Statement: &read
        - { Effect: Allow, Action: "s3:GetObject", Resource: "arn:{{partition}}:s3:::\${aws:username}/*" }
  - kind: Role
    roleName: "{{environment}}-deploy"
    assumeRolePolicyDocument:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Principal: { Federated: "{{arn OpenIDConnectProvider/token.actions.githubusercontent.com}}" }
          Action: sts:AssumeRoleWithWebIdentity
          Condition: { StringLike: { "token.actions.githubusercontent.com:sub": "repo:{{org}}/*" } }
    managedPolicyArns: ["{{arn Policy/{{environment}}-deploy}}", "arn:{{partition}}:iam::aws:policy/ReadOnlyAccess"]
    inlinePolicies:
      state:
        Version: "2012-10-17"
        Statement: *read
    maxSessionDuration: 3600
    tags: { owner: "{{org}}" }
  - { kind: InstanceProfile, instanceProfileName: deploy, roles: ["{{environment}}-deploy"] }
  - { kind: Group, groupName: people, users: [alice, bob], unmanaged: remove }
  - { kind: User, userName: alice, adopt: own }
  - { kind: User, userName: legacy-ci, state: absent }
`;

/** A manifest that is refused, with what has to be said of it. */
export interface MalformedManifest {
  readonly title: string;
  readonly text: string;
  readonly message: RegExp;
  readonly remedy: RegExp;
  readonly line: number;
  readonly column?: number;
}

const ROLE = `  - kind: Role
    roleName: deploy
    assumeRolePolicyDocument: { Version: "2012-10-17", Statement: [{ Effect: Allow, Principal: { AWS: "*" }, Action: "sts:AssumeRole" }] }
`;

/** A role that the role trusts. */
function trusting(roleName: string, principal: string): string {
  return `  - kind: Role
    roleName: ${roleName}
    assumeRolePolicyDocument: { Version: "2012-10-17", Statement: [{ Effect: Allow, Principal: { AWS: "${principal}" }, Action: "sts:AssumeRole" }] }
`;
}

const TAGS = Array.from({ length: 47 }, (_, index) => `k${String(index)}: v`).join(', ');

/** Manifests that have to be refused, each with the place, the message and the remedy. Only kinds of the first release. */
export const malformedManifests: readonly MalformedManifest[] = [
  // The text
  { title: 'an empty file', text: '', message: /file is empty/, remedy: /version: 1/, line: 1, column: 1 },
  { title: 'a file of comments', text: '# soon\n', message: /file is empty/, remedy: /version: 1/, line: 1 },
  { title: 'a list', text: '- kind: Role\n', message: /a manifest is a map/, remedy: /version: 1/, line: 1, column: 1 },
  {
    title: 'a second document',
    text: `${HEAD}  []\n---\nversion: 1\n`,
    message: /second YAML document/,
    remedy: /-f/,
    line: 6,
    column: 1,
  },
  {
    title: 'a tab',
    text: 'version: 1\nenvironments:\n\tdev: {}\n',
    message: /tabs are not allowed/,
    remedy: /spaces/,
    line: 3,
    column: 1,
  },
  {
    title: 'an open quote',
    text: 'version: 1\nnamespace: "ci\n',
    message: /missing closing "quote/,
    remedy: /close the quote/,
    line: 3,
  },
  {
    title: 'an open bracket',
    text: `${HEAD}  [{ kind: User, userName: a }\n`,
    message: /flow sequence|sufficiently indented|end with a \]/i,
    remedy: /brackets|indentation|close/,
    line: 6,
  },
  {
    title: 'a key that stands twice',
    text: 'version: 1\nnamespace: ci\nversion: 1\n',
    message: /"version" appears twice in one map, first on line 1/,
    remedy: /remove one/,
    line: 3,
    column: 1,
  },
  {
    title: 'a template without quotes',
    text: `${HEAD}  - { kind: User, userName: {{environment}} }\n`,
    message: /a map cannot be a key/,
    remedy: /quotes: "\{\{name\}\}"/,
    line: 5,
    column: 30,
  },
  {
    title: 'a template without quotes at the beginning of text',
    text: `${HEAD}  - kind: User\n    userName: {{environment}}-ci\n`,
    message: /unexpected/i,
    remedy: /quotes: "\{\{name\}\}"/,
    line: 6,
  },
  {
    title: 'a tag of CloudFormation',
    text: `${HEAD}  - kind: User\n    userName: !Ref Name\n`,
    message: /tag !Ref is not supported/,
    remedy: /templates/,
    line: 6,
  },
  {
    title: 'an alias without an anchor',
    text: `${HEAD}  - *nobody\n`,
    message: /\*nobody has no anchor/,
    remedy: /&nobody/,
    line: 5,
    column: 5,
  },
  {
    title: 'an alias inside of its own anchor',
    text: `${HEAD}  - &a { kind: User, userName: [*a] }\n`,
    message: /is inside its own anchor/,
    remedy: /value itself/,
    line: 5,
  },
  {
    title: 'a number that JSON cannot hold',
    text: `${HEAD}  - { kind: User, userName: .inf }\n`,
    message: /\.inf is not a number/,
    remedy: /quotes/,
    line: 5,
    column: 29,
  },
  {
    title: 'values that are nested too deep',
    text: `${'['.repeat(200)}${']'.repeat(200)}`,
    message: /more than 100 levels deep/,
    remedy: /flatten/,
    line: 1,
    column: 101,
  },
  {
    title: 'the key __proto__',
    text: `${HEAD}  - { kind: User, userName: a, __proto__: { state: absent } }\n`,
    message: /__proto__ is not allowed/,
    remedy: /remove/,
    line: 5,
    column: 32,
  },
  {
    title: 'a merge of what is no map',
    text: `${HEAD}  - { <<: nothing, kind: User, userName: a }\n`,
    message: /merges a value that is not a map/,
    remedy: /anchor/,
    line: 5,
    column: 7,
  },
  {
    title: 'YAML 1.1',
    text: '%YAML 1.1\n---\nversion: 1\n',
    message: /YAML 1\.1 is not supported/,
    remedy: /%YAML/,
    line: 1,
  },

  // The outermost fields
  {
    title: 'no version',
    text: 'namespace: ci\nenvironments: { dev: { account: "111111111111" } }\nentities: []\n',
    message: /version is missing/,
    remedy: /add version/,
    line: 1,
    column: 1,
  },
  {
    title: 'another version',
    text: HEAD.replace('version: 1', 'version: 2').replace('entities:\n', 'entities: []\n'),
    message: /version 2 is not 1/,
    remedy: /write 1/,
    line: 1,
    column: 10,
  },
  {
    title: 'a namespace with capitals',
    text: `${HEAD.replace('namespace: ci', 'namespace: CI_Platform')}  []\n`,
    message: /namespace "CI_Platform" is not allowed/,
    remedy: /lower-case/,
    line: 2,
    column: 12,
  },
  {
    title: 'no environment',
    text: 'version: 1\nnamespace: ci\nenvironments: {}\nentities: []\n',
    message: /environments is empty/,
    remedy: /dev: \{ account/,
    line: 3,
    column: 15,
  },
  {
    title: 'an account without quotes',
    text: 'version: 1\nnamespace: ci\nenvironments: { dev: { account: 012345678901 } }\nentities: []\n',
    message: /account must be text, found 012345678901/,
    remedy: /quote it: "012345678901"/,
    line: 3,
    column: 33,
  },
  {
    title: 'an account of eleven digits',
    text: 'version: 1\nnamespace: ci\nenvironments: { dev: { account: "11111111111" } }\nentities: []\n',
    message: /account "11111111111" is not allowed/,
    remedy: /twelve digits/,
    line: 3,
    column: 33,
  },
  {
    title: 'no account',
    text: 'version: 1\nnamespace: ci\nenvironments: { dev: {} }\nentities: []\n',
    message: /account is missing/,
    remedy: /add account/,
    line: 3,
    column: 22,
  },
  {
    title: 'a role of another account',
    text: `version: 1
namespace: ci
environments:
  dev: { account: "111111111111", assumeRole: "arn:aws:iam::222222222222:role/x" }
entities: []
`,
    message: /is not a role of account 111111111111/,
    remedy: /arn:aws:iam::111111111111:role\/NAME/,
    line: 4,
    column: 47,
  },
  {
    title: 'an unknown outermost field',
    text: `${HEAD}  []\nvariable: { a: b }\n`,
    message: /a manifest has no field "variable"/,
    remedy: /did you mean variables/,
    line: 6,
    column: 1,
  },
  {
    title: 'a variable that is a number',
    text: `${HEAD}  []\nvariables: { n: 0755 }\n`,
    message: /variable n must be text, found 0755/,
    remedy: /quote it: "0755"/,
    line: 6,
    column: 17,
  },
  {
    title: 'a variable with a template',
    text: `${HEAD}  []\nvariables: { n: "{{environment}}-x" }\n`,
    message: /variable n contains a template/,
    remedy: /where the variable is used/,
    line: 6,
    column: 17,
  },
  {
    title: 'a variable with the name of a known value',
    text: `${HEAD}  []\nvariables: { account: x }\n`,
    message: /variable account has the name/,
    remedy: /rename/,
    line: 6,
    column: 14,
  },
  {
    title: 'entities that are a map',
    text: `${HEAD}  role: { kind: Role }\n`,
    message: /entities must be a list, found \(a map\)/,
    remedy: /write a list/,
    line: 5,
    column: 3,
  },
  {
    title: 'no entities',
    text: HEAD,
    message: /entities is empty/,
    remedy: /give it a value/,
    line: 4,
  },

  // Defaults
  {
    title: 'adoption of what belongs to others by default',
    text: `${HEAD}  []\ndefaults: { adopt: foreign }\n`,
    message: /cannot be a default/,
    remedy: /--adopt foreign:Kind\/name/,
    line: 6,
    column: 20,
  },
  {
    title: 'a default path without a slash',
    text: `${HEAD}  []\ndefaults: { path: ci }\n`,
    message: /path "ci" is not allowed/,
    remedy: /slash/,
    line: 6,
    column: 19,
  },
  {
    title: 'an unknown default',
    text: `${HEAD}  []\ndefaults: { tag: { a: b } }\n`,
    message: /defaults has no field "tag"/,
    remedy: /did you mean tags/,
    line: 6,
    column: 13,
  },

  // Entities
  {
    title: 'an entity that is text',
    text: `${HEAD}  - Role\n`,
    message: /entity is a map/,
    remedy: /kind: Role/,
    line: 5,
  },
  {
    title: 'no kind',
    text: `${HEAD}  - roleName: x\n`,
    message: /kind is missing/,
    remedy: /add kind: one of Role/,
    line: 5,
    column: 5,
  },
  {
    title: 'an unknown kind',
    text: `${HEAD}  - { kind: Rol, roleName: x }\n`,
    message: /unknown kind "Rol"/,
    remedy: /did you mean Role/,
    line: 5,
    column: 13,
  },
  {
    title: 'a kind that is a template',
    text: `${HEAD}  - { kind: "{{namespace}}", roleName: x }\n`,
    message: /unknown kind/,
    remedy: /cannot be a template/,
    line: 5,
    column: 13,
  },
  {
    title: 'an unknown field',
    text: `${HEAD}${ROLE}    maxSesionDuration: 3600\n`,
    message: /Role has no field "maxSesionDuration"/,
    remedy: /did you mean maxSessionDuration/,
    line: 8,
    column: 5,
  },
  {
    title: 'an unknown field that every object has',
    text: `${HEAD}  - { kind: User, userName: a, constructor: x }\n`,
    message: /User has no field "constructor"/,
    remedy: /known are/,
    line: 5,
    column: 32,
  },
  {
    title: 'no name',
    text: `${HEAD}  - kind: User\n    path: /ci/\n`,
    message: /userName is missing/,
    remedy: /add userName/,
    line: 5,
    column: 5,
  },
  {
    title: 'a name that is a number',
    text: `${HEAD}  - { kind: User, userName: 007 }\n`,
    message: /userName must be text, found 007/,
    remedy: /quote it: "007"/,
    line: 5,
    column: 29,
  },
  {
    title: 'a name that is true',
    text: `${HEAD}  - { kind: User, userName: true }\n`,
    message: /userName must be text, found true/,
    remedy: /quote it: "true"/,
    line: 5,
    column: 29,
  },
  {
    title: 'a name without a value',
    text: `${HEAD}  - kind: User\n    userName:\n`,
    message: /userName is empty/,
    remedy: /give it a value/,
    line: 6,
  },
  {
    title: 'a name that is too long',
    text: `${HEAD}  - { kind: User, userName: ${'x'.repeat(65)} }\n`,
    message: /userName "x+…" has 65 characters, more than 64/,
    remedy: /shorten it to 64/,
    line: 5,
    column: 29,
  },
  {
    title: 'a name with a space',
    text: `${HEAD}  - { kind: User, userName: legacy ci }\n`,
    message: /userName "legacy ci" is not allowed/,
    remedy: /use letters, digits/,
    line: 5,
    column: 29,
  },
  {
    title: 'a path without a slash at its end',
    text: `${HEAD}  - { kind: User, userName: a, path: /ci }\n`,
    message: /path "\/ci" is not allowed/,
    remedy: /slash/,
    line: 5,
    column: 38,
  },
  {
    title: 'a number out of bounds',
    text: `${HEAD}${ROLE}    maxSessionDuration: 60\n`,
    message: /maxSessionDuration 60 is less than 3600/,
    remedy: /at least 3600/,
    line: 8,
    column: 25,
  },
  {
    title: 'a number in quotes',
    text: `${HEAD}${ROLE}    maxSessionDuration: "3600"\n`,
    message: /maxSessionDuration must be a (whole )?number, found "3600"/,
    remedy: /without quotes: 3600/,
    line: 8,
    column: 25,
  },
  {
    title: 'text in place of a list',
    text: `${HEAD}${ROLE}    managedPolicyArns: arn:aws:iam::aws:policy/ReadOnlyAccess\n`,
    message: /managedPolicyArns must be a list, found "arn:/,
    remedy: /write a list: \["arn:/,
    line: 8,
    column: 24,
  },
  {
    title: 'what is no ARN in a list',
    text: `${HEAD}${ROLE}    managedPolicyArns:\n      - arn:aws:iam::aws:policy/ReadOnlyAccess\n      - ReadOnlyAccess\n`,
    message: /managedPolicyArns\[1\] "ReadOnlyAccess": write an ARN/,
    remedy: /write an ARN/,
    line: 10,
    column: 9,
  },
  {
    title: 'no document',
    text: `${HEAD}  - kind: Role\n    roleName: deploy\n`,
    message: /assumeRolePolicyDocument is missing/,
    remedy: /add assumeRolePolicyDocument/,
    line: 5,
    column: 5,
  },
  {
    title: 'an effect that does not exist',
    text: `${HEAD}  - kind: Policy
    policyName: p
    policyDocument:
      Version: 2012-10-17
      Statement:
        - Effect: Alow
          Action: "s3:GetObject"
          Resource: "*"
`,
    message: /policyDocument\.Statement\[0\]\.Effect.*"Alow"/,
    remedy: /"Allow"/,
    line: 10,
    column: 19,
  },
  {
    title: 'a mistake deep in a document',
    text: `${HEAD}  - kind: User
    userName: u
    inlinePolicies:
      state:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Action: ["s3:GetObject", "s3 GetObject"]
            Resource: "*"
`,
    message: /inlinePolicies\.state\.Statement\[0\]\.Action\[1\].*s3 GetObject/,
    remedy: /s3:GetObject/,
    line: 12,
    column: 38,
  },
  {
    title: 'an inline policy whose name is not allowed',
    text: `${HEAD}  - { kind: User, userName: u, inlinePolicies: { "my policy": { Version: "2012-10-17", Statement: [] } } }\n`,
    message: /the key "my policy" is not allowed/,
    remedy: /use letters, digits/,
    line: 5,
    column: 50,
  },
  {
    title: 'a state that does not exist',
    text: `${HEAD}  - { kind: User, userName: a, state: gone }\n`,
    message: /state "gone" is not one of present, absent/,
    remedy: /write one of present, absent/,
    line: 5,
    column: 39,
  },
  {
    title: 'a word in place of true or false',
    text: `${HEAD}  - { kind: User, userName: a, observe: yes }\n`,
    message: /observe must be true or false, found "yes"/,
    remedy: /write true/,
    line: 5,
    column: 41,
  },
  {
    title: 'a kind that cannot be shared',
    text: `${HEAD}  - { kind: User, userName: a, shared: true }\n`,
    message: /kind User cannot be shared/,
    remedy: /remove shared/,
    line: 5,
    column: 40,
  },
  {
    title: 'properties of what is to be absent',
    text: `${HEAD}  - { kind: User, userName: a, state: absent, path: /ci/ }\n`,
    message: /path has no meaning for an absent entity/,
    remedy: /remove it/,
    line: 5,
    column: 47,
  },
  {
    title: 'one entity twice',
    text: `${HEAD}  - { kind: User, userName: alice }\n  - { kind: User, userName: bob }\n  - { kind: User, userName: Alice }\n`,
    message: /User\/Alice is declared twice, first at m\.yaml:5:5, which IAM takes for the same as alice/,
    remedy: /remove one of them, or rename it/,
    line: 7,
    column: 29,
  },

  // The word of earlier versions
  {
    title: 'the old word for unmanaged on an entity',
    text: `${HEAD}  - { kind: Group, groupName: a, undeclared: remove }\n`, // check-words: allow
    message: /^`undeclared` is now `unmanaged`$/, // check-words: allow
    remedy: /^write `unmanaged: remove`$/,
    line: 5,
    column: 34,
  },
  {
    title: 'the old word for unmanaged in the defaults',
    text: `${HEAD}  - { kind: Group, groupName: a }\ndefaults: { undeclared: keep }\n`, // check-words: allow
    message: /^`undeclared` is now `unmanaged`$/, // check-words: allow
    remedy: /^write `unmanaged: keep`$/,
    line: 6,
    column: 13,
  },

  // Tags
  {
    title: 'tags of what cannot carry them',
    text: `${HEAD}  - { kind: Group, groupName: a, tags: { a: b } }\n`,
    message: /kind Group cannot have tags/,
    remedy: /remove tags/,
    line: 5,
    column: 34,
  },
  {
    title: 'a tag that is a number',
    text: `${HEAD}  - { kind: User, userName: a, tags: { cost: 42 } }\n`,
    message: /tags\.cost must be text, found 42/,
    remedy: /quote it: "42"/,
    line: 5,
    column: 46,
  },
  {
    title: 'a tag that AWS keeps for itself',
    text: `${HEAD}  - { kind: User, userName: a, tags: { "aws:x": y } }\n`,
    message: /begin with aws: are reserved/,
    remedy: /rename the tag/,
    line: 5,
  },
  {
    title: 'a tag that is ours',
    text: `${HEAD}  - { kind: User, userName: a, tags: { "iam-bootstrap:namespace": y } }\n`,
    message: /begin with iam-bootstrap: are reserved/,
    remedy: /rename the tag/,
    line: 5,
  },
  {
    title: 'tags that differ in case',
    text: `${HEAD}  - { kind: User, userName: a, tags: { team: a, Team: b } }\n`,
    message: /team and Team are the same to IAM/,
    remedy: /remove one/,
    line: 5,
  },
  {
    title: 'too many tags',
    text: `${HEAD}  - { kind: User, userName: a, tags: { ${TAGS} } }\n`,
    message: /47 tags are more than 46/,
    remedy: /at most 46/,
    line: 5,
    column: 38,
  },

  // Templates and references
  {
    title: 'a template that names nothing',
    text: `${HEAD}  - { kind: User, userName: "{{enviroment}}-ci" }\n`,
    message: /template \{\{enviroment\}\} names nothing that is known/,
    remedy: /did you mean environment/,
    line: 5,
    column: 29,
  },
  {
    title: 'a template that is not closed',
    text: `${HEAD}  - { kind: User, userName: "{{environment-ci" }\n`,
    message: /\{\{environment-ci is not closed/,
    remedy: /close it with \}\}/,
    line: 5,
    column: 29,
  },
  {
    title: 'an empty template',
    text: `${HEAD}  - { kind: User, userName: "{{ }}" }\n`,
    message: /names nothing/,
    remedy: /environment, account/,
    line: 5,
    column: 29,
  },
  {
    title: 'an expression of another tool',
    text: `${HEAD}  - { kind: User, userName: "\${{ github.actor }}" }\n`,
    message: /another tool's expression/,
    remedy: /\{\{name\}\}/,
    line: 5,
    column: 29,
  },
  {
    title: 'a template in a key',
    text: `${HEAD}  - { kind: User, userName: a, tags: { "{{oops}}": b } }\n`,
    message: /template \{\{oops\}\} names nothing/,
    remedy: /declare it under variables|known are/,
    line: 5,
    column: 40,
  },
  {
    title: 'a reference without a name',
    text: `${HEAD}  - { kind: User, userName: a, managedPolicyArns: ["{{arn Policy}}"] }\n`,
    message: /\{\{arn Policy\}\} names no entity/,
    remedy: /\{\{arn Kind\/name\}\}/,
    line: 5,
    column: 52,
  },
  {
    title: 'a reference to what is not declared',
    text: `${HEAD}${trusting('deploy', '{{arn User/alise}}')}  - { kind: User, userName: alice }\n`,
    message: /\{\{arn User\/alise\}\} names an entity that no manifest declares/,
    remedy: /did you mean \{\{arn User\/alice\}\}/,
    line: 7,
    column: 103,
  },
  {
    title: 'a reference to an unknown kind',
    text: `${HEAD}  - { kind: User, userName: a, managedPolicyArns: ["{{arn Polcy/x}}"] }\n`,
    message: /names the unknown kind "Polcy"/,
    remedy: /did you mean Policy/,
    line: 5,
    column: 52,
  },
  {
    title: 'a reference to what is to be absent',
    text: `${HEAD}${trusting('deploy', '{{arn User/alice}}')}  - { kind: User, userName: alice, state: absent }\n`,
    message: /User\/alice is needed here, but it is declared absent \(m\.yaml:8:5\)/,
    remedy: /remove the reference/,
    line: 7,
    column: 103,
  },
  {
    title: 'a name that is a reference',
    text: `${HEAD}  - { kind: User, userName: a }\n  - { kind: User, userName: "{{arn User/a}}" }\n`,
    message: /contains a reference, which a name cannot/,
    remedy: /write the name/,
    line: 6,
    column: 29,
  },
  {
    title: 'a member that is to be absent',
    text: `${HEAD}  - { kind: Group, groupName: g, users: [u] }\n  - { kind: User, userName: u, state: absent }\n`,
    message: /User\/u is needed here, but it is declared absent/,
    remedy: /remove the reference/,
    line: 5,
    column: 5,
  },
  {
    title: 'entities that wait for each other',
    text: `${HEAD}${trusting('a', '{{arn Role/b}}')}${trusting('b', '{{arn Role/a}}')}`,
    message: /wait for each other: Role\/a -> Role\/b -> Role\/a/,
    remedy: /remove one of the references/,
    line: 5,
    column: 5,
  },
  {
    title: 'an entity that waits for itself',
    text: `${HEAD}${trusting('a', '{{arn Role/a}}')}`,
    message: /waits for itself: Role\/a -> Role\/a/,
    remedy: /remove one of the references/,
    line: 5,
    column: 5,
  },

  // Files
  {
    title: 'a file that does not exist',
    text: `${HEAD}  - { kind: Policy, policyName: p, policyDocument: { $file: policies/none.json } }\n`,
    message: /\$file "policies\/none\.json" cannot be read: there is no such file/,
    remedy: /relative to the manifest/,
    line: 5,
    column: 61,
  },
  {
    title: "a file outside of the manifest's folder",
    text: `${HEAD}  - { kind: Policy, policyName: p, policyDocument: { $file: ../secret.json } }\n`,
    message: /\.\.\/secret\.json" leaves the manifest's folder/,
    remedy: /below the manifest's folder/,
    line: 5,
    column: 61,
  },
  {
    title: 'a file by its absolute path',
    text: `${HEAD}  - { kind: Policy, policyName: p, policyDocument: { $file: /etc/passwd } }\n`,
    message: /"\/etc\/passwd" is an absolute path/,
    remedy: /below the manifest's folder/,
    line: 5,
    column: 61,
  },
  {
    title: 'keys beside a file',
    text: `${HEAD}  - { kind: Policy, policyName: p, policyDocument: { $file: p.json, Version: "2012-10-17" } }\n`,
    message: /\$file has other keys beside it/,
    remedy: /into the file/,
    line: 5,
    column: 54,
  },
];
