import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { makeOnce } from '../../src/embedded/lock.js';

const ROOT = resolve(__dirname, '../..');

/** Everything that a bundle is made from. */
const SOURCES = ['src/workflows', 'src/report', 'src/contract', 'src/observability', 'package-lock.json'];

/** Limits of the workflow code that tests lower, as their names in the sources. */
export interface Limits {
  /** Events from which a workflow continues as new. */
  readonly events?: number;
  /** See `MAX_INLINE_LENGTH` and `PART_LENGTH`. */
  readonly MAX_INLINE_LENGTH?: number;
  readonly PART_LENGTH?: number;
}

/** Returns workflow code with lower limits. */
export function withLimits(code: string, limits: Limits): string {
  return Object.entries(limits).reduce((changed, [name, value]) => {
    const limit = new RegExp(name === 'events' ? '(FULL_HISTORY = \\{\\s*events: )[\\d_]+' : `(${name} = )[\\d_]+`);
    if (!limit.test(changed)) throw new Error(`the workflow code has no limit ${name}`);
    return changed.replace(limit, `$1${String(value)}`);
  }, code);
}

/** Returns the workflow code of the sources. Bundling takes seconds, so that all test files share one bundle. */
export async function workflowBundle(): Promise<{ readonly code: string }> {
  const path = join(ROOT, 'node_modules/.cache/iam-bootstrap', `workflow-bundle-${digestOf(SOURCES)}.js`);
  await mkdir(dirname(path), { recursive: true });
  const bundle = async (temporary: string): Promise<void> => {
    const workflowsPath = join(ROOT, 'src/workflows/index.ts');
    const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
    await writeFile(temporary, code);
  };
  await makeOnce(path, bundle, { purpose: 'bundling the workflows' });
  return { code: await readFile(path, 'utf8') };
}

function digestOf(sources: readonly string[]): string {
  const hash = createHash('sha256').update(ROOT);
  for (const source of sources) {
    const names = source.endsWith('.json')
      ? ['']
      : readdirSync(join(ROOT, source), { recursive: true, encoding: 'utf8' });
    const files = names.filter((name) => name === '' || name.endsWith('.ts')).sort();
    for (const file of files) hash.update(file).update(readFileSync(join(ROOT, source, file)));
  }
  return hash.digest('hex').slice(0, 16);
}
