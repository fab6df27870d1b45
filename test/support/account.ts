import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Json } from '../../src/contract/entity.js';
import { findPython } from './sandbox.js';
import type { World } from './world.js';

const SCRIPT = join(__dirname, 'account.py');

/** All that IAM shows of an account, by `Kind/name`. Documents are the text that AWS gives. */
export type AccountDump = Readonly<Record<string, Json>>;

/** Fills the sandbox's own account with some hundred entities, by hands that are not ours. */
export async function fillAccount(world: World): Promise<void> {
  await run(world, 'fill');
}

/** Everything that is in the sandbox's own account, as boto3 shows it. Not through the proxy. */
export async function dumpAccount(world: World): Promise<AccountDump> {
  return JSON.parse(await run(world, 'dump')) as AccountDump;
}

async function run(world: World, command: string): Promise<string> {
  const python = await findPython();
  const args = [SCRIPT, command, '--endpoint', world.sandbox.url];
  return (await promisify(execFile)(python, args, { maxBuffer: 256 * 1024 * 1024 })).stdout;
}
