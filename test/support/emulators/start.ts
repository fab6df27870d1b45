import { join } from 'node:path';
import { loadConfig } from '../../../src/config/config.js';
import { sandboxPython, startSandbox as startProcess } from '../../../src/embedded/sandbox.js';
import { findPython, startSandbox } from '../sandbox.js';

/** The emulators of AWS that laws can be tried on. `moto` is what the sandbox is made of, without its rules. */
export const EMULATORS = ['sandbox', 'moto', 'ministack'] as const;
export type EmulatorName = (typeof EMULATORS)[number];

/** An emulator process. */
export interface Emulator {
  readonly url: string;
  /** Empties all accounts. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** The requests that empty the emulators, which AWS does not have. */
const RESET_PATHS = { moto: '/moto-api/reset', ministack: '/_ministack/reset' } as const;

/** Starts an emulator. Its packages are installed once, into the cache. It ends with this process, killed or not. */
export async function startEmulator(name: EmulatorName): Promise<Emulator> {
  if (name === 'sandbox') return startSandbox();
  const { cacheDirectory, environment } = loadConfig();
  // The Python of the sandbox has moto.
  const requirementsFile = join(__dirname, 'requirements.txt');
  const { url, stop } = await startProcess({
    python:
      name === 'moto' ? await findPython() : await sandboxPython({ cacheDirectory, environment, requirementsFile }),
    environment: { ...environment, EMULATOR: name, MOTO_IAM_LOAD_MANAGED_POLICIES: 'true' },
    script: join(__dirname, 'serve.py'),
  });
  return {
    url,
    stop,
    reset: async () => {
      const response = await fetch(url + RESET_PATHS[name], { method: 'POST' });
      if (!response.ok) throw new Error(`reset of ${name}: ${String(response.status)}`);
      await response.text();
    },
  };
}
