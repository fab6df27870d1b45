import fc from 'fast-check';
import { SealError, Seals, sealToken } from '../../../src/identity/seal.js';

const NEW_KEY = 'n'.repeat(44);
const OLD_KEY = 'o'.repeat(44);
const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('a sealed token', () => {
  it('is opened by every worker that has the permit key, and is not in the sealed text', async () => {
    const sealed = await sealToken(new Seals([NEW_KEY]).publicKey, 'header.payload.signature', DIGEST);
    await expect(new Seals([NEW_KEY]).open(sealed, DIGEST)).resolves.toBe('header.payload.signature');
    expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('payload');
  });

  it('is opened with an older permit key of the file, while clients seal for the newest', async () => {
    const sealed = await sealToken(new Seals([OLD_KEY]).publicKey, 'token', DIGEST);
    const seals = new Seals([NEW_KEY, OLD_KEY]);
    await expect(seals.open(sealed, DIGEST)).resolves.toBe('token');
    expect(seals.publicKey).toEqual(new Seals([NEW_KEY]).publicKey);
  });

  it('is not opened with another permit key', async () => {
    const sealed = await sealToken(new Seals([OLD_KEY]).publicKey, 'token', DIGEST);
    await expect(new Seals([NEW_KEY]).open(sealed, DIGEST)).rejects.toThrow('workers with another key');
  });

  it('proves nothing but the digest that it was sealed for', async () => {
    const seals = new Seals([NEW_KEY]);
    const sealed = await sealToken(seals.publicKey, 'token', DIGEST);
    await expect(seals.open(sealed, `sha256:${'b'.repeat(64)}`)).rejects.toThrow('another request or plan');
  });

  it('cannot be given another digest', async () => {
    const seals = new Seals([NEW_KEY]);
    const sealed = await sealToken(seals.publicKey, 'token', DIGEST);
    const [header = '', ...rest] = sealed.split('.');
    const other = Buffer.from(header, 'base64url').toString().replace(/aaaa/, 'bbbb');
    const forged = [Buffer.from(other).toString('base64url'), ...rest].join('.');
    const digest = /sha256:[0-9a-f]+/.exec(other)?.[0] ?? '';
    await expect(seals.open(forged, digest)).rejects.toThrow(SealError);
  });

  it('is refused and breaks nothing, whatever was sent in its place', async () => {
    const seals = new Seals([NEW_KEY]);
    const sealed = await sealToken(seals.publicKey, 'token', DIGEST);
    const mutated = fc
      .tuple(fc.integer({ min: 0, max: sealed.length - 1 }), fc.string({ maxLength: 3 }))
      .map(([at, text]) => sealed.slice(0, at) + text + sealed.slice(at + 1))
      .filter((text) => text !== sealed);
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), mutated), async (text) => {
        await seals.open(text, DIGEST).then(
          // A bit of the last character of base64url may not count.
          (opened) => {
            expect(opened).toBe('token');
          },
          (error: unknown) => {
            expect(error).toBeInstanceOf(SealError);
          },
        );
      }),
      { numRuns: 200 },
    );
  });
});
