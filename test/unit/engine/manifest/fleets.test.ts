import * as fc from 'fast-check';
import type { FleetAccount } from '../../../../src/contract/fleet.js';
import { checkFleet } from '../../../../src/engine/manifest/check-fleet.js';
import type { ManifestResult, Problem } from '../../../../src/engine/manifest/resolve.js';
import { validateManifests } from '../../../../src/engine/manifest/validate.js';
import { manifestOptions, resolveSources } from '../../../support/manifests.js';

/** A manifest with a fleet of these fields, and the entities of these lines. */
function manifest(fleet: string, entities = '{ kind: User, userName: "u-{{region}}" }'): string {
  return `version: 1
namespace: landing
variables: { region: eu-central-1 }
fleets:
  workloads: ${fleet}
entities:
  - ${entities}
`;
}

const ACCOUNT: FleetAccount = { id: '333333333333', name: 'shop', tags: { env: 'prod', 'cost center': '7' } };

function resolveAccount(
  text: string,
  account: FleetAccount = ACCOUNT,
  variables: Record<string, string> = {},
  files: Record<string, string> = {},
): ManifestResult {
  const fleet = { name: 'workloads', account };
  return resolveSources([{ file: 'm.yaml', text }], { fleet, variables }, files);
}

function namesOf(result: ManifestResult): readonly string[] {
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('\n'));
  return result.request.entities.map(({ name }) => name);
}

const lineOf = ({ line, column, message, remedy }: Problem): string =>
  `${String(line)}:${String(column)} ${message}; ${remedy}`;

function onlyProblem(result: { readonly problems?: readonly Problem[] }): string {
  const lines = (result.problems ?? []).map(lineOf);
  expect(lines).toHaveLength(1);
  return lines.join('\n');
}

const IDS = 'accounts: { ids: ["333333333333"] }';

