import { checkNode } from '../../../src/cli/commands/doctor-node.js';

const on = (day: string): Date => new Date(`${day}T12:00:00Z`);

test('Node.js 20 is a warning that gives the end of its fixes, what the AWS SDK will need, and what to install', () => {
  expect(checkNode('v20.20.2', on('2026-12-01'))).toEqual({
    name: 'node',
    status: 'warn',
    message:
      'v20.20.2: Node.js 20 has had no security fixes since 2026-04-30; AWS SDK releases from January 2027 on need Node.js 22',
    remedy: 'install Node.js 22 or 24',
    fixed: null,
  });
  expect(checkNode('v20.20.2', on('2026-04-30')).message).not.toContain('no security fixes');
});

test.each([
  ['v22.23.5', '2027-04-30'],
  ['v24.22.3', '2028-04-30'],
])('%s is well until %s, and a warning from the day after', (version, end) => {
  expect(checkNode(version, on(end))).toMatchObject({ status: 'ok', message: version, remedy: null });
  const after = new Date(on(end).getTime() + 24 * 3_600_000);
  expect(checkNode(version, after)).toMatchObject({
    status: 'warn',
    message: expect.stringContaining(`since ${end}`) as string,
  });
});

test('a version without long-term support is a warning, and a later one with it is not', () => {
  expect(checkNode('v25.1.0', on('2026-12-01'))).toMatchObject({
    status: 'warn',
    message: 'v25.1.0: Node.js 25 has no long-term support',
  });
  expect(checkNode('v26.1.0', on('2026-12-01'))).toMatchObject({ status: 'ok' });
});
