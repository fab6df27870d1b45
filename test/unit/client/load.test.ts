import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadOptions } from '../../../src/client/manifest/load.js';
import { loadManifest, loadSources, validateManifestFiles } from '../../../src/client/manifest/load.js';
import { PACKAGE } from '../../../src/client/package.js';
import { requestDigest } from '../../../src/engine/request-digest.js';
import { defineBootstrap } from '../../../src/client/define.js';
import { KINDS } from '../../../src/kinds/index.js';
import type { ManifestResult } from '../../../src/engine/manifest/resolve.js';
import { HEAD, resolveText, validManifest } from '../../support/manifests.js';

const DOCUMENT = '{ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] }';
const policy = (file: string): string =>
  `${HEAD}  - { kind: Policy, policyName: p, policyDocument: { $file: ${file} } }\n`;
const HEADER = `version: 1, namespace: 'ci', environments: { dev: { account: '111111111111' } }`;

let folder: string;
let options: LoadOptions;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'load-'));
  options = {
    cwd: folder,
    kinds: KINDS,
    variables: {},
    pipeline: { provider: 'local', url: null, commit: null, actor: null },
  };
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [file, content] of Object.entries(files)) {
    await mkdir(join(folder, file, '..'), { recursive: true });
    await writeFile(join(folder, file), content);
  }
}

function problemTexts(result: ManifestResult): string[] {
  return result.ok
    ? []
    : result.problems.map(
        ({ file, line, column, message, remedy }) => `${file}:${String(line)}:${String(column)} ${message}; ${remedy}`,
      );
}

function names(result: ManifestResult): string[] {
  expect(problemTexts(result)).toEqual([]);
  return result.ok ? result.request.entities.map(({ name }) => name) : [];
}

