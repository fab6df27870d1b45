import { namesOfRuns, newRun, runOf } from '../../acceptance/names.js';
import { isInScope } from '../../acceptance/write-guard.js';
import { HELP, parseOptions, UsageError } from '../../acceptance/options.js';

const ACCOUNT = ['--account', '111111111111'];

test('plays against AWS with all parts, and waits for CloudTrail and for propagation', () => {
  expect(parseOptions(ACCOUNT, { AWS_REGION: 'us-gov-west-1' })).toMatchObject({
    command: 'run',
    account: '111111111111',
    partition: 'aws-us-gov',
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
  [[...ACCOUNT, '--partition', 'aws-cn'], 'aws-cn'],
  [[...ACCOUNT, '--account-settings', '--allow-other-entities'], '--account-settings'],
  [[...ACCOUNT, '--clean'], '--clean'],
  [[...ACCOUNT, '--clean', 'iamb-readonlyab'], '--clean'],
])('refuses %j with the name of the option', (args, name) => {
  const parse = (): unknown => parseOptions(args);
  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(name);
});

test('cleans one run, by its ID', () => {
  const run = newRun('iamb-');
  const id = run.slice('iamb-'.length, -1);
  for (const text of [run, run.slice(0, -1), id, id.toUpperCase()]) {
    expect(parseOptions([...ACCOUNT, '--clean', text])).toMatchObject({ command: 'clean', cleaned: run });
  }
});

test('a name is of a run only where its ID has the checksum of the prefix', () => {
  const run = newRun('iamb-');
  const [names, others] = [namesOfRuns('iamb-'), namesOfRuns('team-')];
  expect(isInScope(`${run}role`.toUpperCase(), names)).toBe(true);
  expect(isInScope(run.replace('iamb-', 'team-'), others)).toBe(false);
  const words = ['readonly', 'releases', 'runtimes', 'readonlyab', 'repository', 'regression', 'rds-access'];
  expect(words.filter((word) => isInScope(`iamb-${word}-x`, names))).toEqual([]);
  const last = run.at(-2) ?? '';
  const misspelt = `${run.slice(0, -2)}${last === 'a' ? 'b' : 'a'}-`;
  expect(runOf('iamb-', misspelt)).toBeNull();
});

test('the help fits a terminal of 80 columns', () => {
  expect(parseOptions(['--help'])).toBeNull();
  expect(HELP.split('\n').filter((line) => line.length > 80)).toEqual([]);
});
