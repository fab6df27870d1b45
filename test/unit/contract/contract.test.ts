import { historyFromJSON, historyToJSON } from '@temporalio/common/lib/proto-utils';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { entityId, entityKey, MAX_WORKFLOW_ID_LENGTH } from '../../../src/contract/entity.js';
import { ExitCode, FAILURES, gravestExitCode, isFailureType } from '../../../src/contract/failures.js';
import { declarationChanges } from '../../../src/contract/request-shapes.js';
import { entityWorkflowId, planWorkflowId, bootstrapWorkflowId } from '../../../src/contract/workflow-ids.js';

const ACCOUNT = '111111111111';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const idOf = (kind: string, name: string): string => entityWorkflowId(ACCOUNT, { kind, name }, digest);

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

describe('what is installed', () => {
  const { packages } = JSON.parse(readFileSync(resolve(__dirname, '../../../package-lock.json'), 'utf8')) as LockFile;
  const temporal = Object.entries(packages).filter(([path]) => path.includes('node_modules/@temporalio/'));

  // Two copies of one package, or bundler and worker of two versions, fail far from their cause.
  it('has each Temporal package once, and all in one version', () => {
    expect(temporal.length).toBeGreaterThan(6);
    expect(temporal.map(([path]) => path.split('node_modules/').length - 1)).toEqual(temporal.map(() => 1));
    expect(new Set(temporal.map(([, { version }]) => version)).size).toBe(1);
  });

  // npm would hoist version 7 for gRPC, and give each Temporal package a version 8 of its own.
  it('has one protobufjs for all of Temporal: histories can be written and read as JSON', () => {
    expect(JSON.parse(historyToJSON({ events: [] }))).toEqual({});
    expect(historyFromJSON({ events: [] })).toMatchObject({ events: [] });
    expect(packages['node_modules/protobufjs']?.version).toMatch(/^8\./);
    expect(Object.keys(packages).filter((path) => /@temporalio\/.*protobufjs$/.test(path))).toEqual([]);
  });
});

describe('the workflow ID of an entity', () => {
  const kinds = fc.constantFrom('Role', 'User', 'InstanceProfile', 'OpenIDConnectProvider');
  const names = fc.stringMatching(/^[A-Za-z0-9+=,.@_:/-]{1,300}$/);
  const longNames = fc.stringMatching(/^[A-Za-z0-9+=,.@_:/-]{180,300}$/);

  it('names account, kind and key', () => {
    expect(idOf('Role', 'Prod-Deploy')).toBe(`iam:${ACCOUNT}:Role:prod-deploy`);
  });

  it('is the same however the name is capitalised, and never too long', () => {
    fc.assert(
      fc.property(kinds, names, (kind, name) => {
        const id = idOf(kind, name);
        expect(id.length).toBeLessThanOrEqual(MAX_WORKFLOW_ID_LENGTH);
        expect([idOf(kind, name.toUpperCase()), idOf(kind, name.toLowerCase())]).toEqual([id, id]);
      }),
    );
  });

  it('is the same for two entities exactly where IAM takes them for one', () => {
    fc.assert(
      fc.property(kinds, kinds, names, names, (kind, otherKind, name, otherName) => {
        const [one, other] = [
          { kind, name },
          { kind: otherKind, name: otherName },
        ];
        expect(idOf(kind, name) === idOf(otherKind, otherName)).toBe(entityKey(one) === entityKey(other));
      }),
    );
  });

  it('tells long names apart that differ in their last letter only', () => {
    fc.assert(
      fc.property(longNames, (name) => {
        const ids = [name, `${name}a`, `${name}b`].map((one) => idOf('OpenIDConnectProvider', one));
        expect(new Set(ids).size).toBe(3);
        for (const id of ids) expect(id.startsWith(`iam:${ACCOUNT}:OpenIDConnectProvider:`)).toBe(true);
      }),
    );
  });

  it.each([
    [MAX_WORKFLOW_ID_LENGTH, false],
    [MAX_WORKFLOW_ID_LENGTH + 1, true],
  ])('of %i characters is cut: %p', (length, cut) => {
    const name = 'n'.repeat(length - `iam:${ACCOUNT}:Role:`.length);
    const id = idOf('Role', name);
    expect([id.length, id.includes('~')]).toEqual([MAX_WORKFLOW_ID_LENGTH, cut]);
  });
});

describe('the other workflow IDs', () => {
  it('are one for each account and namespace, and one for each plan', () => {
    expect(bootstrapWorkflowId(ACCOUNT, 'ci')).toBe(`iam-bootstrap:${ACCOUNT}:ci`);
    expect(planWorkflowId(ACCOUNT, 'ci', 'key')).toBe(`iam-bootstrap-plan:${ACCOUNT}:ci:key`);
  });

  it('of namespaces that differ do not meet, nor do those of plans', () => {
    const namespaces = fc.stringMatching(/^[a-z0-9-]{1,40}$/);
    fc.assert(
      fc.property(namespaces, namespaces, fc.uuid(), (one, other, key) => {
        const ids = [one, other].flatMap((name) => [
          bootstrapWorkflowId(ACCOUNT, name),
          planWorkflowId(ACCOUNT, name, key),
        ]);
        expect(new Set(ids).size).toBe(one === other ? 2 : 4);
      }),
    );
  });
});

describe('an entity in text', () => {
  it('is named as written, and compared without its case', () => {
    const one = { kind: 'Role', name: 'Prod-Deploy' };
    expect([entityId(one), entityKey(one)]).toEqual(['Role/Prod-Deploy', 'Role/prod-deploy']);
    expect(entityKey({ kind: 'User', name: 'Prod-Deploy' })).not.toBe(entityKey(one));
  });
});

describe('failures', () => {
  it('have a remedy each, in a sentence without its full stop', () => {
    for (const { remedy } of Object.values(FAILURES)) expect(remedy).toMatch(/^[^.].*[^.]$/);
  });

  it('are told from names that every object has', () => {
    expect(['Throttled', 'toString', '__proto__', '', null, undefined].map(isFailureType)).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it('together exit as the gravest of them', () => {
    const grave = [ExitCode.Usage, ExitCode.Failed, ExitCode.Refused, ExitCode.Busy, ExitCode.Pending];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...grave, ExitCode.Converged)), (codes) => {
        expect(gravestExitCode(codes)).toBe(grave.find((code) => codes.includes(code)) ?? ExitCode.Converged);
      }),
    );
  });
});

describe('what a client may send', () => {
  const entity = { id: 'Role/a', key: { roleName: 'a' } };
  const changes = { manifest: 'iam.yaml', environment: 'prod', runId: 'r', at: 't', created: [], forget: [] };

  it('is checked in every field that its type has, where it is optional too', () => {
    expect(declarationChanges({ ...changes, declare: [{ ...entity, createdAt: '2026' }] }, '')).toBeNull();
    expect(declarationChanges({ ...changes, declare: [{ ...entity, createdAt: 1 }] }, '')).toBe(
      'declare[0].createdAt: expected text',
    );
  });
});
