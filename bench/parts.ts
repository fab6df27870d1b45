import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { missingForRealServer } from '../test/support/real-server.js';
import type { Part, Results } from './results.js';
import type { Stage } from './stage.js';

const execFileAsync = promisify(execFile);

const ROOT = resolve(__dirname, '..');
const JITI = resolve(ROOT, 'node_modules/jiti/lib/jiti-cli.mjs');

/** Each supported major version of Node.js. */
const MAJORS = ['20', '22', '24'];

/** The version that the whole is measured with. */
const OWN_MAJOR = process.versions.node.split('.')[0] ?? '';

const TIMEOUT_MS = 300_000;

/** Measures the same cases with each version of Node.js, and on Temporal's own server. */
export async function partsOf(
  stage: Stage,
  { roles, repeats, announce }: { readonly roles: number; readonly repeats: number; announce(line: string): void },
): Promise<Pick<Results, 'parts' | 'absentParts'>> {
  const parts: Part[] = [];
  const absentParts: Results['absentParts'][number][] = [];
  const measure = async (name: string, node: string, env: Readonly<Record<string, string>> = {}): Promise<void> => {
    const file = join(stage.directory, 'part.json');
    const args = ['--no-warnings', JITI, resolve(__dirname, 'part.ts'), file, String(roles), String(repeats)];
    await execFileAsync(join(node, 'node'), args, {
      cwd: ROOT,
      env: { ...process.env, ...env, PATH: `${node}:${process.env['PATH'] ?? ''}` },
      timeout: TIMEOUT_MS,
    });
    parts.push({ name, ...(JSON.parse(await readFile(file, 'utf8')) as Omit<Part, 'name'>) });
    announce(`${name} is measured`);
  };
  const attempt = async (name: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      announce(`${name}: ${reason}`);
      absentParts.push({ name, reason });
    }
  };
  for (const major of MAJORS) {
    await attempt(`Node ${major}`, async () => {
      const { stdout } = await execFileAsync('bash', [join(ROOT, 'scripts/node.sh'), major]);
      const node = stdout.trim();
      const { stdout: version } = await execFileAsync(join(node, 'node'), ['--version']);
      await measure(`Node ${version.trim().slice(1)}, development server`, node);
    });
  }
  const real = `Node ${process.versions.node}, Temporal's own server on PostgreSQL`;
  await attempt(real, async () => {
    const missing = missingForRealServer();
    if (missing !== undefined) throw new Error(missing);
    const { stdout } = await execFileAsync('bash', [join(ROOT, 'scripts/node.sh'), OWN_MAJOR]);
    await measure(real, stdout.trim(), { IAM_BOOTSTRAP_TEST_SERVER: 'postgresql' });
  });
  return { parts, absentParts };
}
