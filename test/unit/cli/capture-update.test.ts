import { renderCaptureUpdate } from '../../../src/cli/render/capture-update.js';
import type { CaptureUpdateReport } from '../../../src/contract/capture-update.js';
import { withRemedy } from '../../../src/report/refused-read.js';

const NOTHING: CaptureUpdateReport = {
  version: 1,
  command: 'capture',
  result: 'unchanged',
  account: '111111111111',
  namespace: 'ci',
  environment: 'dev',
  files: [],
  changes: [],
  warnings: [],
  patches: [],
  gone: [],
  untouched: [],
  notDeclared: [],
  unread: [],
};
const DENIED = 'ListUsers answered AccessDenied: denied';
const role = { kind: 'Role', name: 'deploy' };

function lastLine(report: Partial<CaptureUpdateReport>): string {
  return (
    renderCaptureUpdate({ ...NOTHING, ...report }, true)
      .split('\n')
      .at(-1) ?? ''
  );
}

it('tells that a manifest has what the account has only where nothing is left', () => {
  expect(lastLine({})).toBe('No changes. The manifest has what the account has.');
  const gone = [{ ...role, isDeclaredAbsent: false, wasApplied: null }];
  const untouched = [{ ...role, reason: 'it was not read: no', isDifferent: true }];
  const unread = [{ kind: 'Role', name: null, message: 'no', remedy: null }];
  expect(lastLine({ gone })).toBe('No file changes, 1 not in the account.');
  expect(lastLine({ untouched, unread })).toBe('No file changes, 1 not compared, 1 not read.');
  expect(lastLine({ notDeclared: [role] })).toBe('No file changes.');
});

it('names what was never applied, and what was not read', () => {
  const gone = [{ ...role, isDeclaredAbsent: false, wasApplied: false }];
  const unread = [
    { kind: 'User', name: 'ann', message: DENIED },
    { kind: 'Role', name: null, message: DENIED },
  ].map((part) => withRemedy(part));
  expect(unread[0]).toEqual({
    kind: 'User',
    name: 'ann',
    message: DENIED,
    remedy: "allow iam:ListUsers to the worker's role",
  });
  expect(renderCaptureUpdate({ ...NOTHING, gone, unread }, true))
    .toBe(`Not in the account (declare absent with --removed):
  Role/deploy: no apply is known to have made it, so --removed leaves it

Not read:
  ? User/ann, Role: ListUsers answered AccessDenied: denied
      remedy: allow iam:ListUsers to the worker's role

No file changes, 1 not in the account, 2 not read.`);
});

it('tells with --check what it would take over, and without what it has', () => {
  const change = {
    file: 'm.yaml',
    line: 1,
    column: 1,
    entities: ['Role/deploy'],
    path: 'a',
    action: 'change',
  } as const;
  const update = { ...NOTHING, files: ['m.yaml'], changes: [change] };
  const last = (isCheck: boolean) => renderCaptureUpdate(update, isCheck).split('\n').at(-1);
  expect([last(true), last(false)]).toEqual([
    '1 file would change: 1 difference to take over.',
    '1 file changed: 1 difference taken over.',
  ]);
});

it('tells first of administrator access', () => {
  const warnings = [
    { code: 'administrator', entity: 'Role/deploy', message: 'allows every action (inlinePolicies.oops)' },
  ] as const;
  expect(renderCaptureUpdate({ ...NOTHING, warnings, notDeclared: [role] }, true)).toMatch(
    /^Administrator access:\n {2}! Role\/deploy: allows every action \(inlinePolicies\.oops\)\n\nNot declared/,
  );
});
