import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Json } from '../../src/contract/entity.js';
import { findPython } from './sandbox.js';
import type { World } from './world.js';

const SCRIPT = join(__dirname, 'account.py');

/** Everything that IAM shows of an account, by `Kind/name`. Documents are AWS's text. */
export type AccountDump = Readonly<Record<string, Json>>;

/** Fills the sandbox's own account with some hundred entities, without the engine. */
export async function fillAccount(world: World): Promise<void> {
  await run(world, 'fill');
}

/** Returns the whole content of the sandbox's own account by boto3, without the proxy. */
export async function dumpAccount(world: World): Promise<AccountDump> {
  return JSON.parse(await run(world, 'dump')) as AccountDump;
}

async function run(world: World, command: string): Promise<string> {
  const python = await findPython();
  const args = [SCRIPT, command, '--endpoint', world.sandbox.url];
  return (await promisify(execFile)(python, args, { maxBuffer: 256 * 1024 * 1024 })).stdout;
}

/** Returns a dump without the given tags. Empty lists of tags are removed too, as AWS does. */
export function withoutTags(dump: AccountDump, goes: (tag: string) => boolean): AccountDump {
  return Object.fromEntries(Object.entries(dump).map(([id, shown]) => [id, strip(shown, goes)]));
}

function strip(value: Json, goes: (tag: string) => boolean): Json {
  if (Array.isArray(value)) {
    const left = value.filter((one: Json) => !(isTag(one) && goes(one.Key)));
    return left.map((one: Json) => strip(one, goes));
  }
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.entries(value).map(([key, part]) => [key, strip(part, goes)] as const);
  return Object.fromEntries(parts.filter(([key, part]) => key !== 'Tags' || JSON.stringify(part) !== '[]'));
}

function isTag(value: Json): value is { readonly Key: string; readonly Value: string } {
  return typeof value === 'object' && value !== null && 'Key' in value && 'Value' in value;
}
