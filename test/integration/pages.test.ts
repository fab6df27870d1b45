import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { RESOURCE_TYPES } from '../../src/client/terraform/resource-types.js';
import { BOOTSTRAP_ROLES, createBootstrapRoles } from '../support/cdk-bootstrap.js';
import { inShell, makeCheckout, type Ended } from '../support/checkout.js';
import { readTemplate } from '../support/cloudformation.js';
import { allowing, trusting } from '../support/manifests-of.js';
import { fullWritesIn, writesIn } from '../support/runs.js';
import { iamClient } from '../support/sandbox.js';
import { planPath } from '../support/terraform-creates.js';
import { createRole, iam, tagsOfRole, useWorld, world } from '../support/use-world.js';
import { ACCOUNT, type CommandResult } from '../support/world.js';

/**
 * The commands of the pages about other tools run as they stand there, in their order. `terraform`, `cdk` and `aws` are
 * stand-ins that take what the tools take; ours are real, and their writes are counted.
 */

jest.setTimeout(300_000);
useWorld();

const ROOT = resolve(__dirname, '../..');
const TOOLS = join(ROOT, 'test/support/other-tools.mjs');
const READ_ONLY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';

interface Section {
  readonly heading: string;
  /** The shell blocks of the section. */
  readonly commands: readonly string[];
  /** The blocks without a language: what a command prints. */
  readonly outputs: readonly string[];
}

async function pageAt(name: string): Promise<string> {
  return readFile(join(ROOT, 'docs', name), 'utf8');
}

