import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAwsClients } from '../../../src/aws/clients.js';

/** How often a call is sent, whatever the environment says of attempts. */

let server: Server;
/** Bodies of the calls that the server got, by operation. */
let bodies: Record<string, string[]>;
/** Operations whose first reply is lost. */
let deaf: Set<string>;

beforeEach(async () => {
  bodies = {};
  deaf = new Set();
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const target = String(request.headers['x-amz-target'] ?? '').split('.')[1];
      const operation = target ?? new URLSearchParams(body).get('Action') ?? '';
      const seen = (bodies[operation] ??= []);
      seen.push(body);
      if (deaf.has(operation) && seen.length === 1) request.socket.destroy();
      else if (operation === 'PutSecretValue') {
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
        response.end('{"__type":"ResourceNotFoundException","message":"there is no such secret"}');
      } else {
        const type = target === undefined ? 'text/xml' : 'application/x-amz-json-1.1';
        response.writeHead(target === undefined ? 503 : 200, { 'content-type': type });
        response.end(target === undefined ? UNAVAILABLE : '{}');
      }
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});

afterEach(() => {
  server.close();
});

const UNAVAILABLE =
  '<ErrorResponse><Error><Code>ServiceUnavailable</Code><Message>later</Message></Error></ErrorResponse>';

const VARIABLES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_MAX_ATTEMPTS', 'AWS_RETRY_MODE'];

describe.each([
  { AWS_MAX_ATTEMPTS: '5' },
  { AWS_MAX_ATTEMPTS: '5', AWS_RETRY_MODE: 'adaptive' },
  { AWS_MAX_ATTEMPTS: '5', AWS_RETRY_MODE: 'standard' },
])('with %j', (variables) => {
  beforeEach(() => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIATEST', AWS_SECRET_ACCESS_KEY: 'secret' }, variables);
  });

  afterEach(() => {
    for (const name of VARIABLES) Reflect.deleteProperty(process.env, name);
  });

  function clients(): ReturnType<typeof createAwsClients> {
    const endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const target = { account: '111111111111', partition: 'aws' } as const;
    return createAwsClients(target, { iamEndpoint: endpoint, stsEndpoint: endpoint, secretsManagerEndpoint: endpoint });
  }

  test.each(['reply that is lost', 'server that is not available'])(
    'a Create is sent once, after a %s',
    async (title) => {
      if (title.startsWith('reply')) deaf.add('CreateRole');
      const aws = clients();
      await expect(aws.write('CreateRole', { RoleName: 'a', AssumeRolePolicyDocument: '{}' })).rejects.toThrow();
      aws.destroy();
      expect(bodies['CreateRole']).toHaveLength(1);
    },
  );

  test('a secret whose reply is lost is sent again as the same version, so that it is stored once', async () => {
    deaf.add('CreateSecret');
    const aws = clients();
    await aws.secrets.writeRecord({ secretsManager: 'ci/robot' }, { SecretAccessKey: 's' });
    aws.destroy();
    const tokens = bodies['CreateSecret']?.map(
      (body) => (JSON.parse(body) as Record<string, string>)['ClientRequestToken'],
    );
    expect(tokens).toHaveLength(2);
    expect(new Set(tokens)).toEqual(new Set([expect.stringMatching(/^[\da-f-]{36}$/)]));
  });
});
