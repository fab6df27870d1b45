import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(__dirname, '../..');

interface Packed {
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

/** Returns what `npm pack` would put into the package. */
async function pack(): Promise<Packed> {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    maxBuffer: 16_000_000,
  });
  const [packed] = JSON.parse(stdout) as Packed[];
  if (packed === undefined) throw new Error('npm packs nothing');
  return packed;
}

/** Paths of a package, by the file or folder that they begin with. */
const ALLOWED = [
  /^(CHANGELOG\.md|LICENSE|README\.md|action\.yml|package\.json)$/,
  /^dist\/[\w./-]+\.(js|d\.ts)$/,
  /^docs\/[\w./-]+\.(md|json)$/,
  /^examples\/[\w./-]+\.(yaml|ts|json)$/,
  /^ops\/(grafana|prometheus)\/[\w.-]+\.(json|yaml)$/,
  /^sandbox\/(README\.md|requirements\.txt|serve\.py|strict_iam\/\w+\.py)$/,
  /^schema\/[\w-]+\.schema\.json$/,
  /^templates\/[\w.-]+$/,
];

describe('the package', () => {
  let packed: Packed;
  beforeAll(async () => {
    // What a sandbox of this checkout leaves behind.
    const folder = join(ROOT, 'sandbox/strict_iam/__pycache__');
    const file = join(folder, 'left-behind.pyc');
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, '');
    try {
      packed = await pack();
    } finally {
      rmSync(file);
      if (readdirSync(folder).length === 0) rmdirSync(folder);
    }
  });

  test('has what it needs, and nothing that is left behind by a build, a test or a sandbox', async () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths.filter((path) => !ALLOWED.some((allowed) => allowed.test(path)))).toEqual([]);

    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      readonly bin: Readonly<Record<string, string>>;
      readonly main: string;
      readonly types: string;
    };
    const needed = [
      ...Object.values(manifest.bin),
      manifest.main,
      manifest.types,
      'dist/worker.js',
      'dist/workflow-bundle.js',
      'dist/temporal/encoded-failures.js',
      'sandbox/requirements.txt',
      'sandbox/serve.py',
      'schema/manifest.schema.json',
      'templates/github.yml',
      'action.yml',
      'LICENSE',
    ];
    expect(needed.filter((path) => !paths.includes(path))).toEqual([]);
    // Every source is there, compiled, and nothing of a source that is gone: the build begins with an empty folder.
    const listed = await promisify(execFile)('git', ['ls-files', '-co', '--exclude-standard', 'src'], { cwd: ROOT });
    const sources = listed.stdout.trim().split('\n');
    const compiled = sources.map((path) => path.replace(/^src/, 'dist').replace(/\.ts$/, '.js'));
    const present = paths.filter((path) => path.startsWith('dist/') && path.endsWith('.js'));
    expect(present.sort()).toEqual([...compiled, 'dist/workflow-bundle.js'].sort());
  });

  test('has about the size that docs/operations.md names', () => {
    const [, named = ''] =
      /The package has ([\d.]+) MB/.exec(readFileSync(join(ROOT, 'docs/operations.md'), 'utf8')) ?? [];
    expect(Math.abs(packed.size / 1e6 - Number(named))).toBeLessThan(0.3);
  });
});
