import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Credentials that sign a request. */
export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** A request to sign. Its headers have lower-case names, `host` included. */
export interface UnsignedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly service: string;
  readonly region: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** Returns the headers of a request with AWS's Signature Version 4. */
export function signed(request: UnsignedRequest, credentials: SigningCredentials, at: Date): Record<string, string> {
  const time = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const headers: Record<string, string> = {
    ...request.headers,
    'x-amz-date': time,
    ...(credentials.sessionToken === undefined ? {} : { 'x-amz-security-token': credentials.sessionToken }),
  };
  const names = Object.keys(headers).sort();
  headers['authorization'] = authorizationOf({ ...request, headers }, credentials, names, time);
  return headers;
}

/** Reports whether a request was signed with these credentials. */
export function isSignedBy(
  { method, path, headers, body }: Omit<UnsignedRequest, 'service' | 'region'>,
  credentials: SigningCredentials,
): boolean {
  const { authorization = '', 'x-amz-date': time = '' } = headers;
  const parts = /Credential=[^/]+\/\d{8}\/([\w-]+)\/([\w-]+)\/aws4_request, ?SignedHeaders=([\w;-]+)/.exec(
    authorization,
  );
  if (parts === null) return false;
  const [, region = '', service = '', names = ''] = parts;
  const request = { method, path, headers, body, service, region };
  const expected = Buffer.from(authorizationOf(request, credentials, names.split(';'), time));
  const given = Buffer.from(authorization);
  return names.split(';').includes('host') && given.length === expected.length && timingSafeEqual(given, expected);
}

function authorizationOf(
  { method, path, headers, body, region, service }: UnsignedRequest,
  { accessKeyId, secretAccessKey }: SigningCredentials,
  names: readonly string[],
  time: string,
): string {
  const day = time.slice(0, 8);
  const canonical = [
    method,
    path,
    '',
    ...names.map((name) => `${name}:${headers[name]?.trim().replace(/\s+/g, ' ') ?? ''}`),
    '',
    names.join(';'),
    sha256(body),
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = [ALGORITHM, time, scope, sha256(canonical)].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<Buffer>(
    (signing, part) => hmac(signing, part),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
  const signature = hmac(key, toSign).toString('hex');
  return `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function hmac(key: Buffer, content: string): Buffer {
  return createHmac('sha256', key).update(content).digest();
}
