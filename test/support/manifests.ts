import type { ManifestOptions, ManifestResult, ManifestSource } from '../../src/engine/manifest/resolve.js';
import { KINDS } from '../../src/kinds/index.js';
import { resolveManifest } from '../../src/engine/manifest/resolve.js';

/** What a call gives beside the manifests. */
export const manifestOptions: ManifestOptions = {
  kinds: KINDS,
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
    trust:
      github:
        repository: "{{org}}/infra"
        environment: "{{environment}}"
        provider: "{{arn OpenIDConnectProvider/token.actions.githubusercontent.com}}"
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

/** A manifest with one entity. */
const declared = (entity: string): string => `${HEAD}  - ${entity}\n`;

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

/** Manifests that are refused: a title, the text, and the problem as "file:line:column message; remedy". */
export const malformedManifests: readonly (readonly [title: string, text: string, problem: RegExp])[] = [
  // The text
  ['an empty file', '', /:1:1 .*file is empty.*; .*version: 1/],
  ['a file of comments', '# soon\n', /:1:\d+ .*file is empty.*; .*version: 1/],
  ['a list', '- kind: Role\n', /:1:1 .*a manifest is a map.*; .*version: 1/],
  [
    'a template without resources of AWS',
    'Resources: { A: { Type: Custom::Group } }\n',
    /:1:1 this is a CloudFormation template, not a manifest; convert it with `iam-bootstrap convert TEMPLATE/,
  ],
  ['a second document', `${HEAD}  []\n---\nversion: 1\n`, /:6:1 .*second YAML document.*; .*-f/],
  ['a tab', 'version: 1\nenvironments:\n\tdev: {}\n', /:3:1 .*tabs are not allowed.*; .*spaces/],
  ['an open quote', 'version: 1\nnamespace: "ci\n', /:3:\d+ .*missing closing "quote.*; .*close the quote/],
  [
    'an open bracket',
    `${HEAD}  [{ kind: User, userName: a }\n`,
    /:6:1 a bracket above is still open; close it, or indent what is in it/,
  ],
  [
    'a key that stands twice',
    'version: 1\nnamespace: ci\nversion: 1\n',
    /:3:1 .*"version" appears twice in one map, first on line 1.*; .*remove one/,
  ],
  [
    'a template without quotes',
    declared('{ kind: User, userName: {{environment}} }'),
    /:5:30 .*a map cannot be a key.*; .*quotes: "\{\{name\}\}"/,
  ],
  [
    'a template without quotes at the beginning of text',
    `${HEAD}  - kind: User\n    userName: {{environment}}-ci\n`,
    /:6:\d+ .*unexpected.*; .*quotes: "\{\{name\}\}"/i,
  ],
  [
    'a tag of CloudFormation',
    `${HEAD}  - kind: User\n    userName: !Ref Name\n`,
    /:6:\d+ .*tag !Ref is not supported.*; .*templates/,
  ],
  ['an alias without an anchor', `${HEAD}  - *nobody\n`, /:5:5 .*\*nobody has no anchor.*; .*&nobody/],
  [
    'an alias inside of its own anchor',
    `${HEAD}  - &a { kind: User, userName: [*a] }\n`,
    /:5:\d+ .*is inside its own anchor.*; .*value itself/,
  ],
  [
    'a number that JSON cannot hold',
    declared('{ kind: User, userName: .inf }'),
    /:5:29 .*\.inf is not a number.*; .*quotes/,
  ],
  [
    'values that are nested too deep',
    `${'['.repeat(200)}${']'.repeat(200)}`,
    /:1:101 .*more than 100 levels deep.*; .*flatten/,
  ],
  [
    'the key __proto__',
    declared('{ kind: User, userName: a, __proto__: { state: absent } }'),
    /:5:32 .*__proto__ is not allowed.*; .*remove/,
  ],
  [
    'a merge of what is no map',
    declared('{ <<: nothing, kind: User, userName: a }'),
    /:5:7 .*merges a value that is not a map.*; .*anchor/,
  ],
  ['YAML 1.1', '%YAML 1.1\n---\nversion: 1\n', /:1:\d+ .*YAML 1\.1 is not supported.*; .*%YAML/],

  // The outermost fields
  [
    'no version',
    'namespace: ci\nenvironments: { dev: { account: "111111111111" } }\nentities: []\n',
    /:1:1 .*version is missing.*; .*add version/,
  ],
  [
    'another version',
    HEAD.replace('version: 1', 'version: 2').replace('entities:\n', 'entities: []\n'),
    /:1:10 .*version 2 is not 1.*; .*write 1/,
  ],
  [
    'a namespace with capitals',
    `${HEAD.replace('namespace: ci', 'namespace: CI_Platform')}  []\n`,
    /:2:12 .*namespace "CI_Platform" is not allowed.*; .*lower-case/,
  ],
  [
    'no environment',
    'version: 1\nnamespace: ci\nenvironments: {}\nentities: []\n',
    /:3:15 .*environments is empty.*; .*dev: \{ account/,
  ],
  [
    'an account without quotes',
    'version: 1\nnamespace: ci\nenvironments: { dev: { account: 012345678901 } }\nentities: []\n',
    /:3:33 .*account must be text, found 012345678901.*; .*quote it: "012345678901"/,
  ],
  [
    'an account of eleven digits',
    'version: 1\nnamespace: ci\nenvironments: { dev: { account: "11111111111" } }\nentities: []\n',
    /:3:33 .*account "11111111111" is not allowed.*; .*twelve digits/,
  ],
  [
    'no account',
    'version: 1\nnamespace: ci\nenvironments: { dev: {} }\nentities: []\n',
    /:3:22 .*account is missing.*; .*add account/,
  ],
  [
    'a role of another account',
    `version: 1
namespace: ci
environments:
  dev: { account: "111111111111", assumeRole: "arn:aws:iam::222222222222:role/x" }
entities: []
`,
    /:4:47 .*is not a role of account 111111111111.*; .*arn:aws:iam::111111111111:role\/NAME/,
  ],
  [
    'an unknown outermost field',
    `${HEAD}  []\nvariable: { a: b }\n`,
    /:6:1 .*a manifest has no field "variable".*; .*did you mean variables/,
  ],
  [
    'a variable that is a number',
    `${HEAD}  []\nvariables: { n: 0755 }\n`,
    /:6:17 .*variable n must be text, found 0755.*; .*quote it: "0755"/,
  ],
  [
    'a variable with a template',
    `${HEAD}  []\nvariables: { n: "{{environment}}-x" }\n`,
    /:6:17 .*variable n contains a template.*; .*where the variable is used/,
  ],
  [
    'a variable with the name of a known value',
    `${HEAD}  []\nvariables: { account: x }\n`,
    /:6:14 .*variable account has the name.*; .*rename/,
  ],
  [
    'entities that are a map',
    `${HEAD}  role: { kind: Role }\n`,
    /:5:3 .*entities must be a list, found \(a map\).*; .*write a list/,
  ],
  ['no entities', HEAD, /:4:\d+ .*entities is empty.*; .*give it a value/],

  // Defaults
  [
    'adoption of what belongs to others by default',
    `${HEAD}  []\ndefaults: { adopt: foreign }\n`,
    /:6:20 .*cannot be a default.*; .*--adopt foreign:Kind\/name/,
  ],
  [
    'a default path without a slash',
    `${HEAD}  []\ndefaults: { path: ci }\n`,
    /:6:19 .*path "ci" is not allowed.*; .*slash/,
  ],
  [
    'an unknown default',
    `${HEAD}  []\ndefaults: { tag: { a: b } }\n`,
    /:6:13 .*defaults has no field "tag".*; .*did you mean tags/,
  ],

  // Entities
  ['an entity that is text', `${HEAD}  - Role\n`, /:5:\d+ .*entity is a map.*; .*kind: Role/],
  ['no kind', `${HEAD}  - roleName: x\n`, /:5:5 .*kind is missing.*; .*add kind: one of Role/],
  ['an unknown kind', declared('{ kind: Rol, roleName: x }'), /:5:13 .*unknown kind "Rol".*; .*did you mean Role/],
  [
    'a kind that is a template',
    declared('{ kind: "{{namespace}}", roleName: x }'),
    /:5:13 .*unknown kind.*; .*cannot be a template/,
  ],
  [
    'an unknown field',
    `${HEAD}${ROLE}    maxSesionDuration: 3600\n`,
    /:8:5 .*Role has no field "maxSesionDuration".*; .*did you mean maxSessionDuration/,
  ],
  [
    'an unknown field that every object has',
    declared('{ kind: User, userName: a, constructor: x }'),
    /:5:32 .*User has no field "constructor".*; .*known are/,
  ],
  ['no name', `${HEAD}  - kind: User\n    path: /ci/\n`, /:5:5 .*userName is missing.*; .*add userName/],
  [
    'a name that is a number',
    declared('{ kind: User, userName: 007 }'),
    /:5:29 .*userName must be text, found 007.*; .*quote it: "007"/,
  ],
  [
    'a name that is true',
    declared('{ kind: User, userName: true }'),
    /:5:29 .*userName must be text, found true.*; .*quote it: "true"/,
  ],
  [
    'a name without a value',
    `${HEAD}  - kind: User\n    userName:\n`,
    /:6:\d+ .*userName is empty.*; .*give it a value/,
  ],
  [
    'a name that is too long',
    declared(`{ kind: User, userName: ${'x'.repeat(65)} }`),
    /:5:29 .*userName "x+…" has 65 characters, more than 64.*; .*shorten it to 64/,
  ],
  [
    'a name with a space',
    declared('{ kind: User, userName: legacy ci }'),
    /:5:29 .*userName "legacy ci" is not allowed.*; .*use letters, digits/,
  ],
  [
    'a path without a slash at its end',
    declared('{ kind: User, userName: a, path: /ci }'),
    /:5:38 .*path "\/ci" is not allowed.*; .*slash/,
  ],
  [
    'a number out of bounds',
    `${HEAD}${ROLE}    maxSessionDuration: 60\n`,
    /:8:25 .*maxSessionDuration 60 is less than 3600.*; .*at least 3600/,
  ],
  [
    'a number in quotes',
    `${HEAD}${ROLE}    maxSessionDuration: "3600"\n`,
    /:8:25 .*maxSessionDuration must be a (whole )?number, found "3600".*; .*without quotes: 3600/,
  ],
  [
    'text in place of a list',
    `${HEAD}${ROLE}    managedPolicyArns: arn:aws:iam::aws:policy/ReadOnlyAccess\n`,
    /:8:24 .*managedPolicyArns must be a list, found "arn:.*; .*write a list: \["arn:/,
  ],
  [
    'what is no ARN in a list',
    `${HEAD}${ROLE}    managedPolicyArns:\n      - arn:aws:iam::aws:policy/ReadOnlyAccess\n      - ReadOnlyAccess\n`,
    /:10:9 .*managedPolicyArns\[1\] "ReadOnlyAccess": write an ARN.*; .*write an ARN/,
  ],
  [
    'no document',
    `${HEAD}  - kind: Role\n    roleName: deploy\n`,
    /:5:5 .*assumeRolePolicyDocument is missing.*; .*add assumeRolePolicyDocument/,
  ],
  [
    'an effect that does not exist',
    `${HEAD}  - kind: Policy
    policyName: p
    policyDocument:
      Version: 2012-10-17
      Statement:
        - Effect: Alow
          Action: "s3:GetObject"
          Resource: "*"
`,
    /:10:19 .*policyDocument\.Statement\[0\]\.Effect.*"Alow".*; .*"Allow"/,
  ],
  [
    'a mistake deep in a document',
    `${HEAD}  - kind: User
    userName: u
    inlinePolicies:
      state:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Action: ["s3:GetObject", "s3 GetObject"]
            Resource: "*"
`,
    /:12:38 .*inlinePolicies\.state\.Statement\[0\]\.Action\[1\].*s3 GetObject.*; .*s3:GetObject/,
  ],
  [
    'an inline policy whose name is not allowed',
    declared('{ kind: User, userName: u, inlinePolicies: { "my policy": { Version: "2012-10-17", Statement: [] } } }'),
    /:5:50 .*the key "my policy" is not allowed.*; .*use letters, digits/,
  ],
  [
    'a state that does not exist',
    declared('{ kind: User, userName: a, state: gone }'),
    /:5:39 .*state "gone" is not one of present, absent.*; .*write one of present, absent/,
  ],
  [
    'a word in place of true or false',
    declared('{ kind: User, userName: a, observe: yes }'),
    /:5:41 .*observe must be true or false, found "yes".*; .*write true/,
  ],
  [
    'a kind that cannot be shared',
    declared('{ kind: User, userName: a, shared: true }'),
    /:5:40 .*kind User cannot be shared.*; .*remove shared/,
  ],
  [
    'properties of what is to be absent',
    declared('{ kind: User, userName: a, state: absent, path: /ci/ }'),
    /:5:47 .*path has no meaning for an absent entity.*; .*remove it/,
  ],
  [
    'one entity twice',
    `${HEAD}  - { kind: User, userName: alice }\n  - { kind: User, userName: bob }\n  - { kind: User, userName: Alice }\n`,
    /:7:29 .*User\/Alice is declared twice, first at m\.yaml:5:5, which IAM takes for the same as alice.*; .*remove one of them, or rename it/,
  ],

  // The word of earlier versions
  [
    'the old word for unmanaged on an entity',
    declared('{ kind: Group, groupName: a, undeclared: remove }'), // check-words: allow
    /:5:34 `undeclared` is now `unmanaged`; write `unmanaged: remove`$/, // check-words: allow
  ],
  [
    'the old word for unmanaged in the defaults',
    `${HEAD}  - { kind: Group, groupName: a }\ndefaults: { undeclared: keep }\n`, // check-words: allow
    /:6:13 `undeclared` is now `unmanaged`; write `unmanaged: keep`$/, // check-words: allow
  ],

  // Tags
  [
    'tags of what cannot carry them',
    declared('{ kind: Group, groupName: a, tags: { a: b } }'),
    /:5:34 .*kind Group cannot have tags.*; .*remove tags/,
  ],
  [
    'a tag that is a number',
    declared('{ kind: User, userName: a, tags: { cost: 42 } }'),
    /:5:46 .*tags\.cost must be text, found 42.*; .*quote it: "42"/,
  ],
  [
    'a tag that AWS keeps for itself',
    declared('{ kind: User, userName: a, tags: { "aws:x": y } }'),
    /:5:\d+ .*begin with aws: are reserved.*; .*rename the tag/,
  ],
  [
    'a tag that is ours',
    declared('{ kind: User, userName: a, tags: { "iam-bootstrap:namespace": y } }'),
    /:5:\d+ .*begin with iam-bootstrap: are reserved.*; .*rename the tag/,
  ],
  [
    'tags that differ in case',
    declared('{ kind: User, userName: a, tags: { team: a, Team: b } }'),
    /:5:\d+ .*team and Team are the same to IAM, which ignores case in those of a User; .*remove one/,
  ],
  [
    'too many tags',
    declared(`{ kind: User, userName: a, tags: { ${TAGS} } }`),
    /:5:38 .*47 tags are more than 44.*; .*at most 44/,
  ],

  // Templates and references
  [
    'a template that names nothing',
    declared('{ kind: User, userName: "{{enviroment}}-ci" }'),
    /:5:29 .*template \{\{enviroment\}\} names nothing that is known.*; .*did you mean environment/,
  ],
  [
    'a template that is not closed',
    declared('{ kind: User, userName: "{{environment-ci" }'),
    /:5:29 .*\{\{environment-ci is not closed.*; .*close it with \}\}/,
  ],
  [
    'an empty template',
    declared('{ kind: User, userName: "{{ }}" }'),
    /:5:29 .*names nothing.*; .*environment, account/,
  ],
  [
    'an expression of another tool',
    declared('{ kind: User, userName: "${{ github.actor }}" }'),
    /:5:29 .*another tool's expression.*; .*\{\{name\}\}/,
  ],
  [
    'a template in a key',
    declared('{ kind: User, userName: a, tags: { "{{oops}}": b } }'),
    /:5:40 .*template \{\{oops\}\} names nothing.*; .*(declare it under variables|known are)/,
  ],
  [
    'a reference without a name',
    declared('{ kind: User, userName: a, managedPolicyArns: ["{{arn Policy}}"] }'),
    /:5:52 .*\{\{arn Policy\}\} names no entity.*; .*\{\{arn Kind\/name\}\}/,
  ],
  [
    'a reference to what is not declared',
    `${HEAD}${trusting('deploy', '{{arn User/alise}}')}  - { kind: User, userName: alice }\n`,
    /:7:103 .*\{\{arn User\/alise\}\} names an entity that no manifest declares.*; .*did you mean \{\{arn User\/alice\}\}/,
  ],
  [
    'a reference to an unknown kind',
    declared('{ kind: User, userName: a, managedPolicyArns: ["{{arn Polcy/x}}"] }'),
    /:5:52 .*names the unknown kind "Polcy".*; .*did you mean Policy/,
  ],
  [
    'a reference to what is to be absent',
    `${HEAD}${trusting('deploy', '{{arn User/alice}}')}  - { kind: User, userName: alice, state: absent }\n`,
    /:7:103 .*User\/alice is needed here, but it is declared absent \(m\.yaml:8:5\).*; .*remove the reference/,
  ],
  [
    'a name that is a reference',
    `${HEAD}  - { kind: User, userName: a }\n  - { kind: User, userName: "{{arn User/a}}" }\n`,
    /:6:29 .*contains a reference, which a name cannot.*; .*write the name/,
  ],
  [
    'a member that is to be absent',
    `${HEAD}  - { kind: Group, groupName: g, users: [u] }\n  - { kind: User, userName: u, state: absent }\n`,
    /:5:5 .*User\/u is needed here, but it is declared absent.*; .*remove the reference/,
  ],
  [
    'entities that wait for each other',
    `${HEAD}${trusting('a', '{{arn Role/b}}')}${trusting('b', '{{arn Role/a}}')}`,
    /:5:5 .*wait for each other: Role\/a -> Role\/b -> Role\/a.*; .*remove one of the references/,
  ],

  // Principals
  [
    'a role that trusts itself by its written ARN',
    `${HEAD}${trusting('a', 'arn:aws:iam::{{account}}:role/A')}`,
    /:7:103 .*"arn:aws:iam::111111111111:role\/A": is the role itself, which IAM does not know before it is created.*; .*write \{\{arn Role\/a\}\}: the role is created first/,
  ],
  [
    'a principal of another partition',
    `${HEAD}${trusting('a', 'arn:aws-cn:iam::222222222222:root')}`,
    /:7:103 .*is of partition aws-cn, and the account is in aws.*; .*write a principal of partition aws/,
  ],
  [
    'a wildcard in a principal',
    `${HEAD}${trusting('a', 'arn:aws:iam::{{account}}:role/ci-*')}`,
    /:7:103 .*"arn:aws:iam::111111111111:role\/ci-\*" has a wildcard, .*; .*write "arn:aws:iam::111111111111:root" as principal and the Condition .*ArnLike.*aws:PrincipalArn/,
  ],
  [
    'a reference to a group as a principal',
    `${HEAD}${trusting('a', '{{arn Group/g}}')}  - { kind: Group, groupName: g }\n`,
    /:7:103 .*is a group, which is no principal.*; .*name its users/,
  ],

  // Files
  [
    'a file that does not exist',
    declared('{ kind: Policy, policyName: p, policyDocument: { $file: policies/none.json } }'),
    /:5:61 .*\$file "policies\/none\.json" cannot be read: there is no such file.*; .*relative to the manifest/,
  ],
  [
    "a file outside of the manifest's folder",
    declared('{ kind: Policy, policyName: p, policyDocument: { $file: ../secret.json } }'),
    /:5:61 .*\.\.\/secret\.json" leaves the manifest's folder.*; .*below the manifest's folder/,
  ],
  [
    'a file by its absolute path',
    declared('{ kind: Policy, policyName: p, policyDocument: { $file: /etc/passwd } }'),
    /:5:61 .*"\/etc\/passwd" is an absolute path.*; .*below the manifest's folder/,
  ],
  [
    'keys beside a file',
    declared('{ kind: Policy, policyName: p, policyDocument: { $file: p.json, Version: "2012-10-17" } }'),
    /:5:54 .*\$file has other keys beside it.*; .*into the file/,
  ],
];
