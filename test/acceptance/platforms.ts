import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { STSClient } from '@aws-sdk/client-sts';
import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { signingRegion } from '../../src/engine/partitions.js';
import { findPython, startSandbox } from '../support/sandbox.js';
import type { Upstream } from './gateway.js';
import type { AcceptanceOptions } from './options.js';

/** An endpoint that is ready for a gateway. */
export interface StartedPlatform {
  readonly upstream: Upstream;
  stop(): Promise<void>;
}

/** Starts the emulator that the options name, or finds the credentials for AWS. */
export async function startPlatform(options: AcceptanceOptions): Promise<StartedPlatform> {
  const { platform, account, partition } = options;
  const place = { account, partition };
  if (platform === 'aws') return { upstream: { ...place, credentials: credentialsOf(options) }, stop: noStop };
  // An access key of twelve digits is an account in some emulators, and unknown to the others.
  const credentials = () => Promise.resolve({ accessKeyId: account, secretAccessKey: 'emulator' });
  if (options.endpoint !== null) {
    return { upstream: { ...place, endpoint: options.endpoint, credentials }, stop: noStop };
  }
  const { url, stop } = platform === 'moto' ? await startMoto(account) : await startSandbox({ account });
  return { upstream: { ...place, endpoint: url, credentials }, stop };
}

const noStop = (): Promise<void> => Promise.resolve();

/** Returns the credentials of the SDK's default chain, or of a role. The client keeps them until they expire. */
function credentialsOf({ assumeRole, partition }: AcceptanceOptions): Upstream['credentials'] {
  const region = signingRegion(partition);
  const own = fromNodeProviderChain();
  const credentials =
    assumeRole === null
      ? own
      : fromTemporaryCredentials({
          masterCredentials: own,
          params: { RoleArn: assumeRole, RoleSessionName: 'iam-bootstrap-acceptance' },
          clientConfig: { region },
        });
  const sts = new STSClient({ region, credentials });
  return () => sts.config.credentials();
}

async function startMoto(account: string): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const env = { PATH: process.env['PATH'], MOTO_ACCOUNT_ID: account };
  const script = resolve(__dirname, 'moto_alone.py');
  const child = spawn(await findPython(), ['-B', script], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([once(lines, 'line'), exited])) as [unknown];
  if (typeof line !== 'string') throw new Error('moto has ended before it served');
  const { url } = JSON.parse(line) as { url: string };
  return {
    url,
    stop: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
