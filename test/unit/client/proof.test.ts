import { proofToken } from '../../../src/client/run/proof.js';
import { type ProofTerms, proofAudience } from '../../../src/contract/identity.js';
import { Seals } from '../../../src/identity/seal.js';
import type { TokenSource } from '../../../src/identity/tokens/token-source.js';
import { tokenSource } from '../../../src/identity/tokens/sources.js';
import type { TemporalConnection } from '../../../src/temporal/connect.js';

/** The token that a client sends, by what the worker asks for and what the environment gives. */

const DIGEST = `sha256:${'a'.repeat(64)}`;
const ISSUER = 'https://token.actions.githubusercontent.com';
const seals = new Seals(['a permit key of at least thirty-two characters']);
const QUESTION = { account: '111111111111', namespace: 'platform', environment: 'prod' };
const TERMS: ProofTerms = {
  key: seals.publicKey,
  issuers: [{ name: 'github', issuer: ISSUER }],
  requests: true,
  approvals: false,
};

function tokenFor(aud: string): string {
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${encoded({ alg: 'RS256' })}.${encoded({ iss: ISSUER, aud })}.c2lnbmF0dXJl`;
}

const SOURCE: TokenSource = {
  title: 'The CI',
  choosesAudience: true,
  token: (audience) => Promise.resolve(tokenFor(audience)),
};

/** A connection to workers that answer with terms. `questions` counts the workflows. */
function connection(terms: ProofTerms, source: TokenSource | undefined, workers = 1) {
  const seen = { questions: 0 };
  const client = {
    options: { namespace: 'default' },
    withDeadline: (_deadline: number, call: () => unknown) => call(),
    workflowService: { describeTaskQueue: () => Promise.resolve({ pollers: Array.from({ length: workers }) }) },
    workflow: {
      start: () => {
        seen.questions += 1;
        return Promise.resolve({ result: () => Promise.resolve(terms) });
      },
    },
  };
  const temporal = { client, taskQueue: 'iam-bootstrap', idTokens: () => Promise.resolve(source) };
  return { temporal: temporal as unknown as TemporalConnection, seen };
}

async function prove(
  terms: Partial<ProofTerms>,
  source: TokenSource | undefined,
  { what = 'request', workers = 1 }: { what?: 'request' | 'approval'; workers?: number } = {},
) {
  const { temporal, seen } = connection({ ...TERMS, ...terms }, source, workers);
  const proven = { question: QUESTION, digest: DIGEST, what };
  const sealed = await proofToken(temporal, proven, { deadline: Date.now() }).catch((error: unknown) => error);
  return { sealed, seen };
}

test('a token for the digest is sealed, so that only the workers can read it', async () => {
  const { sealed } = await prove({}, SOURCE);
  expect(sealed).toEqual(expect.any(String));
  expect(String(sealed)).not.toContain(tokenFor(proofAudience(DIGEST)));
  expect(await seals.open(String(sealed), DIGEST)).toBe(tokenFor(proofAudience(DIGEST)));
});

test('where the environment gives no token, the worker is not asked', async () => {
  const { sealed, seen } = await prove({}, undefined);
  expect([sealed, seen.questions]).toEqual([undefined, 0]);
});

test.each<[string, Partial<ProofTerms>]>([
  ['asks for no proof', { requests: false }],
  ['has no key', { key: null }],
])('where the worker %s, no token is made', async (_what, terms) => {
  const source = { ...SOURCE, token: () => Promise.reject(new Error('asked')) };
  expect((await prove(terms, source)).sealed).toBeUndefined();
});

test('a job that lacks the permission learns so before anything starts, if the worker asks for proof', async () => {
  const source = tokenSource({ environment: { GITHUB_ACTIONS: 'true' }, exchange: () => Promise.reject(new Error()) });
  const { sealed } = await prove({}, source);
  expect(sealed).toMatchObject({ exitCode: 64, remedy: expect.stringContaining('id-token: write') as string });
  expect((await prove({ requests: false }, source)).sealed).toBeUndefined();
});

test('a request is proven as far as possible where approvals have to be: the requester may not approve', async () => {
  const terms = { requests: false, approvals: true };
  expect((await prove(terms, SOURCE)).sealed).toEqual(expect.any(String));
  const missing = tokenSource({ environment: { GITLAB_CI: 'true' }, exchange: () => Promise.reject(new Error()) });
  expect((await prove(terms, missing)).sealed).toBeUndefined();
});

test('an approval is proven where approvals have to be, and only there', async () => {
  expect((await prove({ approvals: true }, SOURCE, { what: 'approval' })).sealed).toEqual(expect.any(String));
  expect((await prove({ approvals: false }, SOURCE, { what: 'approval' })).sealed).toBeUndefined();
});

test('without a worker nothing is asked, and the command says that none polls', async () => {
  const { sealed, seen } = await prove({}, SOURCE, { workers: 0 });
  expect(sealed).toMatchObject({ exitCode: 4, message: 'no worker polls the task queue iam-bootstrap' });
  expect(seen.questions).toBe(0);
});

test('an interrupted command does not wait for the worker to answer', async () => {
  const { temporal } = connection(TERMS, SOURCE);
  const { client } = temporal as unknown as { readonly client: { readonly workflow: { start: () => unknown } } };
  const controller = new AbortController();
  client.workflow.start = () => {
    controller.abort(new Error('interrupted'));
    return Promise.resolve({ result: () => new Promise(() => undefined) });
  };
  const proven = { question: QUESTION, digest: DIGEST, what: 'request' } as const;
  await expect(proofToken(temporal, proven, { deadline: Date.now(), signal: controller.signal })).rejects.toThrow(
    'interrupted',
  );
});
