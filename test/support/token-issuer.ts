import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, type KeyLike, SignJWT } from 'jose';

/** Claims of a token. One that is undefined is left out. */
export type Claims = Readonly<Record<string, unknown>>;

/** An OIDC issuer on this machine, with a real key pair, discovery document and key set. */
export class TokenIssuer {
  /** Answers in place of the issuer, where a test wants something else. */
  answer: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  #keys: { readonly kid: string; readonly privateKey: KeyLike; readonly publicJwk: JWK }[] = [];

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<TokenIssuer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const issuer = new TokenIssuer(server, `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
    server.on('request', (request, response) => {
      issuer.#serve(request, response);
    });
    await issuer.rotate();
    return issuer;
  }

  /** Signs with a new key from now on, and publishes only that one. */
  async rotate(alg = 'RS256'): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const kid = `key-${String(Math.random()).slice(2)}`;
    this.#keys = [{ kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }];
  }

  get publicJwk(): JWK {
    return this.#keys[0]?.publicJwk ?? { kty: 'none' };
  }

  /** Signs a token of this issuer that is valid now, except for what `claims` and `header` change. */
  async sign(claims: Claims, header: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const [key] = this.#keys;
    if (key === undefined) throw new Error('no key');
    const now = Math.floor(Date.now() / 1_000);
    const payload = { iss: this.url, sub: 'someone', iat: now, exp: now + 300, jti: crypto.randomUUID(), ...claims };
    return new SignJWT(Object.fromEntries(Object.entries<unknown>(payload).filter(([, value]) => value !== undefined)))
      .setProtectedHeader({ alg: key.publicJwk.alg ?? 'RS256', kid: key.kid, typ: 'JWT', ...header })
      .sign(key.privateKey);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.asked.push(request.url ?? '');
    if (this.answer?.(request, response) === true) return;
    response.setHeader('content-type', 'application/json');
    if (request.url === '/.well-known/openid-configuration') {
      response.end(JSON.stringify({ issuer: this.url, jwks_uri: `${this.url}/keys` }));
    } else if (request.url === '/keys') {
      response.end(JSON.stringify({ keys: this.#keys.map(({ publicJwk }) => publicJwk) }));
    } else response.writeHead(404).end('{}');
  }
}
