import { TOTP } from 'otpauth';
import { ACCOUNT, TAGS, createUser, iam, outcomeOf, outcomesOf, useSandbox } from '../../support/iam-sandbox.js';

useSandbox();

const serialOf = (name: string, path = '/') => `arn:aws:iam::${ACCOUNT}:mfa${path}${name}`;
const create = (VirtualMFADeviceName: string, rest: object = {}) =>
  iam.createVirtualMFADevice({ VirtualMFADeviceName, ...rest });
const enable = (UserName: string, SerialNumber: string, rest: object = {}) =>
  iam.enableMFADevice({
    UserName,
    SerialNumber,
    AuthenticationCode1: '123456',
    AuthenticationCode2: '654321',
    ...rest,
  });

test('a device is created once and shows its seed once', async () => {
  const { VirtualMFADevice } = await create('phone', { Path: '/staff/', Tags: TAGS });
  const SerialNumber = serialOf('phone', '/staff/');
  expect(VirtualMFADevice).toMatchObject({ SerialNumber, Tags: TAGS });
  const seed = Buffer.from(VirtualMFADevice?.Base32StringSeed ?? []).toString();
  expect(seed).toMatch(/^[A-Z2-7]{64}$/);
  const image = Buffer.from(VirtualMFADevice?.QRCodePNG ?? []);
  expect(image.subarray(1, 4).toString()).toBe('PNG');
  expect(image.includes(`otpauth://totp/phone@${ACCOUNT}?secret=${seed}`)).toBe(true);
  expect((await iam.listVirtualMFADevices({})).VirtualMFADevices).toEqual([{ SerialNumber }]);
  expect((await iam.listMFADeviceTags({ SerialNumber })).Tags).toEqual(TAGS);
  const taken = '409 EntityAlreadyExists: MFADevice entity at the same path and name already exists.';
  expect(await outcomeOf(create('phone', { Path: '/staff/' }))).toBe(taken);
  expect(await outcomeOf(create('PHONE', { Path: '/staff/' }))).toBe(taken);
  expect(await outcomeOf(create('phone'))).toBe('accepted');
});

test('an enabled device belongs to one user', async () => {
  await Promise.all([createUser('u'), createUser('v'), create('phone'), create('spare')]);
  const SerialNumber = serialOf('phone');
  expect(await outcomeOf(enable('u', serialOf('missing')))).toMatch(/^404 NoSuchEntity/);
  expect(await outcomeOf(enable('u', SerialNumber, { AuthenticationCode2: '123456' }))).toMatch(
    /^403 InvalidAuthenticationCode/,
  );
  expect(await outcomeOf(enable('u', SerialNumber, { AuthenticationCode2: '12345' }))).toMatch(/^400 ValidationError/);
  await enable('u', SerialNumber);
  expect(await outcomesOf([enable('u', SerialNumber), enable('v', SerialNumber)])).toEqual(
    Array(2).fill(expect.stringMatching(/^409 EntityAlreadyExists/)),
  );
  const EnableDate = expect.any(Date) as Date;
  expect((await iam.listMFADevices({ UserName: 'u' })).MFADevices).toEqual([
    { UserName: 'u', SerialNumber, EnableDate },
  ]);
  expect(await iam.getMFADevice({ SerialNumber })).toMatchObject({ UserName: 'u', SerialNumber, EnableDate });
  expect(await outcomeOf(iam.getMFADevice({ SerialNumber, UserName: 'v' }))).toMatch(/^404 NoSuchEntity/);
  const listed = async (AssignmentStatus: 'Assigned' | 'Unassigned' | 'Any') =>
    (await iam.listVirtualMFADevices({ AssignmentStatus })).VirtualMFADevices;
  expect(await listed('Assigned')).toMatchObject([{ SerialNumber, User: { UserName: 'u' }, EnableDate }]);
  expect(await listed('Unassigned')).toEqual([{ SerialNumber: serialOf('spare') }]);
  expect(await listed('Any')).toHaveLength(2);
  const codes = { AuthenticationCode1: '123456', AuthenticationCode2: '654321' };
  expect(await outcomeOf(iam.resyncMFADevice({ UserName: 'u', SerialNumber, ...codes }))).toBe('accepted');
  expect(await outcomeOf(iam.resyncMFADevice({ UserName: 'v', SerialNumber, ...codes }))).toMatch(/^404 NoSuchEntity/);
  const remove = () => outcomeOf(iam.deleteVirtualMFADevice({ SerialNumber }));
  expect(await remove()).toMatch(/^409 DeleteConflict/);
  const deactivate = (UserName: string) => outcomeOf(iam.deactivateMFADevice({ UserName, SerialNumber }));
  expect(await deactivate('v')).toMatch(/^404 NoSuchEntity/);
  expect(await deactivate('u')).toBe('accepted');
  expect(await deactivate('u')).toMatch(/^404 NoSuchEntity/);
  expect((await iam.listMFADevices({ UserName: 'u' })).MFADevices).toEqual([]);
  expect(await remove()).toBe('accepted');
  expect(await remove()).toMatch(/^404 NoSuchEntity/);
});

test('a user has at most eight devices, including hardware devices', async () => {
  await createUser('u');
  for (let n = 0; n < 8; n += 1) await enable('u', `GAHT0000000${String(n)}`);
  expect(await outcomeOf(enable('u', 'GAHT00000008'))).toMatch(/^409 LimitExceeded/);
  expect((await iam.listVirtualMFADevices({})).VirtualMFADevices).toEqual([]);
});

test('the codes of a virtual device are those of its seed, and follow each other', async () => {
  await createUser('u');
  const { VirtualMFADevice } = await create('phone');
  const totp = new TOTP({ secret: Buffer.from(VirtualMFADevice?.Base32StringSeed ?? []).toString() });
  const code = (periods: number) => totp.generate({ timestamp: Date.now() + periods * 30_000 });
  const enableWith = (first: string, second: string) =>
    outcomeOf(enable('u', serialOf('phone'), { AuthenticationCode1: first, AuthenticationCode2: second }));
  const other = new TOTP({ secret: 'A'.repeat(64) }).generate();
  for (const [first, second] of [
    [code(0), code(-1)],
    [code(-2), code(0)],
    [other, code(0)],
    [code(-100), code(-99)],
  ] as const) {
    expect(await enableWith(first, second)).toMatch(/^403 InvalidAuthenticationCode/);
  }
  expect(await enableWith(code(-1), code(0))).toBe('accepted');
});
