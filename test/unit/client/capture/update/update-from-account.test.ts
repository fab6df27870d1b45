import { updateFromAccount } from '../../../../../src/client/capture/update/update-from-account.js';

it('a manifest that cannot be read is the one problem', async () => {
  const connect = (): Promise<never> => Promise.reject(new Error('not to be reached'));
  const refused = await updateFromAccount(connect, ['nope.yaml'], {});
  expect(refused.ok ? [] : refused.problems).toEqual([
    expect.objectContaining({ file: 'nope.yaml', message: 'cannot be read: there is no such file' }),
  ]);
});
