import { startUiCodec } from '../../../src/cli/commands/ui-codec.js';
import { loadConfig } from '../../../src/config/config.js';

const KEY = `key-1: ${Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64')}`;
const UI = 'http://127.0.0.1:8233';

test('the codec server of `dev` decrypts for its UI, and encrypts for nobody', async () => {
  const server = await startUiCodec(loadConfig({ IAM_BOOTSTRAP_ENCRYPTION_KEYS: KEY }), 8233);
  if (server === undefined) throw new Error('no codec server');
  try {
    const ask = (operation: string): Promise<Response> =>
      fetch(`${server.url}/${operation}`, {
        method: 'POST',
        headers: { origin: UI, 'content-type': 'application/json' },
        body: JSON.stringify({ payloads: [] }),
      });
    const encoded = await ask('encode');
    expect([encoded.status, await encoded.json()]).toEqual([
      404,
      { message: 'encoding is off; --allow-encode switches it on' },
    ]);
    expect((await ask('decode')).status).toBe(200);
  } finally {
    await server.close();
  }
});

test('there is none where payloads are not encrypted', async () => {
  expect(await startUiCodec(loadConfig({}), 8233)).toBeUndefined();
});
