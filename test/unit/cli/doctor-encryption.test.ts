import { randomBytes } from 'node:crypto';
import { checkEncryption } from '../../../src/cli/commands/doctor-encryption.js';
import { loadConfig } from '../../../src/config/config.js';

const line = (id: string): string => `${id}: ${randomBytes(32).toString('base64')}`;

test.each<[string, Readonly<Record<string, string>>, object]>([
  ['off', {}, { status: 'ok', message: 'off: everyone who reads from Temporal reads manifests and reports' }],
  [
    'by two keys',
    { IAM_BOOTSTRAP_ENCRYPTION_KEYS: `${line('new')},${line('old')}` },
    { status: 'ok', message: 'encrypts with key new; also decrypts with old; also reads what is not encrypted' },
  ],
  [
    'required',
    { IAM_BOOTSTRAP_ENCRYPTION_KEYS: line('new'), IAM_BOOTSTRAP_ENCRYPTION: 'required' },
    { status: 'ok', message: 'encrypts with key new; refuses what is not encrypted' },
  ],
  [
    'by a file that is missing',
    { IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE: '/nowhere/keys' },
    { status: 'fail', message: 'IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE=/nowhere/keys cannot be read: ENOENT' },
  ],
])('doctor reports encryption: %s', async (_what, environment, expected) => {
  expect(await checkEncryption(loadConfig(environment))).toMatchObject({ name: 'encryption', ...expected });
});
