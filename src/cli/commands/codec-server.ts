import { type Config, loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { ConfigError } from '../../contract/user-facing-error.js';
import { createLogger, logKeyChanges } from '../../observability/logging.js';
import { type Authorize, sharedTokens } from '../../temporal/codec-server/bearer.js';
import { startCodecServer } from '../../temporal/codec-server/codec-server.js';
import { openOidcTokens } from '../../temporal/codec-server/oidc.js';
import { openEncryption } from '../../temporal/encryption/open.js';
import { createDataConverter } from '../../temporal/payload-codec.js';
import { interruption } from '../run-command.js';
import { note, plain } from '../terminal.js';

const STANDARD_ERROR = 2;

interface CodecServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly origin: readonly string[];
  readonly tokenFile?: string;
  readonly issuer?: string;
  readonly audience?: string;
  readonly jwksUrl?: string;
  readonly claim: readonly string[];
  readonly allowEncode: boolean;
}

/** Decrypts payloads for Temporal's UI and command line until it is stopped. */
export async function codecServer(options: CodecServerOptions): Promise<ExitCode> {
  const config = loadConfig();
  const log = createLogger(config.logLevel, STANDARD_ERROR);
  const { keys, keyIds } = await openEncryption(config, logKeyChanges(log));
  if (keys === undefined) {
    throw new ConfigError(
      'the codec server has no keys',
      'set IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE or IAM_BOOTSTRAP_ENCRYPTION_KMS_KEY; see docs/encryption.md',
    );
  }
  const [codec] = createDataConverter({ keys }).payloadCodecs;
  const authorize = authorizeBy(options, config.network);
  // Before it listens: a signal that comes at once ends it in order, too.
  const interrupted = interruption();
  const server = await startCodecServer({
    codec,
    ...options.listen,
    origins: options.origin,
    authorize,
    allowsEncode: options.allowEncode,
    onAnswer: (answer) => {
      log.info(answer, 'Codec server answered');
    },
  });
  try {
    log.info({ url: server.url, keys: keyIds, origins: options.origin }, 'Codec server listens');
    if (authorize === undefined) note(`No authorization: every process of this machine can decrypt at ${server.url}.`);
    if (options.origin.length === 0) note(`No --origin: ${plain(server.url)} serves command lines, and no UI.`);
    await interrupted;
    return ExitCode.Converged;
  } finally {
    await server.close();
  }
}

function authorizeBy(
  { tokenFile, issuer, audience, jwksUrl, claim }: CodecServerOptions,
  network: Config['network'],
): Authorize | undefined {
  if (issuer === undefined) {
    if (audience === undefined && jwksUrl === undefined && claim.length === 0) {
      return tokenFile === undefined ? undefined : sharedTokens(tokenFile);
    }
    throw new ConfigError('--audience, --jwks-url and --claim need an issuer', 'set --issuer as well');
  }
  if (tokenFile !== undefined) throw new ConfigError('both --issuer and --token-file are set', 'set one of them');
  if (audience === undefined) {
    throw new ConfigError(
      '--issuer is set without --audience: a token that the issuer made for another program would count',
      'set --audience to the client ID of the Temporal UI',
    );
  }
  return openOidcTokens({ issuer, audience, jwksUrl, claims: claim }, network);
}
