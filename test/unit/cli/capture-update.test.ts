import { renderCaptureUpdate } from '../../../src/cli/render/capture-update.js';
import type { CaptureUpdateReport } from '../../../src/contract/capture-update.js';

const NOTHING: CaptureUpdateReport = {
  version: 1,
  command: 'capture',
  result: 'unchanged',
  account: '111111111111',
  namespace: 'ci',
  environment: 'dev',
  files: [],
  changes: [],
  patches: [],
  gone: [],
  untouched: [],
  notDeclared: [],
  unread: [],
};
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
  const unread = [{ kind: 'Role', name: null, message: 'no' }];
  expect(lastLine({ gone })).toBe('No file changes, 1 not in the account.');
  expect(lastLine({ untouched, unread })).toBe('No file changes, 1 not compared, 1 not read.');
  expect(lastLine({ notDeclared: [role] })).toBe('No file changes.');
});

it('names what was never applied, and what was not read', () => {
  const gone = [{ ...role, isDeclaredAbsent: false, wasApplied: false }];
  const unread = [
    { kind: 'User', name: 'ann', message: 'denied' },
    { kind: 'Role', name: null, message: 'denied' },
  ];
  expect(renderCaptureUpdate({ ...NOTHING, gone, unread }, true))
    .toBe(`Not in the account (declare absent with --removed):
  Role/deploy: no apply is known to have made it, so --removed leaves it

Not read:
  User/ann: denied
  Role: denied

No file changes, 1 not in the account, 2 not read.`);
});
