import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import type { World } from './world.js';

const ROOT = resolve(__dirname, '../..');

/** How a script has ended. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** A folder with the package in it, as an installation leaves it; its command is on the path of {@link inShell}. */
export async function makeCheckout(world: World, name = 'checkout'): Promise<string> {
  const checkout = join(world.directory, name);
  await mkdir(join(checkout, 'node_modules/.bin'), { recursive: true });
  await symlink(ROOT, join(checkout, 'node_modules/iam-bootstrap'));
  const bin = `#!/bin/sh\nexec node ${JSON.stringify(join(ROOT, 'dist/cli/main.js'))} "$@"\n`;
  await writeFile(join(checkout, 'node_modules/.bin/iam-bootstrap'), bin, { mode: 0o755 });
  await writeFile(join(checkout, 'package.json'), '{ "private": true }');
  return checkout;
}

/** Runs a script as CI services do: one shell, which ends with the first command that fails. */
export async function inShell(
  world: World,
  checkout: string,
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const path = join(checkout, 'script.sh');
  await writeFile(path, script);
  const PATH = [join(checkout, 'node_modules/.bin'), world.env['PATH'] ?? ''].join(delimiter);
  return new Promise((done) => {
    const child = execFile(
      'bash',
      ['--noprofile', '--norc', '-eo', 'pipefail', path],
      { cwd: checkout, env: { ...world.env, PATH, npm_config_update_notifier: 'false', ...env } },
      (_error, stdout, stderr) => {
        done({ code: child.exitCode, output: stdout + stderr });
      },
    );
  });
}
