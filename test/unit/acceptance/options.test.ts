import { HELP, parseOptions, UsageError } from '../../acceptance/options.js';

const ACCOUNT = ['--account', '111111111111'];

test('plays against AWS with all parts, and waits for CloudTrail and for propagation', () => {
  expect(parseOptions(ACCOUNT, { AWS_REGION: 'cn-north-1' })).toMatchObject({
    command: 'run',
    account: '111111111111',
    partition: 'aws-cn',
    prefix: 'iamb-',
    platform: 'aws',
    allowOtherEntities: false,
    accountSettings: false,
    parts: new Set(['assumptions', 'laws', 'runs']),
    unredacted: false,
    propagationMs: 120_000,
    trailMs: 900_000,
  });
});

test.each([
  [[], 'account'],
  [['--account', '1111'], 'account'],
  [[...ACCOUNT, '--prefix', 'a-very-long-prefix-'], '--prefix'],
  [[...ACCOUNT, '--prefix', ''], '--prefix'],
  [[...ACCOUNT, '--prefix', 'iamb'], '--prefix'],
  [[...ACCOUNT, '--only', 'everything'], '--only'],
  [[...ACCOUNT, '--emulator', 'aws'], '--emulator'],
  [[...ACCOUNT, '--force'], '--force'],
])('refuses %j with the name of the option', (args, name) => {
  const parse = (): unknown => parseOptions(args);
  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(name);
});

test('the help fits a terminal of 80 columns', () => {
  expect(parseOptions(['--help'])).toBeNull();
  expect(HELP.split('\n').filter((line) => line.length > 80)).toEqual([]);
});
