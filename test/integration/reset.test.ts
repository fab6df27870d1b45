import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Fault } from '../support/fault-proxy.js';
import { historiesAsText } from '../support/leaks.js';
import { runs, temporal, useWorld, world } from '../support/use-world.js';

/** A new secret for a credential that stays: `reset` with a text that no run has answered yet. */

useWorld();

const USER = { kind: 'User', userName: 'ann' };
const FILE = 'reset.json';

interface Case {
  readonly entity: JsonObject;
  readonly operation: string;
  readonly secret: string;
}

const CASES: Readonly<Record<string, Case>> = {
  LoginProfile: {
    entity: { kind: 'LoginProfile', userName: 'ann', secret: { file: FILE }, passwordResetRequired: true },
    operation: 'UpdateLoginProfile',
    secret: 'Password',
  },
  ServiceSpecificCredential: {
    entity: {
      kind: 'ServiceSpecificCredential',
      userName: 'ann',
      serviceName: 'codecommit.amazonaws.com',
      secret: { file: FILE },
    },
    operation: 'ResetServiceSpecificCredential',
    secret: 'ServicePassword',
  },
};

beforeEach(() => rm(join(world.directory, 'secrets', FILE), { force: true }));

async function stored(): Promise<Record<string, string>> {
  return JSON.parse(await readFile(join(world.directory, 'secrets', FILE), 'utf8')) as Record<string, string>;
}

const FAULTS: readonly (readonly [string, Fault | null, number])[] = [
  ['once', null, 1],
  ['once, where the call was lost on its way', { kind: 'reset-before', times: 1 }, 1],
  // Nobody has what a lost reply has revealed or set, so that it is set again.
  ['until a reply tells, where one was lost', { kind: 'reset-after', times: 1 }, 2],
];

describe.each(Object.entries(CASES))('%s', (_kind, { entity, operation, secret }) => {
  test.each(FAULTS)('gets a new secret %s, which is stored in place of the old one', async (_what, fault, resets) => {
    await runs.apply([USER, entity]);
    const before = await stored();
    world.proxy.clear();
    if (fault !== null) world.proxy.on({ action: operation }, fault);
    const declared = { ...entity, reset: '2026-11' };
    const report = await runs.apply([USER, declared]);
    expect(report.entities.map(({ outcome }) => outcome)).toEqual(['unchanged', 'updated']);
    expect(report.entities[1]?.drift).toEqual([{ path: 'reset', observed: null, desired: '2026-11' }]);
    const sent = world.proxy.calls.filter(({ action, committed }) => action === operation && committed);
    expect(sent).toHaveLength(resets);
    const after = await stored();
    expect(Object.keys(after).sort()).toEqual([...Object.keys(before), 'Reset'].sort());
    expect(after[secret]).not.toBe(before[secret]);
    const password = sent.at(-1)?.params['Password'];
    if (password !== undefined) expect(after[secret]).toBe(password);

    world.proxy.clear();
    const again = await runs.apply([USER, declared]);
    expect(again.entities.map(({ outcome }) => outcome)).toEqual(['unchanged', 'unchanged']);
    expect(world.proxy.writes()).toEqual([]);
    const histories = await historiesAsText(temporal.client);
    expect([before[secret], after[secret]].filter((value) => histories.includes(value ?? ''))).toEqual([]);
  });

  test('with a location that cannot be written keeps its secret', async () => {
    await runs.apply([USER, entity]);
    world.proxy.clear();
    const folder = { ...entity, reset: '1', secret: { secretsManager: 'reset' } };
    world.proxy.on(
      { action: /^(PutSecretValue|CreateSecret)$/ },
      { kind: 'error', status: 400, code: 'InvalidRequestException' },
    );
    const report = await runs.apply([USER, folder]);
    expect(report.result).toBe('failed');
    expect(report.entities[1]?.outcome).toBe('failed');
    expect(world.proxy.calls.filter(({ action }) => action === operation)).toEqual([]);
  });
});
