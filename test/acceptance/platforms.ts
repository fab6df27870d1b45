import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { signingRegion } from '../../src/engine/partitions.js';
import { findPython, startSandbox } from '../support/sandbox.js';
import { credentialsFrom } from './credentials.js';
import type { Environment } from './credentials.js';
import type { Upstream } from './gateway.js';
import type { AcceptanceOptions } from './options.js';

/** An endpoint that is ready for a gateway. */
export interface StartedPlatform {
  readonly upstream: Upstream;
  stop(): Promise<void>;
}

/** Starts the emulator that the options name, or finds the credentials for AWS. */
export async function startPlatform(options: AcceptanceOptions, environment: Environment): Promise<StartedPlatform> {
  const { platform, account, partition, assumeRole } = options;
  const place = { account, partition };
  if (platform === 'aws') {
    const credentials = credentialsFrom(environment, signingRegion(partition), assumeRole);
    return { upstream: { ...place, credentials }, stop: noStop };
  }
  // An access key of twelve digits is an account in some emulators, and unknown to the others.
  const credentials = () => Promise.resolve({ accessKeyId: account, secretAccessKey: 'emulator' });
  if (options.endpoint !== null) {
    return { upstream: { ...place, endpoint: options.endpoint, credentials }, stop: noStop };
  }
  const { url, stop } = platform === 'moto' ? await startMoto(account) : await startSandbox({ account });
  return { upstream: { ...place, endpoint: url, credentials }, stop };
}

const noStop = (): Promise<void> => Promise.resolve();

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
