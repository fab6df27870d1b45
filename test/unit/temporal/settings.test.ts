import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../../src/config/config.js';
import { ConfigError } from '../../../src/contract/user-facing-error.js';
import { temporalSettings } from '../../../src/temporal/settings.js';

/** Mistakes in the settings of the connection to Temporal, each with its variable and the way out. */

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'iam-bootstrap-temporal-'));
  writeFileSync(join(folder, 'client.pem'), '');
  writeFileSync(
    join(folder, 'half.toml'),
    `[profile.half.tls]\nclient_cert_path = "${join(folder, 'client.pem')}"\n[profile.folder.tls]\nserver_ca_cert_path = "${folder}"\n`,
  );
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Returns the mistake that the settings have, as message and remedy. */
function mistakeIn(variables: Readonly<Record<string, string>>): [message: string, remedy: string | null] | undefined {
  try {
    temporalSettings(loadConfig({ HOME: folder, ...variables }));
  } catch (error) {
    if (error instanceof ConfigError) return [error.message, error.remedy];
    throw error;
  }
  return undefined;
}

test('TEMPORAL_TLS is true or false, and no other text', () => {
  for (const TEMPORAL_TLS of ['true', 'false', '1', '0']) expect(mistakeIn({ TEMPORAL_TLS })).toBeUndefined();
  for (const TEMPORAL_TLS of ['maybe', 'True', 'yes']) {
    expect(mistakeIn({ TEMPORAL_TLS })).toEqual([
      `TEMPORAL_TLS is ${TEMPORAL_TLS}; expected true or false`,
      'set TEMPORAL_TLS to true or false, or unset it',
    ]);
  }
});

test.each([
  ['TEMPORAL_TLS_CLIENT_CERT_PATH', 'TEMPORAL_TLS_CLIENT_KEY_PATH'],
  ['TEMPORAL_TLS_CLIENT_CERT_DATA', 'TEMPORAL_TLS_CLIENT_KEY_PATH'],
  ['TEMPORAL_TLS_CLIENT_KEY_PATH', 'TEMPORAL_TLS_CLIENT_CERT_PATH'],
  ['TEMPORAL_TLS_CLIENT_KEY_DATA', 'TEMPORAL_TLS_CLIENT_CERT_PATH'],
])('%s without the other half is a mistake', (set, missing) => {
  const half = { [set]: set.endsWith('PATH') ? join(folder, 'client.pem') : 'content' };
  expect(mistakeIn(half)).toEqual([
    `${set} is set without ${missing}: mTLS needs a certificate and its key`,
    `set ${missing} as well, or neither`,
  ]);
  expect(mistakeIn({ ...half, TEMPORAL_TLS: 'false' })).toBeUndefined();
});

test.each(['SERVER_CA_CERT', 'CLIENT_CERT', 'CLIENT_KEY'])('a folder in TEMPORAL_TLS_%s_PATH is named', (part) => {
  const variable = `TEMPORAL_TLS_${part}_PATH`;
  expect(mistakeIn({ [variable]: folder })).toEqual([
    `${variable}: ${folder} is a folder`,
    `set ${variable} to a file in PEM format`,
  ]);
});

test.each([
  ['half', 'client_cert_path of profile half is set without TEMPORAL_TLS_CLIENT_KEY_PATH'],
  ['folder', 'server_ca_cert_path of profile folder: '],
])('a profile counts as variables do (%s)', (TEMPORAL_PROFILE, message) => {
  const [found] = mistakeIn({ TEMPORAL_CONFIG_FILE: join(folder, 'half.toml'), TEMPORAL_PROFILE }) ?? [];
  expect(found).toContain(message);
});

test.each([
  ['::1', 'set TEMPORAL_ADDRESS to [::1]:7233: an IPv6 address is written in brackets'],
  ['a b', 'set TEMPORAL_ADDRESS to temporal.example.com:7233, for example'],
])('the address %s gets a hint', (TEMPORAL_ADDRESS, remedy) => {
  expect(mistakeIn({ TEMPORAL_ADDRESS })?.[1]).toBe(remedy);
});
