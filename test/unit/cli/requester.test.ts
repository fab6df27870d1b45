import * as os from 'node:os';
import { requesterName, requireRequesterName } from '../../../src/cli/requester.js';

jest.mock('node:os', () => ({ ...jest.requireActual<typeof os>('node:os'), userInfo: jest.fn() }));

const userInfo = jest.mocked(os.userInfo);
const LOCAL = { provider: 'local', url: null, commit: null, actor: null };
const JOB = { ...LOCAL, provider: 'jenkins' };

beforeEach(() => {
  userInfo.mockReturnValue({ username: 'ada' } as os.UserInfo<string>);
});

test.each([
  ['the option before all else', 'grace', { ...JOB, actor: 'alan' }, 'grace'],
  ['the actor of the CI job', undefined, { ...JOB, actor: 'alan' }, 'alan'],
  ['the user of this machine where USER is not set', undefined, LOCAL, 'ada'],
  ['nobody in a CI job without an actor: the user there is the runner', undefined, JOB, null],
])('takes %s', (_what, given, pipeline, name) => {
  expect(requesterName(given, pipeline)).toBe(name);
});

test('asks for the name where the user ID has none, and in a job without an actor', () => {
  userInfo.mockImplementation(() => {
    throw new Error('uv_os_get_passwd returned ENOENT');
  });
  expect(requesterName(undefined, LOCAL)).toBeNull();
  expect(() => requireRequesterName(undefined, LOCAL)).toThrow(/USER is not set, and user ID \d+ has no name/);
  expect(() => requireRequesterName(undefined, JOB)).toThrow(/the CI service \(jenkins\) name no person/);
  expect(requireRequesterName('grace', LOCAL)).toBe('grace');
});
