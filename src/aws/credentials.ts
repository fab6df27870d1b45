import type { IAMClient } from '@aws-sdk/client-iam';
import { STSClient } from '@aws-sdk/client-sts';
import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import type { Target } from '../contract/entity.js';
import type { AnyClient } from './calls.js';
import { awsError, isExpired } from './errors.js';

type Provider = ReturnType<typeof fromTemporaryCredentials>;

/** The session of an assumed role. */
export interface RoleSession {
  readonly sessionName?: string | undefined;
  readonly sourceIdentity?: string;
}

/** Configuration of the STS client. */
export interface StsConfig {
  readonly region: string;
  readonly endpoint?: string;
  readonly requestHandler: Readonly<Record<string, number | boolean>>;
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
  const own = fromNodeProviderChain({ clientConfig: stsConfig, ignoreCache: true });
  if (target.assumeRole === undefined) return own;
  const assumed = fromTemporaryCredentials({
    masterCredentials: own,
    params: {
      RoleArn: target.assumeRole,
      RoleSessionName: session.sessionName ?? 'iam-bootstrap',
      ...(session.sourceIdentity === undefined ? {} : { SourceIdentity: session.sourceIdentity }),
    },
    clientConfig: stsConfig,
  });
  return (options) =>
    assumed(options).catch((error: unknown) => {
      throw error instanceof Error ? Object.assign(error, { operation: 'AssumeRole' }) : error;
    });
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
