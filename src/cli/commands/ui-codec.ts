import { type CodecServer, startCodecServer } from '../../temporal/codec-server/codec-server.js';
import { openEncryption } from '../../temporal/encryption/open.js';
import { createDataConverter } from '../../temporal/payload-codec.js';

/**
 * Starts a codec server for the UI of this machine, where payloads are encrypted. Undefined where they are not. It decrypts
 * for every process of this machine, and encrypts for none: what is encrypted counts as sent by an owner of the key.
 */
export async function startUiCodec(
  config: Parameters<typeof openEncryption>[0],
  uiPort: number,
): Promise<CodecServer | undefined> {
  const { keys } = await openEncryption(config);
  if (keys === undefined) return undefined;
  return startCodecServer({
    codec: createDataConverter({ keys }).payloadCodecs[0],
    ...{ host: '127.0.0.1', port: 0, allowsEncode: false },
    origins: ['127.0.0.1', 'localhost'].map((host) => `http://${host}:${String(uiPort)}`),
  });
}
