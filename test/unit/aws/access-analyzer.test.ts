import type { AccessAnalyzerClient } from '@aws-sdk/client-accessanalyzer';
import { createPolicyAnalyzer, type PolicyAnalyzer } from '../../../src/aws/access-analyzer.js';

/** Returns the checks of a client that gives these replies in turn, and the inputs that it gets. */
function analyzerOf(...replies: readonly object[]): { readonly analyzer: PolicyAnalyzer; readonly inputs: object[] } {
  const inputs: object[] = [];
  const send = ({ input }: { readonly input: object }): Promise<object> => {
    inputs.push(input);
    return Promise.resolve(replies[inputs.length - 1] ?? replies.at(-1) ?? {});
  };
  return { analyzer: createPolicyAnalyzer(() => Promise.resolve({ send } as unknown as AccessAnalyzerClient)), inputs };
}

const POLICY = { Version: '2012-10-17', Statement: [] };

test('a trust policy is validated as that of a role, an identity policy as one of any entity', async () => {
  const { analyzer, inputs } = analyzerOf({ findings: [] });
  await analyzer.validate('trust', POLICY);
  await analyzer.validate('identity', POLICY);
  expect(inputs).toEqual([
    {
      policyDocument: JSON.stringify(POLICY),
      policyType: 'RESOURCE_POLICY',
      validatePolicyResourceType: 'AWS::IAM::AssumeRolePolicyDocument',
      nextToken: undefined,
    },
    { policyDocument: JSON.stringify(POLICY), policyType: 'IDENTITY_POLICY', nextToken: undefined },
  ]);
});

test('all pages are read, and pages without an end are an error', async () => {
  const page = (code: string, nextToken?: string): object => ({ findings: [{ issueCode: code }], nextToken });
  const { analyzer, inputs } = analyzerOf(page('A', '1'), page('B', '2'), page('C'));
  expect((await analyzer.validate('identity', POLICY)).map(({ code }) => code)).toEqual(['A', 'B', 'C']);
  expect(inputs).toMatchObject([{ nextToken: undefined }, { nextToken: '1' }, { nextToken: '2' }]);
  await expect(analyzerOf(page('A', '1')).analyzer.validate('identity', POLICY)).rejects.toThrow('50 pages');
});

test.each([
  [
    'https://docs.aws.amazon.com/IAM/latest/UserGuide/a.html#b',
    'https://docs.aws.amazon.com/IAM/latest/UserGuide/a.html#b',
  ],
  [
    'https://docs.amazonaws.cn/en_us/IAM/latest/UserGuide/a.html',
    'https://docs.amazonaws.cn/en_us/IAM/latest/UserGuide/a.html',
  ],
  ['https://docs.aws.amazon.com.evil.example/a', null],
  ['https://docs.aws.amazon.com/a) [x](https://evil.example', null],
])('the link %s is %s', async (learnMoreLink, link) => {
  const { analyzer } = analyzerOf({ findings: [{ issueCode: 'A', learnMoreLink }] });
  expect(await analyzer.validate('identity', POLICY)).toMatchObject([{ link }]);
});

test.each([
  [[{ value: 'Statement' }, { index: 1 }, { value: 'Action' }, { index: 0 }], 'Statement[1].Action[0]'],
  [[{ value: 'Statement' }, { index: 0 }, { key: 'NotPrincipal' }], 'Statement[0].NotPrincipal'],
  [
    [{ value: 'Statement' }, { index: 0 }, { value: 'Condition' }, { value: 'any text: of a client' }],
    'Statement[0].Condition',
  ],
  [[{ value: 'Statement' }, { index: 0 }, { substring: { start: 0, length: 1 } }], 'Statement[0]'],
  [[], ''],
])('the position %j is shown as %s', async (path, shown) => {
  const { analyzer } = analyzerOf({ findings: [{ issueCode: 'A', locations: [{ path }] }] });
  expect(await analyzer.validate('identity', POLICY)).toMatchObject([{ path: shown }]);
});

test('only PASS means no new access: an answer that says nothing confirms nothing', async () => {
  const compare = (reply: object) => analyzerOf(reply).analyzer.compare('identity', POLICY, POLICY);
  expect(await compare({ result: 'PASS' })).toEqual([]);
  expect(await compare({})).toMatchObject([{ code: 'NEW_ACCESS', path: '' }]);
  const reasons = [{ statementIndex: 0 }, { statementIndex: 2 }];
  expect(await compare({ result: 'FAIL', reasons })).toMatchObject([
    { code: 'NEW_ACCESS', type: 'SECURITY_WARNING', path: 'Statement[0]' },
    { path: 'Statement[2]' },
  ]);
});
