import { IAM } from '@aws-sdk/client-iam';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { loadConfig } from '../../src/config/config.js';
import { sandboxPython, startSandbox as startProcess } from '../../src/embedded/sandbox.js';

/** One call that arrived at the sandbox, independent of the engine's own report. */
export interface JournalEntry {
  /** Counts from 1, in the order of the replies. */
  readonly seq: number;
  /** ISO 8601. */
  readonly at: string;
  readonly account: string;
  /** The action in AWS's spelling: `CreateRole`. */
  readonly action: string;
  /** Names, ARNs, paths and pages, without documents and secrets. */
  readonly params: Readonly<Record<string, string>>;
  readonly status: number;
  /** The error code; null if the call succeeded. */
  readonly code: string | null;
  readonly requestId: string;
}

/** A sandbox process. */
export interface TestSandbox {
  readonly url: string;
  readonly pid: number;
  /** Returns every call since the start or the last reset. */
  journal(): Promise<JournalEntry[]>;
  /** Empties all accounts and the journal. Issued credentials stay valid. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** Options of a sandbox. */
export interface TestSandboxOptions {
  /** The account of access keys that the sandbox did not issue. Default: 111111111111. */
  readonly account?: string;
  /** Default: a free port. */
  readonly port?: number;
}

/**
 * Returns a Python with the sandbox's requirements: the one that `IAM_BOOTSTRAP_SANDBOX_PYTHON` names, or one that is
 * made in the cache, once.
 */
export async function findPython(): Promise<string> {
  const { cacheDirectory, environment } = loadConfig();
  return environment['IAM_BOOTSTRAP_SANDBOX_PYTHON'] ?? sandboxPython({ cacheDirectory, environment });
}

/** Starts the IAM sandbox. It ends with this process, killed or not. */
export async function startSandbox(options: TestSandboxOptions = {}): Promise<TestSandbox> {
  const { url, pid, stop } = await startProcess({
    python: await findPython(),
    environment: loadConfig().environment,
    ...options,
  });
  return {
    url,
    pid,
    stop,
    journal: async () => (await (await ask(`${url}/sandbox/journal`, 'GET')).json()) as JournalEntry[],
    reset: async () => {
      await (await ask(`${url}/sandbox/reset`, 'POST')).text();
    },
  };
}

async function ask(url: string, method: string): Promise<Response> {
  const response = await fetch(url, { method });
  if (!response.ok) throw new Error(`${method} ${url}: ${String(response.status)}`);
  return response;
}

/** Options of a client. */
export interface ClientOptions {
  /** Some prefixes stand for a kind of caller: see `sandbox/strict_iam/access.py`. */
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  /** The region that calls are signed for. Default: us-east-1. */
  readonly region?: string;
  /** Attempts per call. Default: 1, so that a test sees the first error. */
  readonly maxAttempts?: number;
}

/** Returns an IAM client of the sandbox's own account, or of another one by `AssumeRole`. */
export function iamClient(url: string, account?: string, options: ClientOptions = {}): IAM {
  const { accessKeyId = 'AKIATEST', secretAccessKey = 'sandbox', region = 'us-east-1', maxAttempts = 1 } = options;
  const own = { accessKeyId, secretAccessKey };
  const common = { endpoint: url, region };
  return new IAM({
    ...common,
    maxAttempts,
    requestHandler: { httpAgent: { maxSockets: 100 } },
    credentials:
      account === undefined
        ? own
        : fromTemporaryCredentials({
            masterCredentials: own,
            params: { RoleArn: `arn:aws:iam::${account}:role/test`, RoleSessionName: 'test' },
            clientConfig: common,
          }),
  });
}
