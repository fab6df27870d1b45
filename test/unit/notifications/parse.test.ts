import { parseNotifications } from '../../../src/notifications/parse.js';

const FULL = `version: 1
channels:
  ops:
    slack: { url: { file: slack-url } }
    types: [run.*, drift.found]
    accounts: ["111111111111"]
    namespaces: [platform, "ci-*"]
    environments: [prod]
    details: false
    template: "{{title}}: {{summary}}"
  audit:
    webhook: { url: https://hooks.example.com/iam?team=1, secret: { environment: HOOK_SECRET } }
  hidden:
    webhook: { url: { secretsManager: iam/hook-url }, secret: { secretsManager: iam/hook } }
  bus:
    sns:
      topicArn: arn:aws:sns:eu-west-1:111111111111:iam.fifo
      assumeRole: arn:aws:iam::111111111111:role/publish
      externalId: iam-bootstrap
`;

function problemsOf(text: string): readonly string[] {
  const parsed = parseNotifications('notifications.yaml', text);
  return parsed.ok ? [] : parsed.problems.map(({ line, message }) => `${String(line)}: ${message}`);
}

test('a file with every setting is valid', () => {
  expect(problemsOf(FULL)).toEqual([]);
});

test.each([
  ['an unknown field', 'slack: { url: { file: a } }, chanel: b', 'chanel'],
  ['a channel without a receiver', 'types: [drift.found]', 'one of webhook, slack and sns'],
  [
    'a channel with two receivers',
    'slack: { url: { file: a } }, sns: { topicArn: "arn:aws:sns:eu-west-1:111111111111:a" }',
    'one of webhook, slack and sns',
  ],
  ['an address of Slack, which is a secret', 'slack: { url: https://hooks.slack.com/services/T/B/x }', 'slack.url'],
  ['a receiver without TLS', 'webhook: { url: http://hooks.example.com/, secret: { file: a } }', 'https'],
  [
    'a receiver with a password',
    'webhook: { url: https://u:p@hooks.example.com/, secret: { file: a } }',
    'without a user',
  ],
  ['a webhook without a key', 'webhook: { url: https://hooks.example.com/ }', 'secret'],
  ['a type that is unknown', 'slack: { url: { file: a } }, types: [drift.lost]', 'drift.lost'],
  ['a template that is unknown', 'slack: { url: { file: a } }, template: "{{user}}"', '{{user}} is unknown'],
  ['a topic that is none', 'sns: { topicArn: "arn:aws:sqs:eu-west-1:111111111111:a" }', 'topicArn'],
])('%s is refused with its line', (_, channel, message) => {
  const [problem, ...others] = problemsOf(`version: 1\nchannels:\n  ops: { ${channel} }\n`);
  expect(others).toEqual([]);
  expect(problem).toMatch(/^3: /);
  expect(problem).toContain(message);
});

test.each([
  ['version: 2\nchannels: {}', 'version'],
  ['channels: {}', 'version'],
  ['version: 1\nchannels:\n  Ops: { slack: { url: { file: a } } }', 'Ops'],
])('%j is refused', (text, message) => {
  expect(problemsOf(text).join('\n')).toContain(message);
});