/** Returns the sections of a page that have commands. The text before the first heading has the heading of the page. */
async function sectionsOf(name: string): Promise<readonly Section[]> {
  const parts = (await pageAt(name)).split(/^##? /m).slice(1);
  const blocksOf = (part: string, language: string): string[] =>
    [...part.matchAll(/^( *)```(\w*)\n([^]*?)^ *```$/gm)]
      .filter(([, , found]) => found === language)
      .map(([, indent = '', , block = '']) => block.replace(new RegExp(`^${indent}`, 'gm'), ''));
  return parts
    .map((part) => ({
      heading: part.slice(0, part.indexOf('\n')),
      commands: blocksOf(part, 'sh'),
      outputs: blocksOf(part, ''),
    }))
    .filter(({ commands }) => commands.length > 0);
}

/** A folder with the command line and the stand-ins for other tools. */
class Desk {
  private constructor(
    readonly folder: string,
    readonly tools: string,
  ) {}

  static async open(): Promise<Desk> {
    const folder = await makeCheckout(world, `page-${String((opened += 1))}`);
    const tools = join(folder, '..', `tools-${String(opened)}`);
    await mkdir(tools);
    for (const tool of ['terraform', 'cdk', 'aws']) {
      const script = `#!/bin/sh\nexec node ${JSON.stringify(TOOLS)} ${tool} "$@"\n`;
      await writeFile(join(folder, 'node_modules/.bin', tool), script, { mode: 0o755 });
    }
    return new Desk(folder, tools);
  }

  /** Runs a script as a shell on which nobody has set anything does: it goes on after a command that fails. */
  run(script: string): Promise<Ended> {
    return inShell(world, this.folder, `set +e\n${script}`, { env: this.#env() });
  }

  /** Runs a script that stops at the first command that fails. */
  runAll(script: string): Promise<Ended> {
    return inShell(world, this.folder, script, { env: this.#env() });
  }

  /** Returns the command lines of the other tools. */
  async commands(): Promise<readonly string[]> {
    const text = await readFile(join(this.tools, 'commands.txt'), 'utf8').catch(() => '');
    return text.trim().split('\n');
  }

  #env(): Record<string, string> {
    return { ACCOUNT, OTHER_TOOLS: this.tools, OTHER_TOOLS_IAM: world.sandbox.url };
  }
}

let opened = 0;

/** A resource that a plan creates, with its name and the values that matter here. */
interface Created {
  readonly module_address?: string;
  readonly index?: string | number;
  readonly type: string;
  readonly name: string;
  readonly after: object;
}

/** Returns a plan that creates resources, as Terraform prints it. */
function planCreating(...resources: readonly Created[]): string {
  const resource_changes = resources.map(({ after, ...own }) => {
    const { module_address: module, index, type, name } = own;
    const key = index === undefined ? '' : `[${JSON.stringify(index)}]`;
    return {
      address: `${module === undefined ? '' : `${module}.`}${type}.${name}${key}`,
      mode: 'managed',
      ...own,
      change: { actions: ['create'], before: null, after, after_unknown: {} },
    };
  });
  return JSON.stringify({ format_version: '1.2', terraform_version: '1.9.8', resource_changes });
}

function roleCreated(name: string, own: Partial<Created> = {}): Created {
  return { type: 'aws_iam_role', name, after: { name, path: '/' }, ...own };
}

/** The role that Terraform manages in the page about it, with what it holds. */
async function makeTerraformRole(tags: Readonly<Record<string, string>>): Promise<void> {
  await createRole('deploy', tags);
  await iam.putRolePolicy({
    RoleName: 'deploy',
    PolicyName: 'state',
    PolicyDocument: JSON.stringify(allowing('s3:GetObject')),
  });
  await iam.attachRolePolicy({ RoleName: 'deploy', PolicyArn: READ_ONLY });
  world.proxy.clear();
}

const TERRAFORM_ROLE = planCreating(
  roleCreated('deploy'),
  { type: 'aws_iam_role_policy', name: 'deploy', after: { role: 'deploy', name: 'state', policy: '{}' } },
  {
    type: 'aws_iam_role_policy_attachment',
    name: 'deploy',
    after: { role: 'deploy', policy_arn: READ_ONLY },
  },
);

interface Scenario {
  readonly before: (desk: Desk) => Promise<void>;
  /** The exit code of the section's last command. */
  readonly code: number;
  readonly after: (ended: Ended, desk: Desk, section: Section) => Promise<void>;
}

const ROLES_TEMPLATE = {
  AWSTemplateFormatVersion: '2010-09-09',
  Resources: {
    ...Object.fromEntries(
      ['deploy', 'audit'].map((RoleName) => [
        RoleName,
        { Type: 'AWS::IAM::Role', Properties: { RoleName, AssumeRolePolicyDocument: trusting() } },
      ]),
    ),
    Read: {
      Type: 'AWS::IAM::ManagedPolicy',
      Properties: { ManagedPolicyName: 'read', PolicyDocument: allowing('s3:GetObject') },
    },
    ...Object.fromEntries(['A', 'B', 'C'].map((name) => [`Bucket${name}`, { Type: 'AWS::S3::Bucket' }])),
    Metadata: { Type: 'AWS::CDK::Metadata' },
  },
};

/** The sections with commands, by page. */
const SCENARIOS: Readonly<Record<string, Readonly<Record<string, Scenario>>>> = {
  'terraform.md': {
    Terraform: {
      before: async ({ tools }) => {
        await createRole('audit', { 'iam-bootstrap:namespace': 'platform' });
        await createRole('ci-prod');
        const inModule = { module_address: 'module.ci["prod"]', index: 0, after: { name: 'ci-prod', path: '/' } };
        const plan = planCreating(roleCreated('audit'), roleCreated('this', inModule), roleCreated('new'));
        await writeFile(join(tools, 'plan.json'), plan);
      },
      code: 3,
      after: async ({ output }, { folder }, { outputs }) => {
        const dateless = (text: string): string => text.replaceAll(/created \d{4}-\d\d-\d\d/g, 'created DAY');
        expect(dateless(output)).toContain(dateless(outputs[0] ?? 'no output on the page'));
        expect(await readFile(join(folder, 'imports.tf'), 'utf8')).toContain('  id = "ci-prod"\n');
        expect(writesIn(world)).toEqual([]);
      },
    },
    'The account of a plan': {
      before: ({ folder }) => copyFile(planPath('aliases'), join(folder, 'plan.json')),
      code: 0,
      after: ({ output }) => {
        expect(output).toContain(`account ${ACCOUNT}, 222222222222`);
        return Promise.resolve();
      },
    },
    'Several plans': {
      before: async ({ folder }) => {
        await copyFile(planPath('stack-a'), join(folder, 'network.json'));
        await copyFile(planPath('stack-b'), join(folder, 'app.json'));
      },
      code: 2,
      after: ({ output }) => {
        expect(output).toContain('network.json: aws_iam_role.deploy creates Role/deploy as well');
        expect(world.proxy.calls).toEqual([]);
        return Promise.resolve();
      },
    },
    'Move from Terraform': {
      before: async ({ tools }) => {
        await makeTerraformRole({ ManagedBy: 'terraform', team: 'platform' });
        await writeFile(join(tools, 'plan.json'), TERRAFORM_ROLE);
      },
      code: 2,
      after: async ({ output }, { folder }) => {
        expect(output).toContain('Plan: 1 to adopt');
        expect(output).toContain('No changes. 1 entity matches the manifest.');
        expect(fullWritesIn(world)).toEqual(['TagRole deploy', 'UntagRole deploy']);
        expect(await tagsOfRole('deploy')).toEqual({ team: 'platform' });
        const imports = await readFile(join(folder, 'imports.tf'), 'utf8');
        expect(imports.match(/^ {2}id = .*/gm)).toEqual([
          '  id = "deploy"',
          '  id = "deploy:state"',
          `  id = "deploy/${READ_ONLY}"`,
        ]);
      },
    },
    'Side by side with Terraform': {
      before: ({ tools }) => writeFile(join(tools, 'plan.json'), planCreating(roleCreated('new'))),
      code: 0,
      after: async (_ended, desk) => {
        expect((await desk.commands()).at(-1)).toBe('terraform apply tfplan');
        expect(writesIn(world)).toEqual([]);
      },
    },
  },
  'cloudformation.md': {
    'CloudFormation and the CDK': {
      before: ({ tools }) => writeFile(join(tools, 'template'), JSON.stringify(ROLES_TEMPLATE)),
      code: 0,
      after: async ({ output }, { folder }, { outputs }) => {
        expect(output).toContain('Plan: 3 to create');
        expect(output).toContain('then delete the resources, not the stack, from its template and deploy it again');
        expect(output).toContain(outputs[0] ?? 'no output on the page');
        expect(writesIn(world)).toEqual([]);
        const converted = await world.cli(['plan', '-f', join(folder, 'roles.yaml')]);
        expect([converted.code, converted.stdout]).toEqual([0, expect.stringContaining('Plan: 3 to create')]);
      },
    },
    'What is refused': {
      before: ({ tools }) => writeFile(join(tools, 'template'), JSON.stringify(ROLES_TEMPLATE)),
      code: 0,
      after: async (_ended, desk) => {
        const { output } = await desk.runAll('iam-bootstrap convert roles.template.json --account "$ACCOUNT"');
        expect(output).toContain('Converted 3 entities: 2 Role, 1 Policy.');
      },
    },
    'Move from the CDK bootstrap roles': {
      before: async ({ tools }) => {
        await createBootstrapRoles(iam);
        await copyFile(
          join(ROOT, 'test/unit/client/cloudformation/templates/cdk-bootstrap-27.yaml'),
          join(tools, 'template'),
        );
      },
      code: 0,
      after: async ({ output }, desk) => {
        expect(output).toContain('Plan: 5 to adopt');
        expect(output).toContain('No changes. 5 entities match the manifest.');
        expect(writesIn(world)).toEqual(Array.from({ length: 5 }, () => 'TagRole'));
        expect((await desk.commands()).map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
          'aws cloudformation get-template',
          'aws cloudformation deploy',
          'aws cloudformation deploy',
        ]);
      },
    },
  },
};

describe.each(Object.entries(SCENARIOS))('the commands of docs/%s', (page, scenarios) => {
  test('are all run here', async () => {
    expect((await sectionsOf(page)).map(({ heading }) => heading)).toEqual(Object.keys(scenarios));
  });

  test.each(Object.entries(scenarios))('of "%s" work in their order', async (heading, { before, code, after }) => {
    const section = (await sectionsOf(page)).find((one) => one.heading === heading);
    if (section === undefined) throw new Error(`no section ${heading}`);
    const desk = await Desk.open();
    await before(desk);
    world.proxy.clear();
    const ended = await desk.runAll(section.commands.join(''));
    expect({ code: ended.code, output: ended.output }).toEqual({ code, output: ended.output });
    await after(ended, desk, section);
  });

  test('of other tools have the form that these take, also within sentences', async () => {
    const text = (await pageAt(page)).replaceAll(/```[^]*?```/g, '');
    const lines = [...text.matchAll(/`((?:terraform|cdk|aws) [^`]+)`/g)].map(([, line = '']) => line);
    expect(lines.length).toBeGreaterThan(0);
    const desk = await Desk.open();
    for (const file of ['template', 'plan.json']) await writeFile(join(desk.tools, file), '{}');
    for (const line of lines) {
      const operand = /^terraform state rm$/.test(line) ? ' aws_iam_role.deploy' : '';
      const { code, output } = await desk.runAll(line + operand);
      expect([line, code, output]).toEqual([line, 0, expect.anything()]);
    }
  });
});

test('the stand-ins refuse what a tool does not take', async () => {
  const desk = await Desk.open();
  for (const line of ['terraform plan --output=x', 'aws iam untag-roles', 'terraform state rm', 'cdk synth Roles']) {
    expect([line, (await desk.runAll(line)).code]).toEqual([line, 64]);
  }
});

test('the pipeline beside Terraform stops before the apply on each exit code but 0, also in a shell that goes on', async () => {
  const section = (await sectionsOf('terraform.md')).find(({ heading }) => heading.startsWith('Side by side'));
  const script = section?.commands.join('') ?? '';
  await createRole('ours', { 'iam-bootstrap:namespace': 'platform' });
  await createRole('unowned');
  for (const [name, code] of [
    ['ours', 3],
    ['unowned', 2],
  ] as const) {
    const desk = await Desk.open();
    await writeFile(join(desk.tools, 'plan.json'), planCreating(roleCreated(name)));
    expect(await desk.run(script)).toMatchObject({ code });
    expect((await desk.commands()).at(-1)).toBe('terraform show -json tfplan');
  }
});

describe('beside Terraform', () => {
  const manifest = (more: object = {}): Promise<string> =>
    world.manifest('deploy.json', {
      version: 1,
      namespace: 'platform',
      environments: { prod: { account: ACCOUNT } },
      entities: [{ kind: 'Role', roleName: 'deploy', assumeRolePolicyDocument: trusting(), ...more }],
    });

  test('a role with its tag is left out by a capture, refused by a plan, and adopted by name', async () => {
    await makeTerraformRole({ ManagedBy: 'terraform' });
    const desk = await Desk.open();
    const captured = await desk.runAll(
      'iam-bootstrap capture --account "$ACCOUNT" --namespace platform --environment prod --name deploy',
    );
    expect(captured.output).toContain('1 belongs to Terraform (tag ManagedBy=terraform): Role/deploy');

    const file = await manifest();
    const refused = await world.cli(['apply', '-f', file]);
    expect([refused.code, refused.stdout]).toEqual([3, expect.stringContaining('owned by Terraform')]);
    expect(writesIn(world)).toEqual([]);

    const adopted = await world.cli(['apply', '-f', file, '--adopt', 'foreign:Role/deploy']);
    expect(adopted.code).toBe(0);
    expect(writesIn(world)).toEqual(['TagRole']);
    // What the manifest does not declare is listed and kept.
    expect(adopted.stdout).toContain('unmanaged, kept');
    const { AttachedPolicies = [] } = await iam.listAttachedRolePolicies({ RoleName: 'deploy' });
    expect(AttachedPolicies.map(({ PolicyArn }) => PolicyArn)).toEqual([READ_ONLY]);
  });

  test('a role whose state is lost is captured as it is, and adopted without a change', async () => {
    await makeTerraformRole({ team: 'platform' });
    const commands =
      (await sectionsOf('terraform.md')).find(({ heading }) => heading.startsWith('Move'))?.commands ?? [];
    const ours = commands.filter((block) => /^iam-bootstrap (capture|validate)/.test(block));
    expect(ours).toHaveLength(2);
    const desk = await Desk.open();
    const { code, output } = await desk.runAll(ours.join(''));
    expect({ code, output }).toEqual({ code: 0, output });
    expect(writesIn(world)).toEqual(['TagRole']);
  });

  test('an exclusive resource that would remove what the manifest declares is shown', async () => {
    const file = await manifest({ inlinePolicies: { ours: allowing('s3:GetObject') } });
    expect(await world.cli(['apply', '-f', file])).toMatchObject({ code: 0 });
    const desk = await Desk.open();
    const exclusive = { type: 'aws_iam_role_policies_exclusive', name: 'x' };
    const plan = planCreating({ ...exclusive, after: { role_name: 'deploy', policy_names: [] } });
    await writeFile(join(desk.folder, 'plan.json'), plan);
    const { output } = await desk.runAll('iam-bootstrap preflight --terraform plan.json --account "$ACCOUNT"');
    expect(output).toContain('it removes what it does not list: ours');
    expect(output).toContain('iam-bootstrap namespace "platform"');
  });
});

describe('the roles of cdk bootstrap', () => {
  const EXAMPLE = join(ROOT, 'examples/cdk-bootstrap.yaml');
  const example = (command: string, ...options: readonly string[]): Promise<CommandResult> =>
    world.cli([command, '-f', EXAMPLE, '-e', 'dev', '--output', 'json', ...options]);
  const names = BOOTSTRAP_ROLES.map(({ roleName }) => roleName);
  const TAGGED = names.map(() => 'TagRole');

  test.each([
    ['as they are', {}, []],
    ['with tags of the stack, of --tags', { team: 'platform' }, names.map(() => 'tags: team')],
  ])('%s: the example plans five adoptions without a change, and an apply only tags them', async (_how, tags, kept) => {
    await createBootstrapRoles(iam, tags);
    world.proxy.clear();
    const { entities } = (await example('plan')).report();
    expect(entities.map(({ decision, drift }) => [decision, drift])).toEqual(names.map(() => ['adopt', []]));
    expect(entities.flatMap(({ unmanaged }) => unmanaged)).toEqual(kept);
    expect(writesIn(world)).toEqual([]);

    expect((await example('apply')).code).toBe(0);
    expect(writesIn(world)).toEqual(TAGGED);
    for (const name of names) expect(await tagsOfRole(name)).toMatchObject(tags);
    expect((await example('plan', '--detailed-exitcode')).code).toBe(0);
  });

  test('with tags of CloudFormation: refused with the way out of the stack, until each is adopted by name', async () => {
    const service = iamClient(world.sandbox.url, undefined, { accessKeyId: 'AKIAAWSSERVICECFN' });
    await createBootstrapRoles(service, { 'aws:cloudformation:stack-name': 'CDKToolkit' });
    world.proxy.clear();
    const refused = await example('apply');
    expect(refused.code).toBe(3);
    for (const { outcome, reason, remedy } of refused.report().entities) {
      expect([outcome, reason]).toEqual(['refused', 'owned by CloudFormation stack "CDKToolkit"']);
      expect(remedy).toContain(
        'deploy the stack with DeletionPolicy: Retain on it, then with a template without it (do not delete the stack)',
      );
    }
    expect(writesIn(world)).toEqual([]);

    const adopt = names.flatMap((name) => ['--adopt', `foreign:Role/${name}`]);
    expect((await example('apply', ...adopt)).code).toBe(0);
    expect(writesIn(world)).toEqual(TAGGED);
    // Only AWS can remove the tags of the stack. They do not matter any more.
    expect((await example('plan', '--detailed-exitcode')).code).toBe(0);
  });

  test('a stack that creates them again is refused by AWS for each, and one that still has them causes drift', async () => {
    await createBootstrapRoles(iam);
    expect((await example('apply')).code).toBe(0);
    for (const { roleName, assumeRolePolicyDocument } of BOOTSTRAP_ROLES) {
      const create = { RoleName: roleName, AssumeRolePolicyDocument: JSON.stringify(assumeRolePolicyDocument) };
      await expect(iam.createRole(create)).rejects.toMatchObject({ name: 'EntityAlreadyExistsException' });
    }
    expect((await example('plan', '--detailed-exitcode')).code).toBe(0);

    // A later bootstrap version, or another trusted account.
    const [RoleName = ''] = names.filter((name) => name.includes('lookup-role'));
    const PolicyDocument = JSON.stringify(trusting({ AWS: '222222222222' }));
    await iam.updateAssumeRolePolicy({ RoleName, PolicyDocument });
    const { entities } = (await example('plan')).report();
    expect(entities.filter(({ drift }) => drift.length > 0).map(({ name }) => name)).toEqual([RoleName]);
    world.proxy.clear();
    expect((await example('apply')).code).toBe(0);
    expect(fullWritesIn(world)).toEqual([`UpdateAssumeRolePolicy ${RoleName}`]);
  });

  test('are the resources that the page takes out of the stack, and one other resource names them', async () => {
    const page = await pageAt('cloudformation.md');
    const { Resources } = readTemplate(join(ROOT, 'test/unit/client/cloudformation/templates/cdk-bootstrap-27.yaml'));
    const taken = Object.keys(Resources).filter((id) =>
      ['AWS::IAM::Role', 'AWS::IAM::Policy'].includes(Resources[id]?.Type ?? ''),
    );
    const [, listed = ''] = /^2\. Add `DeletionPolicy: Retain` and[^]*?, to ([^]*?), and deploy:$/m.exec(page) ?? [];
    expect([...listed.matchAll(/`(\w+)`/g)].map(([, id]) => id).sort()).toEqual([...taken].sort());
    const naming = Object.keys(Resources).filter(
      (id) =>
        !taken.includes(id) && taken.some((one) => new RegExp(`\\b${one}\\b`).test(JSON.stringify(Resources[id]))),
    );
    expect(naming).toEqual(['FileAssetsBucketEncryptionKey']);
    expect(page).toContain('`FileAssetsBucketEncryptionKey`');
    const written = /`arn:[^`]*file-publishing-role[^`]*`/.exec(page)?.[0] ?? '';
    const { RoleName } = Resources['FilePublishingRole']?.Properties as { RoleName: { 'Fn::Sub': string } };
    expect(written).toContain(`:role/${RoleName['Fn::Sub']}`);
  });
});

test('the blocks for Terraform forget what its commands forget, and ignore what a finding names', async () => {
  const page = await pageAt('terraform.md');
  const removed = /^removed \{\n {2}from = (\S+)\n {2}lifecycle \{ destroy = false \}\n\}$/gm;
  const forgotten = [...page.replaceAll(/^ {3}/gm, '').matchAll(removed)].map(([, address]) => address);
  const [, commanded = ''] = /terraform state rm ([^\n`]+)\n/.exec(page) ?? [];
  expect(forgotten).toHaveLength(3);
  expect(commanded.split(' ')).toEqual(forgotten);

  const [, certificate, profile] = /ignore_changes = \[(.*?)\] # of a login profile: \[(.*?)\]/.exec(page) ?? [];
  expect([certificate, profile]).toEqual(
    ['aws_iam_server_certificate', 'aws_iam_user_login_profile'].map((type) =>
      RESOURCE_TYPES[type]?.unreadable?.join(', '),
    ),
  );
});

test('the attributes that keep a resource of a stack are ones that a template may have, and protect the entity', async () => {
  const [, block = ''] = /^ *```yaml\n([^]*?)^ *```$/m.exec(await pageAt('cloudformation.md')) ?? [];
  const [role = ''] = /^ *Deploy:[^]*$/m.exec(block) ?? [];
  const Properties = { RoleName: 'deploy', AssumeRolePolicyDocument: trusting() };
  const resources = parse(role) as Readonly<Record<string, object>>;
  const template = { Resources: { Deploy: { ...resources['Deploy'], Properties } } };
  const file = await world.manifest('kept.template.json', template);
  const { code, stdout } = await world.cli(['convert', file, '--account', ACCOUNT]);
  expect([code, stdout]).toEqual([0, expect.stringContaining('protect: true')]);
});

test('every block of a page that is a script has the syntax of a shell', async () => {
  for (const page of Object.keys(SCENARIOS)) {
    for (const { commands } of await sectionsOf(page)) {
      const code = await new Promise((done) => {
        const child = execFile('bash', ['-n', '-c', commands.join('')], () => {
          done(child.exitCode);
        });
      });
      expect([page, commands, code]).toEqual([page, commands, 0]);
    }
  }
});