describe('loading manifests', () => {
  it('reads YAML and JSON, several at a time, and names them as they were given', async () => {
    await write({
      'a.yaml': `${HEAD}  - { kind: User, userName: a }\n`,
      'sub/b.json': JSON.stringify({
        version: 1,
        namespace: 'ci',
        environments: { dev: { account: '111111111111' } },
        entities: [{ kind: 'User', userName: 'b' }],
      }),
    });
    const result = await loadManifest(['a.yaml', 'sub/b.json'], options);
    expect(names(result)).toEqual(['a', 'b']);
    expect(result).toMatchObject({ request: { manifest: 'a.yaml, sub/b.json', keepGoing: false } });
  });

  it('reads standard input for -, and its files from the working directory', async () => {
    await write({ 'p.json': DOCUMENT });
    const standardInput = (): Promise<string> => Promise.resolve(policy('p.json'));
    const result = await loadManifest(['-'], { ...options, standardInput });
    expect(names(result)).toEqual(['p']);
    expect(result).toMatchObject({ request: { manifest: '(standard input)' } });
  });

  it('reads files that a manifest refers to, from where the manifest is', async () => {
    await write({ 'infra/m.yml': policy('policies/p.json'), 'infra/policies/p.json': DOCUMENT });
    expect(names(await loadManifest(['infra/m.yml'], options))).toEqual(['p']);
  });

  it('reads a link below the folder, and refuses one that leaves it', async () => {
    await write({ 'secret.json': DOCUMENT, 'in/p.json': DOCUMENT, 'in/ok.yaml': policy('link.json') });
    await symlink('p.json', join(folder, 'in/link.json'));
    expect(names(await loadManifest(['in/ok.yaml'], options))).toEqual(['p']);

    await write({ 'in/file.yaml': policy('out.json'), 'in/folder.yaml': policy('up/secret.json') });
    await symlink('../secret.json', join(folder, 'in/out.json'));
    await symlink('..', join(folder, 'in/up'));
    for (const file of ['in/file.yaml', 'in/folder.yaml']) {
      expect(problemTexts(await loadManifest([file], options))).toEqual([
        expect.stringMatching(/:5:61 \$file ".*" cannot be read: it is a link that leaves the manifest's folder/),
      ]);
    }
  });

  it('says why a file that a manifest refers to cannot be read', async () => {
    await write({ 'm.yaml': policy('none.json'), 'd.yaml': policy('d'), 'd/x': '', 'b.yaml': policy('b.json') });
    await writeFile(join(folder, 'b.json'), Buffer.from([0x22, 0xff, 0xfe, 0x22]));
    expect(problemTexts(await loadManifest(['m.yaml'], options))[0]).toMatch(/there is no such file; check the path/);
    expect(problemTexts(await loadManifest(['d.yaml'], options))[0]).toMatch(/it is a folder/);
    expect(problemTexts(await loadManifest(['b.yaml'], options))[0]).toMatch(/it is not UTF-8 text/);
    expect(problemTexts(await loadManifest(['m.yaml'], options)).join()).not.toContain(folder);
  });

  it('says why a manifest cannot be read, each of them', async () => {
    await write({ 'd.yaml/x': '', 'm.toml': '' });
    expect(problemTexts(await loadManifest(['none.yaml', 'd.yaml', 'm.toml', 'none.ts'], options))).toEqual([
      'none.yaml:0:0 cannot be read: there is no such file; check the path given with -f',
      'd.yaml:0:0 cannot be read: it is a folder; check the path given with -f',
      expect.stringMatching(/^m\.toml:0:0 unknown file type; .*\.yaml/),
      'none.ts:0:0 cannot be read: there is no such file; check the path given with -f',
    ]);
  });

  it('gives the place of an error in the source of a program, not in what is made of it', async () => {
    await write({
      'throws.ts':
        'interface A { a: string }\nconst x: A | undefined = undefined as A | undefined;\nexport default { y: x!.a };\n',
      'calls.ts':
        'type A = {\n  a: string;\n};\nexport default (): A => {\n  const b: A | null = null as A | null; throw new Error(`b ${b}`);\n};\n',
      'syntax.ts': 'export default {\n  b: {{,\n};\n',
    });
    const place = async (file: string): Promise<unknown> => {
      const result = await loadManifest([file], options);
      return result.ok ? null : result.problems.map(({ line, column, sourceLine }) => [line, column, sourceLine]);
    };
    expect(await place('throws.ts')).toEqual([[3, 24, 'export default { y: x!.a };']]);
    expect(await place('calls.ts')).toEqual([
      [5, 47, '  const b: A | null = null as A | null; throw new Error(`b ${b}`);'],
    ]);
    expect(await place('syntax.ts')).toEqual([[2, 7, '  b: {{,']]);
    // A line that may hold a secret is not shown.
    await write({ 'secret.ts': "export {};\nconst password = 'hunter2'; throw new Error(`x`);\n" });
    expect(await place('secret.ts')).toEqual([[2, 35, undefined]]);
  });

  it('reports what is wrong in one file together with another that cannot be read', async () => {
    await write({ 'm.yaml': `${HEAD}  - { kind: User }\n` });
    expect(problemTexts(await loadManifest(['none.yaml', 'm.yaml'], options))).toEqual([
      expect.stringMatching(/^none\.yaml/),
      expect.stringMatching(/^m\.yaml:5:5 userName is missing/),
    ]);
  });

  it('checks every environment', async () => {
    await write({ 'm.yaml': validManifest });
    const { ok, resolved } = await validateManifestFiles(['m.yaml'], options);
    expect(ok).toBe(true);
    expect(resolved.map(({ request }) => request.environment)).toEqual(['dev', 'prod']);
    expect(await validateManifestFiles(['none.yaml'], options)).toMatchObject({ ok: false, problems: [{ line: 0 }] });
  });
});

describe('a manifest in TypeScript', () => {
  it('is the default export, which may use the package wherever it is installed', async () => {
    await write({
      'm.ts': `import { defineBootstrap } from '${PACKAGE.name}';
const users: readonly string[] = ['a', 'b'];
export default defineBootstrap({ ${HEADER}, entities: users.map((userName) => ({ kind: 'User', userName })) });
`,
    });
    expect(names(await loadManifest(['m.ts'], options))).toEqual(['a', 'b']);
  });

  it.each([
    ['m.mjs', `export default { ${HEADER}, entities: [{ kind: 'User', userName: 'a' }] };`],
    ['m.cjs', `module.exports = { ${HEADER}, entities: [{ kind: 'User', userName: 'a' }] };`],
    ['m.mts', `const x: string = 'a';\nexport default { ${HEADER}, entities: [{ kind: 'User', userName: x }] };`],
    ['m.cts', `const x: string = 'a';\nexport default { ${HEADER}, entities: [{ kind: 'User', userName: x }] };`],
  ])('may be %s', async (file, text) => {
    await write({ [file]: text });
    expect(names(await loadManifest([file], options))).toEqual(['a']);
  });

  it('may be a function of the environment and the account', async () => {
    await write({
      'm.ts': `export default ({ environment, account }: { environment: string; account: string }) => ({
  ${HEADER}, entities: [{ kind: 'User', userName: environment + '-' + account }] });
`,
    });
    expect(names(await loadManifest(['m.ts'], options))).toEqual(['dev-111111111111']);
  });

  it('is reported with the line of the program where it throws', async () => {
    await write({
      'load.ts': `const team: string = '';\n\nif (team === '') throw new Error('no team');\nexport default {};\n`,
      'call.ts': `const text = '{';\nexport default () =>\n  JSON.parse(text) as unknown;\n`,
      'syntax.ts': `export default {\n  version: = 1,\n};\n`,
      'promise.ts': `export default async () => ({});\n`,
    });
    expect(problemTexts(await loadManifest(['load.ts'], options))).toEqual([
      expect.stringMatching(/^load\.ts:3:\d+ the manifest threw: no team; fix the program/),
    ]);
    expect(problemTexts(await loadManifest(['call.ts'], options))).toEqual([
      expect.stringMatching(/^call\.ts:3:\d+ the manifest threw: .*JSON/),
    ]);
    expect(problemTexts(await loadManifest(['syntax.ts'], options))).toEqual([
      expect.stringMatching(/^syntax\.ts:2:\d+ the manifest threw: .*Unexpected token/),
    ]);
    expect(problemTexts(await loadManifest(['promise.ts'], options))).toEqual([
      expect.stringMatching(/returns a promise/),
    ]);
  });

  it('has to export something', async () => {
    await write({ 'm.ts': 'export const manifest = {};\n' });
    expect(problemTexts(await loadManifest(['m.ts'], options))[0]).toMatch(/^m\.ts:0:0/);
  });

  it('is read anew each time', async () => {
    const text = (name: string): string =>
      `export default { ${HEADER}, entities: [{ kind: 'User', userName: '${name}' }] };`;
    await write({ 'm.ts': text('a') });
    expect(names(await loadManifest(['m.ts'], options))).toEqual(['a']);
    await write({ 'm.ts': text('b') });
    expect(names(await loadManifest(['m.ts'], options))).toEqual(['b']);
  });

  it('is typed by defineBootstrap, which gives back what it gets', async () => {
    const manifest = { version: 1, namespace: 'ci', environments: {}, entities: [] } as const;
    expect(defineBootstrap(manifest)).toBe(manifest);
    expect((await loadSources([])).sources).toEqual([]);
  });
});

describe('the digest of a request', () => {
  const digest = (text: string, keepGoing = false): string => {
    const result = resolveText(text, { environment: 'dev', keepGoing });
    if (!result.ok) throw new Error(problemTexts(result).join('\n'));
    return requestDigest(result.request);
  };
  const text = `${HEAD}  - { kind: User, userName: a, path: /x/ }\n`;

  it('is the same for the same entities, wherever and in whatever order they are written', () => {
    expect(digest(text)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(digest(`# moved\n${HEAD}  - path: "/{{v}}/"\n    userName: a\n    kind: User\nvariables: { v: x }\n`)).toBe(
      digest(text),
    );
  });

  it('differs with all that changes what is done', () => {
    const others = [
      text.replace('/x/', '/y/'),
      text.replace('namespace: ci', 'namespace: other'),
      text.replace('111111111111', '222222222222'),
      text.replace('{ dev:', '{ prod: { account: "111111111111" }, dev:').replace('dev:', 'dev:'),
      text.replace('path:', 'adopt: own, path:'),
    ];
    const digests = new Set([digest(text), digest(text, true), ...others.map((other) => digest(other))]);
    expect(digests.size).toBe(6);
  });

  test('differs with and without a required approval, but not with its timeout', () => {
    const request = { target: { account: '111111111111', partition: 'aws' }, namespace: 'n', environment: 'e' };
    const plain = { ...request, entities: [], keepGoing: false };
    const [hour, day] = [3_600_000, 86_400_000].map((timeoutMs) =>
      requestDigest({ ...plain, approval: { timeoutMs } }),
    );
    expect(hour).toBe(day);
    expect(hour).not.toBe(requestDigest(plain));
  });
});