describe('an account of a fleet', () => {
  it('is the target, by the role that the fleet names for it', () => {
    const result = resolveAccount(
      manifest(`{ ${IDS}, assumeRole: "arn:{{partition}}:iam::{{account}}:role/{{region}}", partition: aws-cn }`),
    );
    expect(result).toMatchObject({
      ok: true,
      request: {
        target: {
          account: '333333333333',
          partition: 'aws-cn',
          assumeRole: 'arn:aws-cn:iam::333333333333:role/eu-central-1',
        },
        environment: 'workloads',
        namespace: 'landing',
      },
    });
  });

  it('has its ID, its name and its tags in templates', () => {
    const name = '{{environment}}.{{account}}.{{account.id}}.{{account.name}}.{{account.tags.env}}';
    const entities = `{ kind: User, userName: "${name}", tags: { c: "{{account.tags.cost center}}-{{region}}" } }`;
    const result = resolveAccount(manifest(`{ ${IDS}, environment: live }`, entities));
    expect(namesOf(result)).toEqual(['live.333333333333.333333333333.shop.prod']);
    expect(result.ok && result.request.entities[0]?.spec['tags']).toEqual({ c: '7-eu-central-1' });
  });

  it.each([
    ['the manifest', `{ ${IDS} }`, {}, 'u-eu-central-1'],
    ['the fleet', `{ ${IDS}, variables: { region: "{{account.tags.env}}-1" } }`, {}, 'u-prod-1'],
    [
      'the account',
      `{ ${IDS}, variables: { region: "{{account.tags.none}}" }, accountVariables: { "333333333333": { region: mine } } }`,
      {},
      'u-mine',
    ],
    [
      'the account, in a file',
      `{ ${IDS}, variables: { region: x }, accountVariables: { $file: accounts.yaml } }`,
      {},
      'u-from-a-file',
    ],
    [
      'the command line',
      `{ ${IDS}, variables: { region: x }, accountVariables: { "333333333333": { region: y } } }`,
      { region: 'given' },
      'u-given',
    ],
  ])('takes the value of a variable from %s before those named earlier', (_of, fleet, variables, name) => {
    const files = { 'accounts.yaml': '"333333333333": { region: "from-a-file" }' };
    expect(namesOf(resolveAccount(manifest(fleet), ACCOUNT, variables, files))).toEqual([name]);
  });

  it.each(['*', 'a?', '${aws:username}', '$', '{a', 'a}', '"', "'", 'a\\', 'a\nb', 'a\u0000', 'a:b', 'a/../b'])(
    'is refused where a name or tag that its templates use is %j, which can change what a document means',
    (value) => {
      const text = (use: string) => manifest(`{ ${IDS}, variables: { region: "${use}" } }`);
      const named = onlyProblem(
        resolveAccount(text('{{account.name}}'), { ...ACCOUNT, name: value }) as { problems?: Problem[] },
      );
      expect(named).toContain(`in account 333333333333 the name is ${JSON.stringify(value)}, with `);
      expect(named).toMatch(/rename the account, or use a variable and set it under accountVariables$/);
      const tagged = onlyProblem(
        resolveAccount(text('{{account.tags.env}}'), { ...ACCOUNT, tags: { env: value } }) as { problems?: Problem[] },
      );
      expect(tagged).toContain(`the tag "env" is ${JSON.stringify(value)}, with `);
      const other = { ...ACCOUNT, name: value, tags: { env: value } };
      expect(namesOf(resolveAccount(manifest(`{ ${IDS} }`), other))).toEqual(['u-eu-central-1']);
    },
  );

  it('inserts the values of names and tags unchanged', () => {
    const text = manifest(`{ ${IDS} }`, '{ kind: User, userName: u, tags: { name: "+{{account.tags.env}}+" } }');
    fc.assert(
      fc.property(fc.stringMatching(/^[\w.=+@ -]{0,40}$/), (value) => {
        const result = resolveAccount(text, { ...ACCOUNT, tags: { env: value } });
        expect(result.ok && result.request.entities[0]?.spec['tags']).toEqual({ name: `+${value}+` });
      }),
    );
  });

  it.each([
    [
      'a tag that the account does not have',
      `{ ${IDS}, variables: { region: "{{account.tags.team}}" } }`,
      '5:74 template {{account.tags.team}} has no value: account 333333333333 has no tag "team" that is known; only accounts of a fleet have names and tags; tag the account, or use a variable and set it under accountVariables',
    ],
    [
      'a variable of the account that nothing declares',
      `{ ${IDS}, accountVariables: { "333333333333": { regoin: x } } }`,
      '5:91 no manifest and no fleet declares a variable "regoin"; did you mean region?',
    ],
    [
      'a role of another account',
      `{ ${IDS}, assumeRole: "arn:aws:iam::111111111111:role/x" }`,
      '5:65 assumeRole "arn:aws:iam::111111111111:role/x" is not a role of account 333333333333 in partition aws; name a role as arn:aws:iam::333333333333:role/NAME',
    ],
    [
      'a file of values that is malformed',
      `{ ${IDS}, accountVariables: { $file: wrong.yaml } }`,
      '1:1 the key "333" is not allowed: write the twelve digits of the account, in quotes; write the twelve digits of the account, in quotes',
    ],
  ])('refuses %s, with its position', (_what, fleet, problem) => {
    const files = { 'wrong.yaml': '"333": { region: x }' };
    expect(onlyProblem(resolveAccount(manifest(fleet), ACCOUNT, {}, files) as { problems?: Problem[] })).toBe(problem);
  });

  it('does not know names and tags outside of fleets', () => {
    const text = `version: 1
namespace: n
environments: { dev: { account: "111111111111" } }
entities:
  - { kind: User, userName: "{{account.name}}-{{account.id}}" }
`;
    expect(onlyProblem(resolveSources([{ file: 'm.yaml', text }], {}) as { problems?: Problem[] })).toMatch(
      /template \{\{account.name\}\} has no value: account 111111111111 has no name that is known; only accounts of a fleet/,
    );
  });
});

