import { waitForPrincipals } from '../../../../src/activities/runtime/principals.js';
import { awsError } from '../../../../src/aws/errors.js';
import { PROPAGATION_WINDOW_MS } from '../../../../src/aws/propagation.js';
import { reconcileRequest, ROLE, runAttempt } from '../../../support/activity.js';
import { awsFailure, FakeAccount } from '../../../support/fake-account.js';

const OWN = 'arn:aws:iam::111111111111';
const FOREIGN = 'arn:aws:iam::222222222222';
const NOT_YET = PROPAGATION_WINDOW_MS;
const UNREADABLE = 20_000;
const HIDDEN = 4_000;

let account: FakeAccount;

beforeEach(() => {
  account = new FakeAccount();
  account.add('Role/old', { createdAt: new Date(Date.now() - PROPAGATION_WINDOW_MS - 2_000) });
  account.add('Role/new');
  account.add('User/ann');
});

function trust(...AWS: readonly string[]): string {
  return JSON.stringify({ Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' }] });
}

/** Asks after AWS has refused a trust policy, by a message that names some of its principals. */
async function waitAfter(document: string, named: readonly string[], newPrincipals: readonly string[] = []) {
  const shown = named.map((text) => `"AWS":"${text}"`).join(', ') || '"AWS"';
  const error = awsError(awsFailure('MalformedPolicyDocument', 'CreateRole', `Invalid principal in policy: ${shown}`));
  const write = { input: { AssumeRolePolicyDocument: document } };
  const { windowMs, why } = await waitForPrincipals(account, write, error, newPrincipals);
  return [windowMs, why];
}

test.each<[principal: string, windowMs: number, why: string]>([
  [`${OWN}:role/nobody`, HIDDEN, 'Role/nobody does not exist in account 111111111111'],
  [`${OWN}:user/ci/nobody`, HIDDEN, 'User/nobody does not exist in account 111111111111'],
  ['arn:aws:sts::111111111111:assumed-role/nobody/x', HIDDEN, 'Role/nobody does not exist in account 111111111111'],
  [`${OWN}:role/made`, NOT_YET, 'this run makes it, and IAM may not know it yet'],
  [`${OWN}:role/new`, NOT_YET, 'Role/new was created 0 s ago, and IAM may not know it yet'],
  [`${OWN}:user/ann`, NOT_YET, 'User/ann was created 0 s ago, and IAM may not know it yet'],
  [
    'arn:aws:sts::111111111111:assumed-role/new/x',
    NOT_YET,
    'Role/new was created 0 s ago, and IAM may not know it yet',
  ],
  [`${OWN}:role/old`, HIDDEN, 'Role/old exists, and IAM refuses it'],
  [`${OWN}:role/ci/new`, 0, `Role/new exists as ${OWN}:role/new`],
  [
    `${FOREIGN}:role/x`,
    UNREADABLE,
    'it is in account 222222222222, where IAM knows no such principal; this run cannot read that account',
  ],
  [
    '222222222222',
    UNREADABLE,
    'it is in account 222222222222, where IAM knows no such principal; this run cannot read that account',
  ],
  ['AROAEXAMPLE123456789', 0, 'it is the ID of a role or user that was deleted'],
  ['no-such-service.amazonaws.com', 0, 'there is no such principal'],
])('%s is waited for during %d ms: %s', async (principal, windowMs, why) => {
  expect(await waitAfter(trust(principal), [principal], [`${OWN}:role/made`])).toEqual([windowMs, why]);
});

test("the age of a principal is told by AWS's clock, however wrong the worker's is", async () => {
  account = new FakeAccount();
  account.clockAheadMs = 10 * 60_000;
  account.add('Role/new');
  const arn = `${OWN}:role/new`;
  expect((await waitAfter(trust(arn), [arn]))[0]).toBe(NOT_YET);
  account.clockAheadMs += PROPAGATION_WINDOW_MS + 2_000;
  expect((await waitAfter(trust(arn), [arn]))[0]).toBe(HIDDEN);
});

test('what may not be read is waited for, but not long', async () => {
  for (const code of ['AccessDenied', 'ECONNRESET']) {
    account.failNext('GetRole', code);
    const why = 'IAM knows no such principal, and Role/new cannot be read';
    expect(await waitAfter(trust(`${OWN}:role/new`), [`${OWN}:role/new`])).toEqual([UNREADABLE, why]);
  }
});

test('of several that AWS names, the one that never comes decides; where it names none, the one that may come', async () => {
  const principals = [`${OWN}:role/new`, `${OWN}:role/nobody`, `${OWN}:role/old`];
  expect((await waitAfter(trust(...principals), principals))[0]).toBe(HIDDEN);
  expect((await waitAfter(trust(...principals), []))[0]).toBe(NOT_YET);
  expect(await waitAfter('not JSON', [])).toEqual([0, 'it names no principal that can be looked up']);
});

describe('a Create that AWS refuses for a principal', () => {
  async function refusedCreate(principal: string, elapsedMs: number) {
    const arn = `${OWN}:role/${principal}`;
    account.failNext('CreateRole', 'MalformedPolicyDocument', {
      message: `Invalid principal in policy: "AWS":"${arn}"`,
    });
    const spec = { ...ROLE.spec, assumeRolePolicyDocument: JSON.parse(trust(arn)) as never };
    const request = reconcileRequest({ ...ROLE, spec }, { newPrincipals: [`${OWN}:role/made`] });
    const info = { scheduledTimestampMs: 0, currentAttemptScheduledTimestampMs: elapsedMs };
    const { failure } = await runAttempt(account, 'createEntity', request, { info });
    return failure;
  }

  test('is repeated while this run makes the principal, and ends soon where nobody does', async () => {
    expect(await refusedCreate('made', 60_000)).toMatchObject({ type: 'InvalidPrincipal', nonRetryable: false });
    expect(await refusedCreate('nobody', 0)).toMatchObject({ type: 'InvalidPrincipal', nonRetryable: false });
    const ended = await refusedCreate('nobody', 4_000);
    expect(ended).toMatchObject({ type: 'InvalidPrincipal', nonRetryable: true });
    expect(ended?.message).toBe(
      `CreateRole answered MalformedPolicyDocument: Invalid principal in policy: "AWS":"${OWN}:role/nobody" (Role/nobody does not exist in account 111111111111; for 4 s)`,
    );
  });
});
