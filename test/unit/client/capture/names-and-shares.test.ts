import { createHash } from 'node:crypto';
import { sizeProblems } from '../../../../src/client/capture/capture-account.js';
import { Limit } from '../../../../src/engine/manifest/tree.js';
import { capturedOf, declaredBy, differences, write } from '../../../support/captured.js';
import { KIND_FIXTURES } from '../../../support/kind-fixtures/index.js';

describe('the manifest of a captured account', () => {
  it('declares of a shared provider what no other namespace has declared', () => {
    const digest = (member: string): string => createHash('sha256').update(member).digest('hex').slice(0, 8);
    const tags = {
      'iam-bootstrap:namespace': 'other',
      'iam-bootstrap:shared-by:other': digest('theirs'),
      'iam-bootstrap:shared-by:third': digest('both'),
      'iam-bootstrap:shared-by:estate': digest('both'),
    };
    const spec = { url: 'https://token.example.com', clientIdList: ['both', 'nobodys', 'theirs'] };
    const written = write([{ ...capturedOf('OpenIDConnectProvider', spec), tags }]);
    expect(written).toMatchObject({ problems: [], leftOut: [] });
    const [provider] = declaredBy(written);
    expect(provider).toMatchObject({ shared: true, spec: { clientIdList: ['both', 'nobodys'] } });
  });

  it('keeps a key in its place however long it is', () => {
    const url = `https://example.com/${'a'.repeat(210)}`;
    const written = write([capturedOf('OpenIDConnectProvider', { url })]);
    expect(written).toMatchObject({ problems: [], leftOut: [], notDeclared: [] });
    expect(differences(written)).toEqual([]);
    expect(written.files[0]?.text).toContain(url);
  });

  it('gives secrets of names that differ in few characters places of their own', () => {
    const profiles = ['John-Doe', 'JohnDoe', 'john,doe'].map((userName) =>
      capturedOf('LoginProfile', { ...KIND_FIXTURES['LoginProfile']?.minimal, userName }, { missing: ['secret'] }),
    );
    const written = write(profiles);
    expect(written).toMatchObject({ leftOut: [], problems: [] });
    const places = declaredBy(written).map(({ spec }) => JSON.stringify(spec['secret']));
    expect(new Set(places).size).toBe(3);
  });

  it('leaves out only the entity that is refused, and not one whose name differs in case', () => {
    const providers = ['A', 'a'].map((path) =>
      capturedOf('OpenIDConnectProvider', { url: `https://example.com/${path}` }),
    );
    const written = write(providers);
    expect(written.captured.length + written.leftOut.length).toBe(2);
    expect(written.captured).toHaveLength(1);
  });

  it('blames no single entity for a limit of the whole manifest', () => {
    jest.replaceProperty(Limit, 'Values', 60 as never);
    try {
      const roles = ['a', 'b', 'c', 'd', 'e', 'f'].map((roleName) =>
        capturedOf('Role', { ...KIND_FIXTURES['Role']?.full, roleName }),
      );
      const written = write(roles);
      expect(written).toMatchObject({
        leftOut: [],
        notDeclared: [],
        problems: [{ remedy: 'repeat less, or split it' }],
      });
      expect(written.captured).toHaveLength(6);
    } finally {
      jest.restoreAllMocks();
    }
  });

  it('says that it is too large for one run, as a plan of it would', async () => {
    const written = write([capturedOf('Role', KIND_FIXTURES['Role']?.full ?? {})]);
    expect(await sizeProblems(written)).toEqual([]);
    const [role] = written.request?.entities ?? [];
    const entities = Array.from({ length: 10_001 }, () => role ?? ({} as never));
    expect(await sizeProblems({ request: written.request && { ...written.request, entities } })).toMatchObject([
      { remedy: expect.stringContaining('--path') as string },
    ]);
  });
});