describe('the fleets of a manifest', () => {
  it.each([
    ['no accounts', '{ accounts: {} }', /5:26 .*no account is selected; set ids, organizationalUnits or tags/],
    ['an account twice', '{ accounts: { ids: ["333333333333", "333333333333"] } }', /listed twice; list it once/],
    [
      'an account that is excluded, too',
      '{ accounts: { ids: ["333333333333"], exclude: ["333333333333"] } }',
      /listed, and excluded; remove it from one of the two lists/,
    ],
    ['an account without quotes', '{ accounts: { ids: [333333333333] } }', /quote it: "333333333333"/],
    ['a name of a unit', '{ accounts: { organizationalUnits: [Workloads] } }', /write the ID of a unit or of the root/],
    [
      'a field that does not exist',
      `{ ${IDS}, wave: [] }`,
      /fleet workloads has no field "wave"; did you mean waves\?/,
    ],
    ['waves that shrink', `{ ${IDS}, waves: [{ accounts: 5 }, { accounts: 5 }] }`, /each wave has to reach further/],
    ['a share without its sign', `{ ${IDS}, maxFailures: "ten" }`, /write a number, or a share such as "10%"/],
    ['no account at a time', `{ ${IDS}, concurrency: 0 }`, /concurrency/],
    ['a variable with a name of ours', `{ ${IDS}, variables: { account: x } }`, /has the name of a built-in value/],
  ])('refuse %s, with position and remedy', (_what, fleet, problem) => {
    expect(onlyProblem(resolveAccount(manifest(fleet)) as { problems?: Problem[] })).toMatch(problem);
  });

  it('are enough without environments, and then an environment cannot be chosen', () => {
    const text = manifest(`{ ${IDS} }`);
    expect(onlyProblem(resolveSources([{ file: 'm.yaml', text }], {}) as { problems?: Problem[] })).toMatch(
      /there is no environment, only fleets; choose a fleet with --fleet: workloads/,
    );
  });

  it('name the one that was meant by an unknown name', () => {
    const fleet = { name: 'workload', account: ACCOUNT };
    const result = resolveSources([{ file: 'm.yaml', text: manifest(`{ ${IDS} }`) }], { fleet });
    expect(onlyProblem(result as { problems?: Problem[] })).toMatch(/no fleet "workload"; did you mean workloads\?/);
  });

  it('have the same content in all manifests that are applied together', () => {
    const sources = [
      { file: 'a.yaml', text: manifest(`{ ${IDS} }`) },
      { file: 'b.yaml', text: manifest(`{ ${IDS}, concurrency: 1 }`, '{ kind: User, userName: "v-{{region}}" }') },
    ];
    const result = resolveSources(sources, { fleet: { name: 'workloads', account: ACCOUNT } });
    expect(onlyProblem(result as { problems?: Problem[] })).toMatch(
      /fleet workloads differs from the one at a.yaml:5:3/,
    );
  });

  it('cannot be those of a manifest that is a function', () => {
    const sources = [{ file: 'm.ts', produce: () => ({}) }];
    const result = resolveSources(sources, { fleet: { name: 'workloads', account: ACCOUNT } });
    expect(onlyProblem(result as { problems?: Problem[] })).toMatch(/the manifest is a function/);
  });

  it('have defaults, and a last wave that reaches all accounts', () => {
    const read = (fleet: string) =>
      checkFleet([{ file: 'm.yaml', text: manifest(fleet) }], 'workloads', manifestOptions);
    expect(read(`{ ${IDS} }`).fleet?.rollout).toEqual({
      waves: [{ percent: 100 }],
      concurrency: 20,
      maxFailures: { accounts: 0 },
    });
    expect(read(`{ ${IDS}, waves: [{ accounts: 1 }], maxFailures: "2.5%" }`).fleet?.rollout).toMatchObject({
      waves: [{ accounts: 1 }, { percent: 100 }],
      maxFailures: { percent: 2.5 },
    });
  });
});

