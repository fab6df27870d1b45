import type { IAMClient } from '@aws-sdk/client-iam';
import { STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import type { Target } from '../contract/entity.js';
import type { AnyClient } from './calls.js';
import { awsError, isExpired } from './errors.js';
import { refuseForeignReplies } from './foreign-replies.js';

type Provider = ReturnType<typeof fromTemporaryCredentials>;

/** The session of an assumed role. */
export interface RoleSession {
  readonly sessionName?: string | undefined;
  readonly sourceIdentity?: string;
  readonly externalId?: string | undefined;
}

/** Configuration of the STS client. */
export interface StsConfig {
  readonly region: string;
  readonly endpoint?: string;
  readonly useFipsEndpoint?: boolean;
  readonly useDualstackEndpoint?: boolean;
  readonly requestHandler: NonNullable<STSClientConfig['requestHandler']>;
}

/** The credentials of a target, which all of its clients share. */
export interface SharedCredentials {
  readonly sts: STSClient;
  readonly accessKeyId: () => Promise<string>;
  readonly renew: (expiredKey: string | undefined) => Promise<void>;
}

/** Resolves a target's credentials once, and again before they expire; otherwise each call would assume the role. */
export function createCredentials(target: Target, stsConfig: StsConfig, session: RoleSession): SharedCredentials {
  let provider = createProvider(target, stsConfig, session);
  const sts = new STSClient({ ...stsConfig, credentials: keptForSeconds((options) => provider(options)) });
  const accessKeyId = async (): Promise<string> => (await sts.config.credentials()).accessKeyId;
  let renewal: Promise<unknown> | undefined;
  const renew = async (expiredKey: string | undefined): Promise<void> => {
    if (renewal === undefined && expiredKey !== undefined && (await accessKeyId()) !== expiredKey) return;
    renewal ??= (async () => {
      // A new provider, since credentials that the old one has cached may have expired as well.
      provider = createProvider(target, stsConfig, session);
      await sts.config.credentials({ forceRefresh: true });
    })().finally(() => (renewal = undefined));
    await renewal;
  };
  return { sts, accessKeyId, renew };
}

/** Time for which fetched credentials are used again. */
const KEPT_MS = 20_000;

/**
 * Keeps fetched credentials for seconds. The SDK fetches those that are about to expire for each call, and where that
 * takes longer than the lease of a write, no write would ever be sent.
 */
function keptForSeconds(provider: Provider): Provider {
  let kept: { readonly value: Awaited<ReturnType<Provider>>; readonly until: number } | undefined;
  return async (options) => {
    const isForced = (options as { readonly forceRefresh?: boolean } | undefined)?.forceRefresh === true;
    if (!isForced && kept !== undefined && performance.now() < kept.until) return kept.value;
    const value = await provider(options);
    const expiresInMs = (value.expiration?.getTime() ?? Infinity) - Date.now();
    kept = { value, until: performance.now() + Math.min(KEPT_MS, expiresInMs) };
    return value;
  };
}

/** Makes a provider of the worker's own credentials, or of those of the role that it assumes with them. */
function createProvider(target: Target, stsConfig: StsConfig, session: RoleSession): Provider {
  // Without the cache: a person may have renewed a file that this process has read.
  const own = defaultChain(stsConfig);
  if (target.assumeRole === undefined) return own;
  const assumed = fromTemporaryCredentials({
    masterCredentials: own,
    params: {
      RoleArn: target.assumeRole,
      RoleSessionName: session.sessionName ?? 'iam-bootstrap',
      ...(session.sourceIdentity === undefined ? {} : { SourceIdentity: session.sourceIdentity }),
      ...(session.externalId === undefined ? {} : { ExternalId: session.externalId }),
    },
    clientConfig: stsConfig,
    clientPlugins: [refuseForeignReplies],
  });
  return (options) =>
    assumed(options).catch((error: unknown) => {
      throw error instanceof Error ? Object.assign(error, { operation: 'AssumeRole' }) : error;
    });
}

/**
 * Makes the SDK's default chain. Of our configuration it gets the connections alone: its own clients, such as that of an
 * SSO portal, have their own regions and endpoints. Where no source has credentials, the error names what each of those
 * said that are configured: the SDK's own error names the last source only.
 */
function defaultChain({ requestHandler }: StsConfig): Provider {
  const failures = new Set<string>();
  const ignore = (): void => undefined;
  const logger = {
    trace: ignore,
    info: ignore,
    warn: ignore,
    error: ignore,
    debug: (...lines: readonly unknown[]) => {
      const failure = /^@smithy\/property-provider (?:->|\(!\)) (.+)/s.exec(lines.map(String).join(' '))?.[1];
      if (failure !== undefined && !NOT_CONFIGURED.test(failure)) failures.add(sourceFailure(failure));
    },
  };
  const chain = fromNodeProviderChain({ clientConfig: { requestHandler }, ignoreCache: true, logger });
  return async (options) => {
    failures.clear();
    try {
      return await chain(options);
    } catch (error) {
      if (!(error instanceof Error) || failures.size === 0) throw error;
      error.message = [...failures].join('; ');
      throw error;
    }
  };
}

/** Messages of sources that are not configured, and so have nothing to report. */
const NOT_CONFIGURED =
  /^(AWS_PROFILE is set|Unable to find environment variable|Skipping SSO|Web identity configuration not|EC2 Instance Metadata Service access disabled|Could not load credentials from any|Could not resolve credentials using profile: \[default\]|Profile \S+ (could not be found|did not contain credential_process)|The container metadata service cannot be used)/;

const MAX_FAILURE_LENGTH = 500;

/** Shortens the failure of a source to what it printed. A command line may contain a secret. */
function sourceFailure(message: string): string {
  if (!message.startsWith('Command failed: ')) return message.slice(0, MAX_FAILURE_LENGTH);
  const printed = message.split('\n').slice(1).join('\n').trim();
  return `credential_process failed: ${printed === '' ? 'it printed nothing' : printed}`.slice(0, MAX_FAILURE_LENGTH);
}

/** Retries a call once with new credentials where AWS reports that its own have expired. */
export function retryWithNewCredentials<C extends AnyClient>(client: C, { accessKeyId, renew }: SharedCredentials): C {
  (client.middlewareStack as IAMClient['middlewareStack']).add(
    (next) => async (args) => {
      const key = await accessKeyId().catch(() => undefined);
      try {
        return await next(args);
      } catch (error) {
        if (!isExpired(awsError(error))) throw error;
        await renew(key);
        return next(args);
      }
    },
    { step: 'initialize', name: 'retryWithNewCredentials', override: true },
  );
  return client;
}
