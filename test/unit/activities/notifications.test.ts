import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openNotifications, type Notifications } from '../../../src/activities/notifications.js';
import { createTopics } from '../../../src/aws/topics.js';
import { type HttpStage, startHttpStage } from '../../support/http-stage.js';
import { TOLD } from '../../support/notifications.js';

const TOPIC = 'arn:aws:sns:eu-west-1:111111111111:iam';
const ANSWERS = {
  Publish: '<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>',
  AssumeRole:
    '<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAPUBLISHER</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>',
  InvalidParameter:
    '<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter</Code><Message>Invalid parameter</Message></Error></ErrorResponse>',
};

let stage: HttpStage;
let refuses = false;
const attempts: (string | null)[] = [];

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIAWORKER';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  stage = await startHttpStage(({ body }) => {
    const action = new URLSearchParams(body).get('Action') === 'AssumeRole' ? 'AssumeRole' : 'Publish';
    const isRefused = refuses && action === 'Publish';
    const answer = ANSWERS[isRefused ? 'InvalidParameter' : action];
    return { status: isRefused ? 400 : 200, headers: { 'content-type': 'text/xml' }, body: answer };
  });
});

beforeEach(() => {
  refuses = false;
  attempts.length = 0;
});

afterAll(() => {
  stage.stop();
  delete process.env['AWS_ACCESS_KEY_ID'];
  delete process.env['AWS_SECRET_ACCESS_KEY'];
});

function open(sns: Readonly<Record<string, string>>): Notifications {
  const file = join(mkdtempSync(join(tmpdir(), 'iam-bootstrap-')), 'notifications.json');
  writeFileSync(file, JSON.stringify({ version: 1, channels: { bus: { sns } } }));
  const network = { httpProxy: () => undefined, awsCa: undefined };
  const opened = openNotifications(
    { notificationsFile: file, network, environment: {} },
    {
      aws: { snsEndpoint: stage.url, stsEndpoint: stage.url },
      runUrl: () => null,
      isEncrypting: false,
      onAttempt: (channel, id, error) => attempts.push(`${channel} ${id} ${error?.message ?? 'delivered'}`),
    },
  );
  if (opened === undefined) throw new Error('no channels');
  return opened;
}

test('a topic gets the event for programs, the text for e-mail, and attributes to filter by, from the assumed role', async () => {
  const notifications = open({
    topicArn: TOPIC,
    assumeRole: 'arn:aws:iam::111111111111:role/publish',
    externalId: 'ext',
  });
  await notifications.deliver({ channel: 'bus', notification: TOLD });
  const [assumed, published] = stage.calls.map(({ body }) => new URLSearchParams(body));
  expect(assumed?.get('RoleArn')).toBe('arn:aws:iam::111111111111:role/publish');
  expect(assumed?.get('ExternalId')).toBe('ext');
  expect(stage.calls.at(-1)?.headers.authorization).toMatch(/Credential=ASIAPUBLISHER\/\d+\/eu-west-1\/sns\//);
  expect(published?.get('TopicArn')).toBe(TOPIC);
  expect(published?.get('Subject')).toBe('Run refused: platform in 111111111111 (prod)');
  expect(published?.get('MessageStructure')).toBe('json');
  const message = JSON.parse(published?.get('Message') ?? '{}') as Record<string, string>;
  expect(JSON.parse(message['default'] ?? '')).toMatchObject({ id: TOLD.id, type: 'iam-bootstrap.run.refused' });
  expect(message['email']).toContain('Role/deploy: owned by Terraform');
  const attributes = [1, 2, 3, 4].map((index) => [
    published?.get(`MessageAttributes.entry.${String(index)}.Name`),
    published?.get(`MessageAttributes.entry.${String(index)}.Value.StringValue`),
  ]);
  expect(Object.fromEntries(attributes)).toEqual({
    type: 'run.refused',
    account: '111111111111',
    namespace: 'platform',
    environment: 'prod',
  });
  expect(attempts).toEqual([`bus ${TOLD.id} delivered`]);
});

test('what SNS refuses as malformed is not tried again', async () => {
  refuses = true;
  const delivery = open({ topicArn: TOPIC }).deliver({ channel: 'bus', notification: TOLD });
  await expect(delivery).rejects.toMatchObject({ type: 'NotificationFailed', nonRetryable: true });
  expect(attempts).toEqual([expect.stringContaining('InvalidParameter')]);
});

test('a channel that this worker does not have is left to another one', async () => {
  const delivery = open({ topicArn: TOPIC }).deliver({ channel: 'chat', notification: TOLD });
  await expect(delivery).rejects.toMatchObject({ nonRetryable: false });
});

test('a FIFO topic gets an ID that is the same in each attempt', async () => {
  const inputs: Readonly<Record<string, unknown>>[] = [];
  const send = (command: { readonly input: Readonly<Record<string, unknown>> }): Promise<void> => {
    inputs.push(command.input);
    return Promise.resolve();
  };
  const topics = createTopics(() => Promise.resolve({ send } as never));
  const message = { id: 'run.failed:1', subject: 'Größe\n', json: '{}', text: '', attributes: {} };
  await topics.publish(`${TOPIC}.fifo`, message);
  await topics.publish(`${TOPIC}.fifo`, message);
  const [first, again] = inputs;
  expect(first?.['MessageDeduplicationId']).toMatch(/^[\da-f]{64}$/);
  expect(again).toEqual(first);
  expect(first?.['Subject']).toBe('Gr??e?');
});
