import {
  canonicalDocument,
  danglingPrincipals,
  decodeDocument,
  documentDrift,
  documentSize,
  equivalentDocuments,
  validateDocument,
  type DocumentType,
} from '../../../../src/engine/policy/index.js';

const AWS = { partition: 'aws' };
const VERSION = '2012-10-17';

const document = (...statements: unknown[]): unknown => ({ Version: VERSION, Statement: statements });
const allow = (more: object = {}): object => ({ Effect: 'Allow', Action: 's3:GetObject', Resource: '*', ...more });
const trust = (more: object = {}): object => ({
  Effect: 'Allow',
  Principal: { Service: 'ec2.amazonaws.com' },
  Action: 'sts:AssumeRole',
  ...more,
});
const when = (operator: string, block: unknown): object => allow({ Condition: { [operator]: block } });

describe('decoding a document', () => {
  const plain = '{"Resource":"arn:aws:s3:::a/50%25/*","Text":"a+b c"}';

  test.each([
    { reason: 'as GetRole returns it', text: encodeURIComponent(plain) },
    {
      reason: 'with the reserved characters encoded too',
      text: encodeURIComponent(plain).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`),
    },
    { reason: 'raw, a percent sign and all', text: plain },
    { reason: 'raw, with white space around', text: `\n ${plain}\n` },
    { reason: 'only quotes encoded', text: plain.replaceAll('%', '%25').replaceAll('"', '%22') },
  ])('reads it $reason', ({ text }) => {
    expect(decodeDocument(text)).toEqual({ Resource: 'arn:aws:s3:::a/50%25/*', Text: 'a+b c' });
  });

  test('does not round two numbers to the same one', () => {
    const [a, b] = ['12345678901234567890', '12345678901234567891'].map((digits) =>
      decodeDocument(`{"Statement":{"Condition":{"NumericEquals":{"aws:x":[${digits},5,"1e400"]}}}}`),
    );
    expect(equivalentDocuments(a, b, AWS)).toBe(false);
    expect(JSON.stringify(a)).toContain('["12345678901234567890",5,"1e400"]');
  });

  test.each([
    { reason: 'neither JSON nor encoded', text: '{"Version":"2012-10-17","Statement":[{"Sid":"TopSecret"' },
    { reason: 'a broken escape', text: '%7B%22Version%22%ZZ: TopSecret' },
    { reason: 'short', text: 'TopSecret' },
    { reason: 'empty', text: '' },
  ])('refuses what is $reason, without quoting it', ({ text }) => {
    const refusal = (): unknown => decodeDocument(text);
    expect(refusal).toThrow(/^policy document is not JSON, neither as received nor URL-decoded \(\d+ characters/);
    expect(refusal).not.toThrow(/TopSecret/);
  });
});

/** One statement, or a whole document. */
type Side = object | string | { readonly whole: unknown };

function documentOf(side: Side): unknown {
  return typeof side === 'object' && 'whole' in side ? side.whole : document(side);
}

describe('documents that mean the same', () => {
  test.each<[reason: string, a: Side, b: Side]>([
    [
      'the order of keys has no meaning',
      { whole: document({ Effect: 'Allow', Action: '*', Resource: '*' }) },
      { whole: { Statement: [{ Resource: '*', Action: '*', Effect: 'Allow' }], Version: VERSION } },
    ],
    ['one string and a list of it are the same', allow(), allow({ Action: ['s3:GetObject'] })],
    [
      'lists are sets',
      allow({ Action: ['s3:a', 's3:b'], Resource: ['arn:1', 'arn:2', 'arn:1'] }),
      allow({ Action: ['s3:b', 's3:a', 's3:b'], Resource: ['arn:2', 'arn:1'] }),
    ],
    [
      'actions are not case-sensitive, which awspolicyequivalence overlooks',
      allow({ Action: ['S3:getobject', 'ec2:*'] }),
      allow({ Action: ['EC2:*', 's3:GetObject'] }),
    ],
    [
      'spellings of one action are one action',
      allow({ NotAction: ['s3:GetObject', 'S3:GETOBJECT'] }),
      allow({ NotAction: 's3:GetObject' }),
    ],
    ['one statement needs no list', { whole: { Version: VERSION, Statement: allow() } }, { whole: document(allow()) }],
    [
      'statements are evaluated together',
      { whole: document(allow(), allow({ Effect: 'Deny' })) },
      { whole: document(allow({ Effect: 'Deny' }), allow()) },
    ],
    [
      'saying it twice does not change it',
      { whole: document(allow(), allow({ Sid: 'Again' })) },
      { whole: document(allow()) },
    ],
    ['Sid has no effect on evaluation', allow({ Sid: 'One' }), allow({ Sid: 'Two' })],
    [
      'Id has no effect on evaluation',
      { whole: { Id: 'one', Version: VERSION, Statement: [] } },
      { whole: { Version: VERSION, Statement: [] } },
    ],
    [
      'a missing version is the first one',
      { whole: { Statement: allow() } },
      { whole: { Version: '2008-10-17', Statement: allow() } },
    ],
    [
      'booleans need no quotes, which awspolicyequivalence overlooks',
      when('Bool', { 'aws:SecureTransport': false }),
      when('Bool', { 'aws:SecureTransport': ['false'] }),
    ],
    [
      'the same unquoted boolean is equal to itself, which awspolicyequivalence denies',
      when('Bool', { 'aws:SecureTransport': true }),
      when('Bool', { 'aws:SecureTransport': true }),
    ],
    [
      'numbers need no quotes',
      when('NumericLessThan', { 'aws:MultiFactorAuthAge': 3600 }),
      when('NumericLessThan', { 'aws:MultiFactorAuthAge': '3600' }),
    ],
    [
      'names of condition keys are not case-sensitive',
      when('StringEquals', { 'aws:SourceIp': 'x', 'aws:ResourceTag/Team': ['a', 'b'] }),
      when('StringEquals', { 'AWS:ResourceTag/team': ['b', 'a'], 'AWS:SOURCEIP': 'x' }),
    ],
    [
      'an account stands for its root',
      trust({ Principal: { AWS: ['123456789012', '*'] } }),
      trust({ Principal: { AWS: ['*', 'arn:aws:iam::123456789012:root'] } }),
    ],
    ['an empty Condition has no effect', allow(), allow({ Condition: {} })],
    ['AWS documents "*" and {"AWS":"*"} as equal', trust({ Principal: '*' }), trust({ Principal: { AWS: ['*'] } })],
  ])('are equivalent: %s', (_reason, first, second) => {
    const [a, b] = [documentOf(first), documentOf(second)];
    expect(equivalentDocuments(a, b, AWS)).toBe(true);
    expect(documentDrift(a, b, AWS)).toEqual([]);
    expect(documentDrift(b, a, AWS)).toEqual([]);
  });

  test('takes an account ID for the root of the partition at hand', () => {
    const account = document(trust({ Principal: { AWS: '123456789012' } }));
    const root = document(trust({ Principal: { AWS: 'arn:aws-cn:iam::123456789012:root' } }));
    expect(equivalentDocuments(account, root, { partition: 'aws-cn' })).toBe(true);
    expect(equivalentDocuments(account, root, AWS)).toBe(false);
  });

  test('share a canonical form that is itself a document of that meaning', () => {
    const written = { Statement: { ...trust({ Principal: '*' }), Sid: 'Any' }, Id: 'x' };
    expect(canonicalDocument(written, AWS)).toEqual({
      Version: '2008-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: ['*'] }, Action: ['sts:assumerole'] }],
    });
  });
});

describe('documents that do not mean the same', () => {
  test.each<[reason: string, a: Side, b: Side]>([
    [
      'policy variables work in the later version only',
      { whole: { Statement: allow() } },
      { whole: document(allow()) },
    ],
    ['a null version is not a missing one', { whole: { Version: null, Statement: [] } }, { whole: { Statement: [] } }],
    ['Allow is not Deny', allow(), allow({ Effect: 'Deny' })],
    ['Effect is case-sensitive, which awspolicyequivalence overlooks', allow(), allow({ Effect: 'allow' })],
    [
      'resources are case-sensitive',
      allow({ Resource: 'arn:aws:s3:::Bucket' }),
      allow({ Resource: 'arn:aws:s3:::bucket' }),
    ],
    [
      'Action is not NotAction',
      { Effect: 'Deny', Action: 's3:*', Resource: '*' },
      { Effect: 'Deny', NotAction: 's3:*', Resource: '*' },
    ],
    [
      'Resource is not NotResource',
      { Effect: 'Deny', Action: 's3:*', Resource: '*' },
      { Effect: 'Deny', Action: 's3:*', NotResource: '*' },
    ],
    [
      'Principal is not NotPrincipal',
      { Effect: 'Deny', Action: 's3:*', Principal: { AWS: '*' } },
      { Effect: 'Deny', Action: 's3:*', NotPrincipal: { AWS: '*' } },
    ],
    [
      'two plain principals differ, which awspolicyequivalence overlooks',
      trust({ Principal: '*' }),
      trust({ Principal: '123456789012' }),
    ],
    [
      'the same for NotPrincipal',
      { Effect: 'Deny', Action: '*', NotPrincipal: '*' },
      { Effect: 'Deny', Action: '*', NotPrincipal: '123456789012' },
    ],
    [
      '"*" is {"AWS":"*"} in Allow statements only',
      trust({ Effect: 'Deny', Principal: '*' }),
      trust({ Effect: 'Deny', Principal: { AWS: '*' } }),
    ],
    [
      'nor for NotPrincipal',
      { Effect: 'Allow', Action: '*', NotPrincipal: '*' },
      { Effect: 'Allow', Action: '*', NotPrincipal: { AWS: '*' } },
    ],
    ['a principal has a type', trust({ Principal: { AWS: 'x' } }), trust({ Principal: { Federated: 'x' } })],
    [
      'an account ID stands for its root as AWS principal only',
      trust({ Principal: { CanonicalUser: '123456789012' } }),
      trust({ Principal: { CanonicalUser: 'arn:aws:iam::123456789012:root' } }),
    ],
    [
      'a principal may be added under a type that the other lacks',
      trust(),
      trust({ Principal: { Service: 'ec2.amazonaws.com', AWS: '*' } }),
    ],
    [
      'condition values are case-sensitive',
      when('StringEqualsIgnoreCase', { 'aws:x': 'Main' }),
      when('StringEqualsIgnoreCase', { 'aws:x': 'main' }),
    ],
    [
      'operators are case-sensitive: IAM answers "Invalid Condition type"',
      when('StringEquals', { 'aws:x': 'a' }),
      when('stringEquals', { 'aws:x': 'a' }),
    ],
    [
      'IfExists opens the condition',
      when('StringEquals', { 'aws:x': 'a' }),
      when('StringEqualsIfExists', { 'aws:x': 'a' }),
    ],
    [
      'AWS does not say that an operator without keys has no effect',
      allow({ Condition: {} }),
      when('StringEquals', {}),
    ],
    ['AWS does not say that a key without values has no effect', allow(), when('StringEquals', { 'aws:x': [] })],
    ['a condition that is null is not an empty one', allow(), allow({ Condition: null })],
    ['a condition restricts', allow(), when('StringEquals', { 'aws:x': 'a' })],
    ['an empty list matches nothing', when('StringEquals', { 'aws:x': [] }), when('StringEquals', {})],
    ['null is not the word null', when('StringEquals', { 'aws:x': null }), when('StringEquals', { 'aws:x': 'null' })],
    [
      'an OIDC provider may tell paths apart by case',
      when('StringEquals', { 'oidc.example.com/id/ABC:sub': 'x' }),
      when('StringEquals', { 'oidc.example.com/id/abc:sub': 'x' }),
    ],
    [
      'keys that differ in case only are not mixed up',
      when('StringEquals', { 'aws:x': 'a', 'AWS:X': 'b' }),
      when('StringEquals', { 'aws:x': 'b', 'AWS:X': 'a' }),
    ],
    [
      'a key that is there in two cases is not one key',
      when('StringEquals', { 'aws:x': 'a', 'AWS:X': 'a' }),
      when('StringEquals', { 'aws:x': 'a' }),
    ],
    ['the Kelvin sign is not a k', allow({ Action: 'kms:*' }), allow({ Action: '\u212Ams:*' })],
    ['an unknown field may mean something one day', allow(), allow({ Until: '2030' })],
    ['what is not to be understood is not equal', 'x', 'y'],
    ['a document is not a list of documents', { whole: document(allow()) }, { whole: [document(allow())] }],
    [
      'a key named __proto__ is a key',
      { whole: document(allow()) },
      {
        whole: JSON.parse(
          '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","__proto__":{"x":1}}]}',
        ) as unknown,
      },
    ],
  ])('are told apart: %s', (_reason, first, second) => {
    const [a, b] = [documentOf(first), documentOf(second)];
    expect(equivalentDocuments(a, b, AWS)).toBe(false);
    expect(equivalentDocuments(b, a, AWS)).toBe(false);
    expect(documentDrift(a, b, AWS)).not.toEqual([]);
    expect(documentDrift(b, a, AWS)).not.toEqual([]);
  });

  test('neither pollute nor inherit from a prototype', () => {
    const hostile = '{"__proto__":{"Statement":[],"polluted":1},"Version":"2012-10-17","constructor":{"prototype":{}}}';
    const decoded = decodeDocument(hostile);
    expect(documentDrift(decoded, { Version: VERSION }, AWS).map(({ path }) => path)).toEqual([
      '__proto__',
      'constructor',
    ]);
    expect(equivalentDocuments(decoded, JSON.parse(hostile), AWS)).toBe(true);
    expect(validateDocument(decoded, 'identity').map(({ path }) => path)).toEqual([
      '__proto__',
      'constructor',
      'Statement',
    ]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('the differences of two documents', () => {
  const drift = (desired: unknown, observed: unknown): unknown => documentDrift(desired, observed, AWS);

  test('name the statement by its Sid and the action as it is written', () => {
    const desired = document(allow({ Sid: 'Deploy', Action: ['s3:GetObject', 's3:PutObject'] }));
    expect(drift(desired, document(allow({ Sid: 'Deploy', Action: 'S3:getObject' })))).toEqual([
      {
        path: 'Statement[Sid=Deploy].Action',
        observed: ['s3:GetObject'],
        desired: ['s3:GetObject', 's3:PutObject'],
        summary: 'Statement "Deploy": Action + s3:PutObject',
      },
    ]);
  });

  test('name a statement without a Sid by its place and what it says', () => {
    const desired = document(allow({ Effect: 'Deny' }), allow({ Resource: ['arn:aws:s3:::a', 'arn:aws:s3:::b'] }));
    const observed = document(allow({ Resource: ['arn:aws:s3:::a', 'arn:aws:s3:::c'] }), allow({ Effect: 'Deny' }));
    expect(drift(desired, observed)).toEqual([
      {
        path: 'Statement[1].Resource',
        observed: ['arn:aws:s3:::a', 'arn:aws:s3:::c'],
        desired: ['arn:aws:s3:::a', 'arn:aws:s3:::b'],
        summary:
          'Statement[1] (Allow s3:GetObject on arn:aws:s3:::a and 1 more): Resource + arn:aws:s3:::b - arn:aws:s3:::c',
      },
    ]);
  });

  test('tell conditions and principals part by part', () => {
    const subject = 'token.actions.githubusercontent.com:sub';
    const desired = document(
      trust({
        Sid: 'GitHub',
        Principal: { AWS: '123456789012' },
        Condition: { StringLike: { [subject]: 'repo:acme/*' } },
      }),
    );
    const observed = document(trust({ Sid: 'GitHub', Condition: { StringLike: { [subject]: 'repo:*' } } }));
    expect(drift(desired, observed)).toEqual([
      {
        path: `Statement[Sid=GitHub].Condition.StringLike[${subject}]`,
        observed: ['repo:*'],
        desired: ['repo:acme/*'],
        summary: `Statement "GitHub": Condition.StringLike[${subject}] + repo:acme/* - repo:*`,
      },
      expect.objectContaining({ path: 'Statement[Sid=GitHub].Principal.Service', desired: null }),
      {
        path: 'Statement[Sid=GitHub].Principal.AWS',
        observed: null,
        desired: ['arn:aws:iam::123456789012:root'],
        summary: 'Statement "GitHub": Principal.AWS + arn:aws:iam::123456789012:root',
      },
    ]);
  });

  test('show statements that only one side has, and another version', () => {
    const desired = { Version: VERSION, Statement: [allow({ Sid: 'New' })] };
    const old = { Effect: 'Deny', Action: 'iam:*', Resource: 'arn:aws:iam::123456789012:user/*' };
    expect(drift(desired, { Statement: old })).toEqual([
      { path: 'Version', observed: '2008-10-17', desired: VERSION, summary: 'Version 2008-10-17 -> 2012-10-17' },
      {
        path: 'Statement[Sid=New]',
        observed: null,
        desired: allow({ Sid: 'New' }),
        summary: '+ Statement "New"',
      },
      {
        path: 'Statement[0]',
        observed: old,
        desired: null,
        summary: '- Statement[0] (Deny iam:* on arn:aws:iam::123456789012:user/*)',
      },
    ]);
  });

  test('match by Sid before likeness, and by the greatest likeness then', () => {
    const desired = document(
      allow({ Sid: 'A', Action: 'ec2:*', Resource: 'arn:b' }),
      allow({ Action: ['s3:a', 's3:b'] }),
    );
    const observed = document(
      allow({ Action: 's3:a' }),
      allow({ Action: ['s3:a', 's3:b', 's3:c'] }),
      allow({ Sid: 'A', Effect: 'Deny', Action: 'x:y' }),
    );
    expect(documentDrift(desired, observed, AWS).map(({ summary }) => summary)).toEqual([
      'Statement "A": Action + ec2:* - x:y',
      'Statement "A": Effect Deny -> Allow',
      'Statement "A": Resource + arn:b - *',
      'Statement[1] (Allow s3:a and 1 more on *): Action - s3:c',
      '- Statement[0] (Allow s3:a on *)',
    ]);
  });

  test('do not trust a Sid that is used twice', () => {
    const desired = document(allow({ Sid: 'A', Action: 's3:a' }), allow({ Sid: 'A', Action: 's3:b' }));
    const observed = document(allow({ Sid: 'A', Action: 's3:a' }), allow({ Sid: 'A', Action: 's3:c' }));
    expect(documentDrift(desired, observed, AWS).map(({ path }) => path)).toEqual(['Statement[1].Action']);
  });

  test('say that a principal was deleted', () => {
    const desired = document(trust({ Sid: 'A', Principal: { AWS: 'arn:aws:iam::123456789012:role/ci' } }));
    const observed = document(trust({ Sid: 'A', Principal: { AWS: 'AROAEXAMPLE123456789' } }));
    expect(documentDrift(desired, observed, AWS).map(({ summary }) => summary)).toEqual([
      'Statement "A": Principal.AWS + arn:aws:iam::123456789012:role/ci - AROAEXAMPLE123456789 (a deleted principal)',
    ]);
  });

  test('show condition values as they are, whatever a key looks like', () => {
    const written = (value: string): unknown =>
      document(allow({ Sid: 'A', Condition: { StringEquals: { 'AWS:userId': value } } }));
    expect(documentDrift(written('aws:userid'), written('other'), AWS).map(({ summary }) => summary)).toEqual([
      'Statement "A": Condition.StringEquals[AWS:userId] + aws:userid - other',
    ]);
  });

  test('name a document that is none', () => {
    expect(drift(document(allow()), 'nonsense')).toEqual([
      expect.objectContaining({ path: 'Document', observed: 'nonsense' }),
    ]);
  });

  test('show whole statements, and cut what is longer than any that IAM takes', () => {
    const many = Array.from({ length: 1000 }, (_, index) => `arn:aws:s3:::bucket-${String(index)}`);
    const long = 'x'.repeat(5000);
    const desired = document(allow({ Sid: 'A', Resource: many }), {
      [long]: long,
      Condition: { [long]: { [long]: long } },
    });
    const changes = documentDrift(desired, document(allow({ Sid: 'A' }), { Sid: long, Effect: long }), AWS);
    expect(changes).toHaveLength(3);
    for (const { path, observed, desired: wanted, summary } of changes) {
      for (const text of [path, summary]) expect(text.length).toBeLessThanOrEqual(300);
      for (const value of [observed, wanted]) expect(JSON.stringify(value).length).toBeLessThanOrEqual(4096);
    }
  });

  test('do not miss what only differs beyond the cut', () => {
    const long = 'x'.repeat(500);
    const changes = documentDrift(
      document(allow({ Resource: `${long}a` })),
      document(allow({ Resource: `${long}b` })),
      AWS,
    );
    expect(changes).toHaveLength(1);
  });
});

describe('dangling principals', () => {
  test('are the unique IDs among the AWS principals, each once', () => {
    const observed = document(
      trust({ Principal: { AWS: ['AROAEXAMPLE123456789', 'arn:aws:iam::123456789012:role/AROA', '123456789012'] } }),
      trust({ Principal: { AWS: 'AIDAEXAMPLE123456789', Service: 'AROASERVICE123456789' } }),
      trust({ Effect: 'Deny', NotPrincipal: { AWS: ['AROAEXAMPLE123456789', 'AROAOTHER12345678901'] } }),
      trust({ Principal: '*' }),
    );
    expect(danglingPrincipals(observed)).toEqual([
      'AROAEXAMPLE123456789',
      'AIDAEXAMPLE123456789',
      'AROAOTHER12345678901',
    ]);
  });

  test.each([null, 'x', [], {}, { Statement: 'x' }, { Statement: [null, { Principal: { AWS: null } }] }])(
    'are none in %j',
    (observed) => {
      expect(danglingPrincipals(observed)).toEqual([]);
    },
  );
});

test('the size leaves out white space between and inside of strings, and counts what JSON escapes', () => {
  const text = '{ "Version" : "a b\\tc\\u00a0d",\n "Statement": [ ] }';
  expect(documentSize(JSON.parse(text))).toBe('{"Version":"ab\\tc\u00a0d","Statement":[]}'.length);
});

describe('checking a document offline', () => {
  const problems = (doc: unknown, type: DocumentType = 'identity'): string[] =>
    validateDocument(doc, type).map(({ path, message, remedy }) => `${path}: ${message}; ${remedy}`);

  test.each<[reason: string, doc: unknown, type: DocumentType]>([
    ['a usual policy', document(allow({ Sid: 'Read1' })), 'identity'],
    ['a boundary', document({ Effect: 'Deny', NotAction: ['s3:*', '*'], NotResource: 'arn:x' }), 'boundary'],
    ['a single statement, no version', { Statement: allow() }, 'identity'],
    ['empty Sids, which old tools write', document(allow({ Sid: '' }), allow({ Sid: '' })), 'identity'],
    ['any Sid in a trust policy', document(trust({ Sid: 'from GitHub' })), 'trust'],
    ['principal "*"', document(trust({ Principal: '*' })), 'trust'],
    [
      'each form of AWS principal',
      document(
        trust({
          Principal: {
            AWS: [
              ...['*', '123456789012', 'AIDAEXAMPLE123456789', 'arn:aws:iam::123456789012:root'],
              ...['arn:aws-cn:iam::123456789012:role/x', 'arn:aws:iam::123456789012:user/people/a.b+c=d,e@f_g-h'],
              'arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef',
              ...['arn:aws:sts::123456789012:assumed-role/x/session', 'arn:aws:sts::123456789012:federated-user/bob'],
            ],
          },
        }),
      ),
      'trust',
    ],
    [
      'services and identity providers',
      document(
        trust({
          Principal: {
            Service: ['ec2.amazonaws.com', 'states.eu-west-1.amazonaws.com'],
            Federated: [
              ...['cognito-identity.amazonaws.com', 'accounts.google.com', 'www.amazon.com'],
              ...[
                'arn:aws:iam::123456789012:saml-provider/x',
                'arn:aws:iam::123456789012:oidc-provider/x.example/id/1',
              ],
            ],
          },
        }),
      ),
      'trust',
    ],
    [
      'operators with a prefix and a suffix',
      document(
        allow({
          Condition: { 'ForAnyValue:StringLikeIfExists': { 'aws:x': ['a', true, 5] }, BoolIfExists: { 'aws:y': true } },
        }),
      ),
      'identity',
    ],
    [
      'values in each form that their operators have',
      document(
        allow({
          Condition: {
            Bool: { 'aws:SecureTransport': ['true', 'False', true] },
            Null: { 'aws:TokenIssueTime': false },
            NumericLessThanEquals: { 'aws:MultiFactorAuthAge': ['3600', 3600, '-0.5', '1e3'] },
            DateGreaterThan: {
              'aws:CurrentTime': ['2027', '2027-01', '2027-01-31', '2027-01-31T08:30Z', '2027-01-31T08:30:00.25+01:00'],
              // IAM was seen to accept each of these.
              'aws:TokenIssueTime': ['01T', '2016-12-13t2:00:00.593194+23', '-292275054', '1798761600', 1798761600],
            },
            IpAddress: {
              'aws:SourceIp': ['203.0.113.7', '203.0.113.0/24', '0.0.0.0/0', '2001:DB8:1234:5678::/64', '::1'],
            },
            ArnLike: { 'aws:SourceArn': ['arn:aws:s3:::bucket', 'arn:*:sns:*:*:topic', '*'] },
            BinaryEquals: { 'aws:x': 'QmluYXJ5VmFsdWVJbkJhc2U2NA==' },
          },
        }),
      ),
      'identity',
    ],
    [
      'policy variables and references in place of values in any form',
      document(
        allow({
          Condition: Object.fromEntries(
            ['Bool', 'Null', 'NumericEquals', 'DateEquals', 'IpAddress', 'ArnEquals', 'BinaryEquals'].map(
              (operator) => [operator, { 'aws:x': ['${aws:PrincipalTag/x}', '{{arn Role/x}}', 'x${*}'] }],
            ),
          ),
        }),
      ),
      'identity',
    ],
    [
      'condition keys that differ in a path that has a case',
      document(
        trust({ Condition: { StringEquals: { 'oidc.example.com/id/A:sub': 'x', 'oidc.example.com/id/a:sub': 'x' } } }),
      ),
      'trust',
    ],
    [
      'references in any string',
      {
        Version: '{{version}}',
        Statement: [
          {
            Sid: '{{sid}}',
            Effect: '{{effect}}',
            Action: ['{{service}}:Get*', '{{action}}'],
            Resource: '{{arn Policy/{{environment}}-deploy}}',
          },
        ],
      },
      'identity',
    ],
    [
      'references in a trust policy',
      document(trust({ Principal: { AWS: '{{arn Role/ci}}' }, Action: '{{action}}' }), trust({ Principal: '{{who}}' })),
      'trust',
    ],
  ])('passes %s', (_reason, doc, type) => {
    expect(problems(doc, type)).toEqual([]);
  });

  test.each<{ doc: unknown; type?: DocumentType; says: string[] }>([
    { doc: 'text', says: [': policy document "text" is not an object; write an object with Version and Statement'] },
    { doc: [], says: [': policy document [] is not an object; write an object with Version and Statement'] },
    { doc: { Version: VERSION }, says: ['Statement: policy document has no statement; write at least one statement'] },
    { doc: document(), says: ['Statement: policy document has no statement; write at least one statement'] },
    {
      doc: document('x'),
      says: ['Statement[0]: statement "x" is not an object; write an object with Effect and Action'],
    },
    {
      doc: { Version: '2012-10-18', Statement: allow() },
      says: ['Version: Version "2012-10-18" is not valid; write "2012-10-17" or "2008-10-17"'],
    },
    {
      doc: { Versions: VERSION, Statement: allow() },
      says: ['Versions: unknown field "Versions"; write "Version"'],
    },
    {
      doc: { Statement: { Resource: '*', Action: '*' } },
      says: ['Statement: statement has no Effect; write Effect "Allow" or "Deny"'],
    },
    {
      doc: { Statement: allow({ Effect: 'allow' }) },
      says: ['Statement.Effect: Effect "allow" is not valid; write "Allow" or "Deny"'],
    },
    {
      doc: document({ Effect: 'Allow', Actions: 's3:*', Reource: '*', Until: 1 }),
      says: [
        'Statement[0].Actions: unknown field "Actions"; write "Action"',
        'Statement[0].Reource: unknown field "Reource"; write "Resource"',
        'Statement[0].Until: unknown field "Until"; use Sid, Effect, Action, NotAction, Resource, NotResource, Principal, NotPrincipal, Condition only',
        'Statement[0]: statement has neither Action nor NotAction; write Action or NotAction',
        'Statement[0]: statement has neither Resource nor NotResource; write Resource or NotResource',
      ],
    },
    {
      doc: document(allow({ NotAction: 's3:*', NotResource: '*' })),
      says: [
        'Statement[0]: statement has both Action and NotAction; keep either Action or NotAction',
        'Statement[0]: statement has both Resource and NotResource; keep either Resource or NotResource',
      ],
    },
    {
      doc: document(allow({ Principal: '*' })),
      says: ['Statement[0].Principal: Principal is not allowed in an identity policy; remove Principal'],
    },
    {
      doc: document(allow({ Action: ['s3:*', 's3GetObject', 5, ''], Resource: [] })),
      says: [
        'Statement[0].Action[1]: Action "s3GetObject" does not have the form service:Name; write it as in "s3:GetObject", or "*"',
        'Statement[0].Action[2]: Action 5 is not a string; write it in quotes',
        'Statement[0].Action[3]: Action "" does not have the form service:Name; write it as in "s3:GetObject", or "*"',
        'Statement[0].Resource: Resource is an empty list; write at least one value',
      ],
    },
    {
      doc: document(allow({ Action: null, Condition: null })),
      says: [
        'Statement[0].Action: Action null is not a string; write it in quotes',
        'Statement[0].Condition: condition null is not an object; write { "StringEquals": { "aws:PrincipalTag/team": "platform" } }',
      ],
    },
    {
      doc: document(allow({ Resource: 'my-bucket' })),
      says: ['Statement[0].Resource: Resource "my-bucket" is not an ARN; write an ARN ("arn:…"), or "*"'],
    },
    {
      doc: document(allow({ Sid: 'my-sid' }), allow({ Sid: 'A' }), allow({ Sid: 'A' }), allow({ Sid: 5 })),
      says: [
        'Statement[0].Sid: Sid "my-sid" has characters other than letters and digits; write A-Z, a-z, 0-9',
        'Statement[2].Sid: Sid "A" is used twice; write a unique Sid',
        'Statement[3].Sid: Sid 5 is not a string; write it in quotes',
      ],
    },
    {
      doc: document({ Effect: 'Allow', Action: ['sts:AssumeRole', 's3:GetObject'], Resource: '*' }),
      type: 'trust',
      says: [
        'Statement[0].Action[1]: Action "s3:GetObject" is not an action of STS; write an action of STS, as in "sts:AssumeRole"',
        'Statement[0].Resource: Resource is not allowed in a trust policy; remove Resource',
        'Statement[0]: statement has neither Principal nor NotPrincipal; write Principal or NotPrincipal',
      ],
    },
    {
      doc: document(
        trust({ Principal: { Aws: '*', AWS: [123456789012, 'nope'] } }),
        trust({ Principal: 'ec2.amazonaws.com' }),
      ),
      type: 'trust',
      says: [
        'Statement[0].Principal.Aws: unknown field "Aws"; write "AWS"',
        'Statement[0].Principal.AWS[0]: AWS 123456789012 is not a string; write it in quotes',
        'Statement[0].Principal.AWS[1]: AWS "nope" is neither an ARN nor an account ID; write an ARN, an account ID of 12 digits, or "*"',
        'Statement[1].Principal: principal "ec2.amazonaws.com" is not valid; write "*" or an object such as { "AWS": "arn:…" }',
      ],
    },
    {
      doc: document(
        allow({ Condition: [] }),
        allow({ Condition: { StringEqual: 'x', 'ForAllValues:stringLike': { k: [{}] } } }),
      ),
      says: [
        'Statement[0].Condition: condition [] is not an object; write { "StringEquals": { "aws:PrincipalTag/team": "platform" } }',
        'Statement[1].Condition.StringEqual: unknown condition operator "StringEqual"; write "StringEquals"',
        'Statement[1].Condition.StringEqual: condition "x" is not an object; write { "StringEquals": { "aws:PrincipalTag/team": "platform" } }',
        'Statement[1].Condition.ForAllValues:stringLike: unknown condition operator "ForAllValues:stringLike"; write "ForAllValues:StringLike"',
        'Statement[1].Condition.ForAllValues:stringLike: condition value {} of "k" is not a string; write a string or a list of them',
      ],
    },
    {
      doc: document(
        when('Bool', { 'aws:SecureTransport': 'no' }),
        when('BoolIfExists', { 'aws:MultiFactorAuthPresent': ['True', 'yes', 'maybe', 1] }),
        when('Null', { 'aws:TokenIssueTime': 'absent' }),
      ),
      says: [
        'Statement[0].Condition.Bool: condition value "no" of "aws:SecureTransport" is neither true nor false, as Bool needs; write "false"',
        'Statement[1].Condition.BoolIfExists: condition value "yes" of "aws:MultiFactorAuthPresent" is neither true nor false, as BoolIfExists needs; write "true"',
        'Statement[1].Condition.BoolIfExists: condition value "maybe" of "aws:MultiFactorAuthPresent" is neither true nor false, as BoolIfExists needs; write "true" or "false"',
        'Statement[1].Condition.BoolIfExists: condition value 1 of "aws:MultiFactorAuthPresent" is neither true nor false, as BoolIfExists needs; write "true"',
        'Statement[2].Condition.Null: condition value "absent" of "aws:TokenIssueTime" is neither true nor false, as Null needs; write "true" or "false"',
      ],
    },
    {
      doc: document(
        when('NullIfExists', { 'aws:TokenIssueTime': 'true' }),
        when('ForAnyValues:StringLike', { 'aws:TagKeys': 'x' }),
        when('ForAllValues::StringLikeIfExists', { 'aws:TagKeys': 'x' }),
        when('GeoWithin', { 'aws:x': 'x' }),
      ),
      says: [
        'Statement[0].Condition.NullIfExists: condition operator "NullIfExists" is not one that IAM has; write "Null": Null itself tests whether the key exists',
        'Statement[1].Condition.ForAnyValues:StringLike: unknown condition operator "ForAnyValues:StringLike"; write "ForAnyValue:StringLike"',
        'Statement[2].Condition.ForAllValues::StringLikeIfExists: unknown condition operator "ForAllValues::StringLikeIfExists"; write "ForAllValues:StringLikeIfExists"',
        expect.stringMatching(
          /^Statement\[3\]\.Condition\.GeoWithin: unknown condition operator "GeoWithin"; use one of StringEquals, .*BinaryEquals, with ForAllValues: or ForAnyValue: before it where the key has several values, or IfExists after it$/,
        ) as string,
      ],
    },
    {
      doc: document(
        when('NumericLessThan', { 'aws:MultiFactorAuthAge': ['1h', ''] }),
        when('DateLessThan', {
          'aws:CurrentTime': ['tomorrow', '2027-13-01', '234-13', '2016-12-13t2:00:00.593194+1'],
        }),
        when('NotIpAddress', { 'aws:SourceIp': ['203.0.113.*', '203.0.113.0/33', '2001:db8::/129', '300.1.1.1'] }),
        when('ArnEquals', { 'aws:SourceArn': 'my-topic' }),
        when('BinaryEquals', { 'aws:x': 'abc' }),
      ),
      says: [
        ...['1h', ''].map(
          (value) =>
            `Statement[0].Condition.NumericLessThan: condition value "${value}" of "aws:MultiFactorAuthAge" is not a number, as NumericLessThan needs; write digits, as in "3600"`,
        ),
        ...['tomorrow', '2027-13-01', '234-13', '2016-12-13t2:00:00.593194+1'].map(
          (value) =>
            `Statement[1].Condition.DateLessThan: condition value "${value}" of "aws:CurrentTime" is not a date, as DateLessThan needs; write it as in "2027-01-31T00:00:00Z", or in seconds since 1970`,
        ),
        ...['203.0.113.*', '203.0.113.0/33', '2001:db8::/129', '300.1.1.1'].map(
          (value) =>
            `Statement[2].Condition.NotIpAddress: condition value "${value}" of "aws:SourceIp" is not an IP address or a range of them, as NotIpAddress needs; write it as in "203.0.113.0/24" or "2001:db8::/32"`,
        ),
        'Statement[3].Condition.ArnEquals: condition value "my-topic" of "aws:SourceArn" is not an ARN, as ArnEquals needs; write an ARN ("arn:…"), or use an operator for strings, such as StringLike',
        'Statement[4].Condition.BinaryEquals: condition value "abc" of "aws:x" is not base64, as BinaryEquals needs; write the bytes in base64',
      ],
    },
    {
      doc: document(when('StringEquals', { 'aws:PrincipalTag/Team': 'a', 'AWS:principaltag/team': 'b' })),
      says: [
        'Statement[0].Condition.StringEquals: condition keys "aws:PrincipalTag/Team" and "AWS:principaltag/team" differ in case only, and are one to IAM; write the key once, with a list of values',
      ],
    },
    {
      doc: document(when('StringEquals', { 'aws:x': 'a \u2014 b' })),
      says: [': IAM refuses the character "\u2014"; use characters up to U+00FF'],
    },
  ])('says what to write instead: $says.0', ({ doc, type, says }) => {
    expect(problems(doc, type)).toEqual(says);
  });

  const WILDCARD = 'has a wildcard, which IAM takes in no principal but "*" alone';
  const NO_PRINCIPAL = 'write the ARN of a role, a user, a session or an account, an account ID of 12 digits, or "*"';
  const A = '123456789012';

  test.each<[type: string, principal: string, says: string]>([
    [
      'AWS',
      `arn:aws:iam::${A}:role/ci-*`,
      `${WILDCARD}; write "arn:aws:iam::${A}:root" as principal and the Condition { "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::${A}:role/ci-*" } }`,
    ],
    [
      'AWS',
      'arn:aws:iam::*:role/ci',
      `${WILDCARD}; write "*" as principal and the Condition { "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/ci" } }`,
    ],
    [
      'AWS',
      `arn:aws:sts::${A}:assumed-role/ci/*`,
      `${WILDCARD}; write "arn:aws:iam::${A}:role/ci", the role itself: that trusts all of its sessions`,
    ],
    [
      'AWS',
      `arn:aws-cn:sts::${A}:assumed-role/ci-*/x`,
      `${WILDCARD}; write "arn:aws-cn:iam::${A}:root" as principal and the Condition { "ArnLike": { "aws:PrincipalArn": "arn:aws-cn:iam::${A}:role/ci-*" } }`,
    ],
    ['AWS', '1234*', `${WILDCARD}; write an ARN, an account ID of 12 digits, or "*"`],
    ['AWS', '1234', 'has "1234" where an account ID belongs; write the account ID with its 12 digits, in quotes'],
    [
      'AWS',
      'arn:aws:iam::1234:root',
      'has "1234" where an account ID belongs; write the account ID with its 12 digits, in quotes',
    ],
    ['AWS', 'arn:aws:iam:::role/x', 'has no account ID; write the account ID with its 12 digits, in quotes'],
    ['AWS', `arn:aws:iam:eu-west-1:${A}:role/x`, 'has a region; remove the region: IAM has none'],
    [
      'AWS',
      `arn:aws:iam::${A}:group/admins`,
      `is a group, which is no principal: nobody signs in as a group; name its users, or write "arn:aws:iam::${A}:root" as principal and let a policy of the group allow sts:AssumeRole`,
    ],
    [
      'AWS',
      `arn:aws:iam::${A}:instance-profile/web`,
      'is an instance profile, which is no principal; write the ARN of the role in the instance profile',
    ],
    ['AWS', 'arn:aws:iam::aws:policy/ReadOnlyAccess', `is the ARN of a policy, which is no principal; ${NO_PRINCIPAL}`],
    ['AWS', 'arn:aws:s3:::bucket', `is an ARN of s3, which is no principal; ${NO_PRINCIPAL}`],
    ['AWS', `arn:aws:iam::${A}:role/`, `is the ARN of a role, which is no principal; ${NO_PRINCIPAL}`],
    [
      'AWS',
      `arn:aws:sts::${A}:assumed-role/ci`,
      'names no session; add the name of the session (assumed-role/ROLE/SESSION), or write the ARN of the role',
    ],
    ['AWS', `arn:aws:iam::${A}:saml-provider/x`, 'is an identity provider; write it under Federated instead of AWS'],
    [
      'Federated',
      `arn:aws:iam::${A}:role/x`,
      'is no identity provider; write the ARN of an OIDC or SAML provider, or move it to AWS if it is a role, a user or an account',
    ],
    [
      'Federated',
      `arn:aws:iam::${A}:oidc-provider/*`,
      'has a wildcard, which IAM takes in no principal; name each identity provider',
    ],
    ['CanonicalUser', '79a59df9', 'is a principal of Amazon S3 only; write the account ID: { "AWS": "111111111111" }'],
  ])('refuses a principal that cannot be: %s %s', (type, principal, says) => {
    for (const field of ['Principal', 'NotPrincipal']) {
      const statement = { Effect: 'Allow', [field]: { [type]: [principal] }, Action: 'sts:*' };
      const path = `Statement[0].${field}.${type}[0]`;
      expect(problems(document(statement), 'trust')).toEqual([`${path}: ${type} "${principal}" ${says}`]);
    }
  });
});
