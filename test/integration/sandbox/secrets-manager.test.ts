import { ACCOUNT, OTHER_ACCOUNT, TAGS, sandbox, useSandbox } from '../../support/iam-sandbox.js';
import { iamClient } from '../../support/sandbox.js';

useSandbox();

interface Caller {
  readonly accessKeyId?: string;
  readonly region?: string;
}
type Answer = Record<string, unknown>;

async function send(action: string, body: unknown, caller: Caller = {}): Promise<[Response, Answer]> {
  const { accessKeyId = 'AKIATEST', region = 'us-east-1' } = caller;
  const scope = `${accessKeyId}/20260101/${region}/secretsmanager/aws4_request`;
  const response = await fetch(sandbox.url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-amz-json-1.1',
      'X-Amz-Target': `secretsmanager.${action}`,
      Authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=0`,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return [response, (await response.json()) as Answer];
}

async function ask(action: string, body: unknown, caller: Caller = {}): Promise<Answer> {
  const [response, answer] = await send(action, body, caller);
  if (!response.ok) throw new Error(`${String(response.status)} ${String(answer['__type'])}`);
  return answer;
}

async function refused(action: string, body: unknown, caller: Caller = {}): Promise<string> {
  const [response, answer] = await send(action, body, caller);
  return response.ok ? 'accepted' : `${String(response.status)} ${String(answer['__type'])}`;
}

const token = (digit: number) => String(digit).repeat(32);

test('stores the versions of a secret', async () => {
  const made = await ask('CreateSecret', { Name: 'ci/key', SecretString: 'one', Description: 'd', Tags: TAGS });
  expect(made['ARN']).toMatch(new RegExp(`^arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:ci/key-\\w{6}$`));
  const put = await ask('PutSecretValue', { SecretId: 'ci/key', SecretString: 'two' });
  expect(put).toMatchObject({ ARN: made['ARN'], Name: 'ci/key', VersionStages: ['AWSCURRENT'] });
  const get = async (rest: object = {}) => ask('GetSecretValue', { SecretId: made['ARN'], ...rest });
  expect(await get()).toMatchObject({ Name: 'ci/key', SecretString: 'two', VersionId: put['VersionId'] });
  expect(await get({ VersionStage: 'AWSPREVIOUS' })).toMatchObject({
    SecretString: 'one',
    VersionId: made['VersionId'],
  });
  await ask('UpdateSecret', { SecretId: 'ci/key', Description: 'e', SecretString: 'three' });
  await ask('TagResource', { SecretId: 'ci/key', Tags: [{ Key: 'b', Value: '2' }] });
  const described = await ask('DescribeSecret', { SecretId: 'ci/key' });
  expect(described).toMatchObject({ Name: 'ci/key', Description: 'e', Tags: [...TAGS, { Key: 'b', Value: '2' }] });
  expect(Object.keys(described['VersionIdsToStages'] as object)).toHaveLength(3);
  expect(JSON.stringify(described)).not.toMatch(/"(one|two|three)"|null/);
  expect((await ask('ListSecrets', {}))['SecretList']).toMatchObject([{ Name: 'ci/key', ARN: made['ARN'] }]);
});

test('accepts a repeated request by its token, and refuses another request with that token', async () => {
  const first = { Name: 's', SecretString: 'one', ClientRequestToken: token(1) };
  const made = await ask('CreateSecret', first);
  expect(await ask('CreateSecret', first)).toEqual(made);
  const taken = '400 ResourceExistsException';
  expect(await refused('CreateSecret', { ...first, SecretString: 'other' })).toBe(taken);
  expect(await refused('CreateSecret', { ...first, ClientRequestToken: token(2) })).toBe(taken);
  expect(await refused('CreateSecret', { Name: 's', SecretString: 'one' })).toBe(taken);
  const put = { SecretId: 's', SecretString: 'two', ClientRequestToken: token(3) };
  const second = await ask('PutSecretValue', put);
  expect(await ask('PutSecretValue', put)).toEqual(second);
  expect(await refused('PutSecretValue', { ...put, SecretString: 'other' })).toBe(taken);
});

test('refuses to read, write or create a secret that is scheduled for deletion', async () => {
  await ask('CreateSecret', { Name: 's', SecretString: 'one' });
  await ask('DeleteSecret', { SecretId: 's' });
  expect((await ask('DescribeSecret', { SecretId: 's' }))['DeletedDate']).toEqual(expect.any(Number));
  expect((await ask('ListSecrets', {}))['SecretList']).toEqual([]);
  const marked = '400 InvalidRequestException';
  expect(await refused('GetSecretValue', { SecretId: 's' })).toBe(marked);
  expect(await refused('PutSecretValue', { SecretId: 's', SecretString: 'two' })).toBe(marked);
  expect(await refused('CreateSecret', { Name: 's', SecretString: 'two' })).toBe(marked);
  await ask('RestoreSecret', { SecretId: 's' });
  expect(await ask('GetSecretValue', { SecretId: 's' })).toMatchObject({ SecretString: 'one' });
  await ask('DeleteSecret', { SecretId: 's', ForceDeleteWithoutRecovery: true });
  const gone = '400 ResourceNotFoundException';
  for (const action of ['GetSecretValue', 'DescribeSecret', 'DeleteSecret', 'TagResource']) {
    expect(await refused(action, { SecretId: 's', ...(action === 'TagResource' ? { Tags: TAGS } : {}) })).toBe(gone);
  }
  expect(await refused('CreateSecret', { Name: 's', SecretString: 'two' })).toBe('accepted');
});

test('separates accounts and regions', async () => {
  await ask('CreateSecret', { Name: 's', SecretString: 'one' });
  const gone = '400 ResourceNotFoundException';
  expect(await refused('GetSecretValue', { SecretId: 's' }, { region: 'eu-central-1' })).toBe(gone);
  const other = iamClient(sandbox.url, OTHER_ACCOUNT);
  await other.createUser({ UserName: 'u' });
  const { AccessKeyId: accessKeyId } = (await other.createAccessKey({ UserName: 'u' })).AccessKey ?? {};
  const caller = { ...(accessKeyId === undefined ? {} : { accessKeyId }), region: 'eu-central-1' };
  expect(await refused('GetSecretValue', { SecretId: 's' }, caller)).toBe(gone);
  const made = await ask('CreateSecret', { Name: 's', SecretString: 'two' }, caller);
  expect(made['ARN']).toMatch(new RegExp(`^arn:aws:secretsmanager:eu-central-1:${OTHER_ACCOUNT}:secret:s-`));
  expect((await other.getAccessKeyLastUsed({ AccessKeyId: accessKeyId })).AccessKeyLastUsed).toMatchObject({
    ServiceName: 'secretsmanager',
    Region: 'eu-central-1',
  });
  await sandbox.reset();
  expect(await refused('GetSecretValue', { SecretId: 's' })).toBe(gone);
});

test('refuses invalid requests and denied callers', async () => {
  const invalid = '400 ValidationException';
  expect(await refused('CreateSecret', { SecretString: 'one' })).toBe(invalid);
  expect(await refused('CreateSecret', { Name: 's'.repeat(513) })).toBe(invalid);
  expect(await refused('CreateSecret', { Name: 's', ClientRequestToken: 'short' })).toBe(invalid);
  expect(await refused('CreateSecret', { Name: 7 })).toBe('400 SerializationException');
  expect(await refused('CreateSecret', 'nonsense')).toBe('400 SerializationException');
  expect(await refused('Nonsense', {})).toBe('400 UnknownOperationException');
  const by = (accessKeyId: string) => refused('ListSecrets', {}, { accessKeyId });
  expect(await by('AKIAEXPIRED1')).toBe('400 ExpiredTokenException');
  expect(await by('AKIADENIED1')).toBe('400 AccessDeniedException');
  const [response, answer] = await send('GetSecretValue', { SecretId: 's' });
  expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
  expect(response.headers.get('content-type')).toBe('application/x-amz-json-1.1');
  expect(answer['Message']).toBe("Secrets Manager can't find the specified secret.");
});
