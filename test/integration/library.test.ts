import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { loadManifest } from '../../src/client/manifest/load.js';
import { KINDS } from '../../src/kinds/index.js';
import { OTHER_ACCOUNT } from '../support/iam-sandbox.js';
import { role } from '../support/manifests-of.js';
import { planPath } from '../support/terraform-creates.js';
import { createRole, iam, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/** The programs of docs/library.md, compiled in the strictest form and run against a worker, in their order. */

useWorld({ reset: false });

const ROOT = resolve(__dirname, '../..');

/** A fleet for the program that applies one. */
const FLEET = {
  version: 1,
  namespace: 'landing-zone',
  fleets: {
    workloads: {
      accounts: { ids: [ACCOUNT, OTHER_ACCOUNT] },
      assumeRole: 'arn:{{partition}}:iam::{{account}}:role/iam-bootstrap',
    },
  },
  entities: [role('audit')],
};

let folder: string;
let files: string[];

beforeAll(async () => {
  folder = join(world.directory, 'project');
  await mkdir(join(folder, 'node_modules/@iam-bootstrap'), { recursive: true });
  await symlink(ROOT, join(folder, 'node_modules/@iam-bootstrap/iam-bootstrap'));
  await symlink(join(ROOT, 'node_modules/@types'), join(folder, 'node_modules/@types'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await copyFile(join(ROOT, 'examples/first.yaml'), join(folder, 'iam.yaml'));
  await writeFile(join(folder, 'fleet.yaml'), JSON.stringify(FLEET));
  const page = await readFile(join(ROOT, 'docs/library.md'), 'utf8');
  const programs = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, program = '']) => program);
  files = programs.map((_, index) => join(folder, `program-${String(index)}.ts`));
  for (const [index, file] of files.entries()) await writeFile(file, programs[index] ?? '');
});

/** Runs one of the programs, and returns the lines that it prints. */
async function run(index: number): Promise<string[]> {
  const loader = join(ROOT, 'node_modules/jiti/lib/jiti-cli.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', loader, files[index] ?? ''], {
    cwd: folder,
    env: world.env,
  });
  return stdout.trim().split('\n');
}

test('compiles every program of the page', () => {
  expect(files).toHaveLength(7);
  const program = ts.createProgram(files, {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    types: ['node'],
  });
  const problems = ts.getPreEmitDiagnostics(program);
  expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
});

test('plans and applies a manifest, as the page has it', async () => {
  const [planned, ...rest] = await run(0);
  expect(planned).toBe("[ 'create Policy/read-artifacts', 'create Role/artifact-reader' ]");
  expect(rest.at(-1)).toBe('converged 2');
  expect(await world.creates()).toEqual({ 'CreatePolicy read-artifacts': 1, 'CreateRole artifact-reader': 1 });
});

test('plans and applies a manifest to a fleet, and reads its last run, as the page has it', async () => {
  expect(await run(1)).toEqual([
    `${ACCOUNT} 1 to write`,
    `${OTHER_ACCOUNT} 1 to write`,
    `${ACCOUNT} converged `,
    `${OTHER_ACCOUNT} converged `,
    'converged converged []',
  ]);
  expect(await world.creates(OTHER_ACCOUNT)).toEqual({ 'CreateRole audit': 1 });
});

test('explains an entity and counts conflicts, as the page has it', async () => {
  const lines = await run(2);
  expect(lines.at(-1)).toMatch(/^\d+ conflicts$/);
  expect(lines).toHaveLength(2);
});

test('captures what has no owner, as the page has it', async () => {
  await createRole('by-hand');
  expect(await run(3)).toEqual(["captured [ 'bootstrap.yaml' ]"]);
  expect(await readFile(join(folder, 'captured/bootstrap.yaml'), 'utf8')).toContain('roleName: by-hand');
});

test('takes drift over into the manifest, as the page has it', async () => {
  await iam.tagRole({ RoleName: 'artifact-reader', Tags: [{ Key: 'by', Value: 'hand' }] });
  expect(await run(4)).toEqual(['1 changes']);
  expect(await readFile(join(folder, 'iam.yaml'), 'utf8')).toMatch(/^ +tags:\n +by: hand$/m);
});

test('tells what the creates of a plan meet, as the page has it', async () => {
  await copyFile(planPath('role'), join(folder, 'plan.json'));
  const address = 'aws_iam_role.test_role';
  const [free = ''] = await run(5);
  expect(free).toMatch(`create ${address} `);
  await createRole('test_role');
  // The exit code of the program is that of the command.
  await expect(run(5)).rejects.toMatchObject({
    code: 2,
    stdout: expect.stringMatching(
      new RegExp(`^import ${address} it exists[^]*\\n  to = ${address}\\n  id = "test_role"\\n`),
    ) as string,
  });
});

test('loads the manifest that is a program, as the page has it', async () => {
  const loaded = await loadManifest([files[6] ?? ''], {
    kinds: KINDS,
    environment: 'prod',
    variables: {},
    pipeline: { provider: 'local', url: null, commit: null, actor: null },
  });
  expect(loaded).toMatchObject({ ok: true, request: { entities: [{ name: 'prod-readers' }] } });
});
