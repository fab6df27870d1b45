import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import type { LookupEventsCommandInput } from '@aws-sdk/client-cloudtrail';
import { ACCOUNT, createUser, iam, outcomeOf, sandbox, useSandbox } from '../../support/iam-sandbox.js';

useSandbox();

function lookUp(input: LookupEventsCommandInput) {
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'sandbox' };
  const client = new CloudTrailClient({ endpoint: sandbox.url, region: 'us-east-1', credentials, maxAttempts: 1 });
  return client.send(new LookupEventsCommand(input));
}

test('writes are events, refused writes included, and reads are not', async () => {
  await createUser('u');
  await outcomeOf(createUser('u'));
  await iam.createLoginProfile({ UserName: 'u', Password: 'Correct-horse-7' });
  await iam.listUsers({});
  const { Events = [] } = await lookUp({});
  expect(Events.map(({ EventName }) => EventName)).toEqual(['CreateLoginProfile', 'CreateUser', 'CreateUser']);
  const [profile, refused, created] = Events.map(({ CloudTrailEvent = '' }) => JSON.parse(CloudTrailEvent) as object);
  expect(profile).toMatchObject({ requestParameters: { userName: 'u', password: 'HIDDEN_DUE_TO_SECURITY_REASONS' } });
  expect(refused).toMatchObject({ errorCode: 'EntityAlreadyExistsException' });
  expect(created).toMatchObject({ recipientAccountId: ACCOUNT, eventSource: 'iam.amazonaws.com' });
});

test('a lookup takes one attribute, and two lookups per second are allowed', async () => {
  await createUser('u');
  await createUser('v');
  const byName = { AttributeKey: 'ResourceName', AttributeValue: 'v' } as const;
  expect((await lookUp({ LookupAttributes: [byName] })).Events).toHaveLength(1);
  expect(await outcomeOf(lookUp({ LookupAttributes: [byName, byName] }))).toMatch(/InvalidLookupAttributesException/);
  expect(await outcomeOf(lookUp({}))).toMatch(/ThrottlingException/);
});
