import type { Notification } from '../../../src/contract/notification.js';
import { slackMessage } from '../../../src/notifications/channels.js';
import { cloudEventOf } from '../../../src/notifications/cloud-event.js';
import { renderText, TEMPLATE_FIELDS, templateProblem } from '../../../src/notifications/template.js';
import { TOLD } from '../../support/notifications.js';

const told = (changed: Partial<Notification> = {}): Parameters<typeof renderText>[0] => ({
  ...TOLD,
  ...changed,
  runUrl: 'https://temporal.example.com/run',
});

test('the default text has a line for all that is known, and none for what is not', () => {
  expect(renderText(told(), undefined)).toBe(
    [
      'Run refused: platform in 111111111111 (prod)',
      '2 of 3 entities were refused',
      'Role/deploy: owned by Terraform',
      'Role/other: owned by CloudFormation',
      'and 4 more',
      'Requested by: https://ci.example.com/7',
      'Run: https://temporal.example.com/run',
      'At: 2026-03-04T05:06:07.000Z',
    ].join('\n'),
  );
});

test('a template takes every documented field', () => {
  const template = TEMPLATE_FIELDS.map((name) => `${name}={{ ${name} }}`).join('|');
  expect(templateProblem(template)).toBeUndefined();
  const text = renderText(told({ subject: { ...TOLD.subject, fleet: 'workloads' } }), template);
  expect(text).not.toContain('{{');
  expect(text).toContain('|namespace=platform|environment=prod|fleet=workloads|');
  expect(text).toContain('|id=run.refused:4be7');
});

test('a value that looks like a template stays as it is', () => {
  const reason = '{{account}} {{nothing}} $& $1';
  expect(renderText(told({ reason }), 'why: {{reason}}')).toBe(`why: ${reason}`);
});

test('a value forges no line and turns no text around', () => {
  const reason = 'first\nRun: https://evil.example\r\n\u202etfel\u0007\u2028x';
  expect(renderText(told({ reason }), '{{reason}}')).toBe('first Run: https://evil.example tfel x');
});

test.each(['{{nothing}}', '{{namespace', 'namespace}}', '{{ }}', '{{reason|upper}}'])(
  'the template %s is refused',
  (template) => {
    expect(templateProblem(template)).toBeDefined();
  },
);

test('Slack reads no mention, link or markup in a message', () => {
  const message = slackMessage('<!channel> <@U1> <https://evil.example|https://good.example> *bold* a & b');
  expect(message).toEqual({
    text: '&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|https://good.example&gt; *bold* a &amp; b',
    mrkdwn: false,
    unfurl_links: false,
    unfurl_media: false,
  });
});

test('a CloudEvent has the attributes that CloudEvents 1.0 requires, and the data', () => {
  const event = JSON.parse(cloudEventOf(told(), '{{title}}')) as Record<string, unknown>;
  expect(event).toMatchObject({
    specversion: '1.0',
    id: 'run.refused:4be7',
    source: '/iam-bootstrap/111111111111/platform',
    type: 'iam-bootstrap.run.refused',
    subject: 'prod',
    time: TOLD.at,
    datacontenttype: 'application/json',
    data: {
      text: 'Run refused: platform in 111111111111 (prod)',
      account: '111111111111',
      counts: { refused: 2, unchanged: 1 },
      entities: TOLD.entities,
      omittedEntities: 4,
      runUrl: 'https://temporal.example.com/run',
    },
  });
});
