import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRequestKeys } from '../../../src/identity/keys.js';
import { signingKey } from '../../../src/identity/signing-key.js';

const KEY = 'a key of at least thirty-two characters';
const OLD = 'another key of at least 32 characters';
const LOCAL = '127.0.0.1:7233';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'iam-bootstrap-keys-'))));
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function keyFile(text: string): string {
  const path = join(folder, 'key');
  writeFileSync(path, text);
  return path;
}

const config = (more: { requestKey?: string; requestKeyFile?: string } = {}) => ({
  requestKey: undefined,
  requestKeyFile: undefined,
  stateDirectory: folder,
  ...more,
});

test('the lines of a file are keys, the one that signs first', () => {
  expect(readRequestKeys(config({ requestKeyFile: keyFile(`\n ${KEY} \n${OLD}\n`) }))).toEqual([KEY, OLD]);
  expect(readRequestKeys(config({ requestKey: KEY }))).toEqual([KEY]);
  expect(readRequestKeys(config())).toBeUndefined();
});

test.each([
  ['short', 'IAM_BOOTSTRAP_REQUEST_KEY_FILE=FILE has a key of less than 32 characters'],
  ['', 'IAM_BOOTSTRAP_REQUEST_KEY_FILE=FILE has a key of less than 32 characters'],
  [`${KEY}\nshort`, 'IAM_BOOTSTRAP_REQUEST_KEY_FILE=FILE has a key of less than 32 characters'],
])('a file with %j is refused with its name', (text, message) => {
  const requestKeyFile = keyFile(text);
  expect(() => readRequestKeys(config({ requestKeyFile }))).toThrow(
    message.replace('FILE=FILE', `FILE=${requestKeyFile}`),
  );
});

test('a file that is missing, and two sources, are refused', () => {
  const requestKeyFile = join(folder, 'none');
  expect(() => readRequestKeys(config({ requestKeyFile }))).toThrow(`${requestKeyFile} cannot be read: ENOENT`);
  expect(() => readRequestKeys(config({ requestKeyFile, requestKey: KEY }))).toThrow(
    'both IAM_BOOTSTRAP_REQUEST_KEY and IAM_BOOTSTRAP_REQUEST_KEY_FILE are set',
  );
});

describe('a client signs', () => {
  beforeEach(() => {
    writeFileSync(join(folder, 'request.key'), `${OLD}\n`);
  });

  test('with the configured key, whatever the state folder has', () => {
    expect(signingKey(config({ requestKey: KEY }), LOCAL)).toBe(KEY);
  });

  test('with the key of its state folder for a server on this machine, and for no other', () => {
    const addresses = [LOCAL, 'localhost:7233', 'temporal.example.com:7233', '127.0.0.1.example.com:7233'];
    expect(addresses.map((address) => signingKey(config(), address))).toEqual([OLD, OLD, undefined, undefined]);
  });

  test('with nothing where the key of the state folder is missing or no file', () => {
    rmSync(join(folder, 'request.key'));
    expect(signingKey(config(), LOCAL)).toBeUndefined();
    mkdirSync(join(folder, 'request.key'));
    expect(signingKey(config(), LOCAL)).toBeUndefined();
  });
});