describe('validation', () => {
  const validate = (text: string, variables: Record<string, string> = {}) =>
    validateManifests([{ file: 'm.yaml', text }], { ...manifestOptions, variables });

  it('checks every account of every fleet that is known, and says where others are not', () => {
    const text = manifest('{ accounts: { ids: ["333333333333"], organizationalUnits: [ou-abcd-11111111] } }').replace(
      'entities:',
      `  others: { accounts: { ids: ["222222222222"] }, variables: { region: "{{account}}" } }\nentities:`,
    );
    const { problems, fleets, resolved } = validate(text, {});
    expect({ problems, resolved }).toEqual({ problems: [], resolved: [] });
    expect(fleets.map(({ fleet, hasUnknown, resolved: of }) => [fleet, hasUnknown, of.length])).toEqual([
      ['workloads', true, 1],
      ['others', false, 1],
    ]);
    expect(validate(text, { region: 'x' }).fleets[1]?.resolved[0]?.request.entities[0]?.name).toBe('u-x');
  });

  it('reports a fleet and an environment that put one name into one account', () => {
    const text = manifest(`{ ${IDS} }`).replace(
      'fleets:',
      'environments: { dev: { account: "333333333333" } }\nfleets:',
    );
    expect(validate(text).problems.map(({ message }) => message)).toEqual([
      'User/u-eu-central-1 of environment workloads is User/u-eu-central-1 of environment dev at m.yaml:8:5, too: both map to account 333333333333',
    ]);
  });

  it('leaves a variable that only a fleet sets out of environments', () => {
    const text = manifest(`{ ${IDS}, variables: { team: a } }`, '{ kind: User, userName: "{{environment}}" }').replace(
      'fleets:',
      'environments: { dev: { account: "111111111111" } }\nfleets:',
    );
    expect(validate(text, { team: 'b' }).problems).toEqual([]);
  });
});

describe('the offline check of a fleet', () => {
  const check = (fleet: string, entities?: string, files: Record<string, string> = {}) =>
    checkFleet([{ file: 'm.yaml', text: manifest(fleet, entities) }], 'workloads', {
      ...manifestOptions,
      readFile: (path) => files[path] ?? fail(path),
    });
  const fail = (path: string): never => {
    throw new Error(`there is no ${path}`);
  };

  it('resolves each account that is listed, and takes a placeholder for what only AWS knows', () => {
    const { accounts, resolved, problems } = check(
      '{ accounts: { ids: ["333333333333", "222222222222"] } }',
      '{ kind: User, userName: "u-{{account}}-{{region}}-{{account.tags.env}}" }',
    );
    expect(problems).toEqual([]);
    expect(accounts).toEqual(['222222222222', '333333333333']);
    expect(resolved.map(({ request }) => request.entities[0]?.name)).toEqual([
      'u-222222222222-eu-central-1-placeholder',
      'u-333333333333-eu-central-1-placeholder',
    ]);
  });

  it('resolves the accounts that have variables, where the others are known to AWS only', () => {
    const values = '"444444444444": { region: a }\n"555555555555": { region: b }';
    const units = 'organizationalUnits: [ou-abcd-11111111], exclude: ["555555555555"]';
    const { accounts, resolved } = check(`{ accounts: { ${units} }, accountVariables: { $file: v.yaml } }`, undefined, {
      'v.yaml': values,
    });
    expect(accounts).toEqual(['444444444444']);
    expect(resolved.map(({ request }) => request.entities[0]?.name)).toEqual(['u-a']);
  });

  it('finds the mistakes of a manifest whose accounts are all unknown', () => {
    const { accounts, resolved, problems } = check(
      '{ accounts: { organizationalUnits: [ou-abcd-11111111] } }',
      '{ kind: User, usrName: "{{region}}" }',
    );
    expect({ accounts, resolved }).toEqual({ accounts: [], resolved: [] });
    expect(problems.map(lineOf)).toEqual(['7:19 User has no field "usrName"; did you mean userName?']);
  });

  it('reports a mistake in one account of many', () => {
    const { problems } = check(
      '{ accounts: { ids: ["222222222222", "333333333333"] }, accountVariables: { "333333333333": { region: "a b" } } }',
    );
    expect(problems).toHaveLength(1);
    expect(problems.map(lineOf).join()).toMatch(/userName "u-a b"/);
  });
});
