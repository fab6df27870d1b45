import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** A server that answers as EC2's instance metadata, as the credentials endpoint of a container, and as STS. */
export interface FakeCredentials {
  readonly url: string;
  /** A Unix socket that it listens on too: it is reached from every network of the machine. */
  readonly socket: string;
  /** The calls to STS: action, role or token, the access key and the region of the signature. */
  readonly calls: readonly string[];
  stop(): void;
}

/** The token that the container's endpoint wants. */
export const CONTAINER_TOKEN = 'container-token';

const IN_AN_HOUR = new Date(Date.now() + 3_600_000).toISOString();

function keys(accessKeyId: string): string {
  return JSON.stringify({
    Code: 'Success',
    AccessKeyId: accessKeyId,
    SecretAccessKey: 'hunter2',
    Token: 'hunter2',
    Expiration: IN_AN_HOUR,
  });
}

/** Starts the server. Keys that STS issues are named after the role. */
export async function startFakeCredentials(): Promise<FakeCredentials> {
  const calls: string[] = [];
  const listener: RequestListener = (request, response) => {
    void text(request).then((body) => {
      const { status, reply } = answer(request, body, calls);
      response.writeHead(status).end(reply);
    });
  };
  const folder = mkdtempSync(join(tmpdir(), 'iam-bootstrap-fake-'));
  const socket = join(folder, 'socket');
  const [server, local] = [createServer(listener), createServer(listener)];
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  await new Promise<void>((done) => local.listen(socket, done));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    socket,
    calls,
    stop: () => {
      for (const one of [server, local]) {
        one.close();
        one.closeAllConnections();
      }
      rmSync(folder, { recursive: true });
    },
  };
}

const ROLES = '/latest/meta-data/iam/security-credentials/';

function answer(
  { method, url, headers }: IncomingMessage,
  body: string,
  calls: string[],
): { readonly status: number; readonly reply: string } {
  const ok = (reply: string): ReturnType<typeof answer> => ({ status: 200, reply });
  if (method === 'PUT' && url === '/latest/api/token') return ok('imds-token');
  if (url === ROLES || url === `${ROLES}instance`) {
    if (headers['x-aws-ec2-metadata-token'] !== 'imds-token') return { status: 401, reply: '' };
    return ok(url === ROLES ? 'instance' : keys('AKIAINSTANCE'));
  }
  if (url === '/container') {
    return headers.authorization === CONTAINER_TOKEN ? ok(keys('AKIACONTAINER')) : { status: 401, reply: '' };
  }
  return answerSts(new URLSearchParams(body), headers.authorization ?? '', calls);
}

function answerSts(
  parameters: URLSearchParams,
  authorization: string,
  calls: string[],
): { readonly status: number; readonly reply: string } {
  const action = parameters.get('Action') ?? '';
  const [, key = 'unsigned', region = ''] = /Credential=([^/]+)\/\d+\/([^/]+)/.exec(authorization) ?? [];
  const role = parameters.get('RoleArn')?.split('/').at(-1) ?? '';
  const token = parameters.get('WebIdentityToken') ?? '';
  calls.push([action, role, token, key, region].filter((part) => part !== '').join(' '));
  const issued = `<Credentials><AccessKeyId>ASIA-${role}</AccessKeyId><SecretAccessKey>hunter2</SecretAccessKey><SessionToken>hunter2</SessionToken><Expiration>${IN_AN_HOUR}</Expiration></Credentials>`;
  const results: Readonly<Record<string, string>> = {
    GetCallerIdentity: `<Account>111111111111</Account><Arn>arn:aws:iam::111111111111:user/${key}</Arn>`,
    AssumeRole: issued,
    AssumeRoleWithWebIdentity: issued,
  };
  const result = results[action];
  if (result === undefined) {
    return {
      status: 403,
      reply: `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`,
    };
  }
  return { status: 200, reply: `<${action}Response><${action}Result>${result}</${action}Result></${action}Response>` };
}
