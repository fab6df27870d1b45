import { IAM } from '@aws-sdk/client-iam';
import { signed } from '../../acceptance/signature.js';

interface SentRequest {
  readonly headers: Record<string, string>;
  readonly body: string;
}

test("signs as the AWS SDK does, with a session's token", async () => {
  const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret/key', sessionToken: 'token==' };
  const sent: SentRequest[] = [];
  const iam = new IAM({ region: 'us-east-1', endpoint: 'https://iam.amazonaws.com', credentials, maxAttempts: 1 });
  iam.middlewareStack.add(
    () => (args) => {
      sent.push(args.request as SentRequest);
      return Promise.reject(new Error('not sent'));
    },
    { step: 'finalizeRequest', name: 'capture', priority: 'low' },
  );
  await iam.createRole({ RoleName: 'a', AssumeRolePolicyDocument: '{ }' }).catch(() => undefined);
  const [request] = sent;
  const headers = Object.fromEntries(
    Object.entries(request?.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const names = /SignedHeaders=([^,]+)/.exec(headers['authorization'] ?? '')?.[1]?.split(';') ?? [];
  const own = names.filter((name) => !['x-amz-date', 'x-amz-security-token'].includes(name));
  const again = signed(
    {
      method: 'POST',
      path: '/',
      headers: Object.fromEntries(own.map((name) => [name, headers[name] ?? ''])),
      body: Buffer.from(request?.body ?? ''),
      service: 'iam',
      region: 'us-east-1',
    },
    credentials,
    new Date((headers['x-amz-date'] ?? '').replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')),
  );
  expect(names).toContain('host');
  expect(again['authorization']).toBe(headers['authorization']);
});
