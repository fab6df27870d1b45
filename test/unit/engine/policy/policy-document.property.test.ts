import fc from 'fast-check';
import {
  canonicalDocument,
  decodeDocument,
  documentDrift,
  documentSize,
  equivalentDocuments,
  validateDocument,
} from '../../../../src/engine/policy/index.js';

const AWS = { partition: 'aws' };
const ACCOUNT = '123456789012';
const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
const OLD = '2008-10-17';

interface Statement {
  Sid?: string;
  Effect: string;
  Condition: Record<string, Record<string, string[]>>;
  [field: string]: unknown;
}
interface PolicyDocument {
  Version: string;
  Statement: Statement[];
}

const action = fc.constantFrom('s3:GetObject', 's3:Put*', 'ec2:RunInstances', 'iam:PassRole', '*');
const resource = fc.constantFrom('*', 'arn:aws:s3:::Bucket/*', 'arn:aws:s3:::${aws:username}', 'arn:aws:iam::1:role/X');
const principal = fc.oneof(
  fc.constant('*'),
  fc.dictionary(
    fc.constantFrom('AWS', 'Service', 'Federated'),
    fc.uniqueArray(fc.constantFrom(ACCOUNT, ROOT, 'arn:aws:iam::1:role/ci', 'ec2.amazonaws.com', '*'), {
      minLength: 1,
    }),
    { minKeys: 1 },
  ),
);
const condition = fc.dictionary(
  fc.constantFrom('StringEquals', 'StringLike', 'Bool', 'ForAnyValue:StringLike', 'NumericLessThanIfExists'),
  fc.dictionary(
    fc.constantFrom('aws:SourceIp', 'aws:PrincipalTag/Team', 's3:prefix', 'oidc.example.com/id/AbC:sub'),
    fc.uniqueArray(fc.constantFrom('Main', 'repo:acme/*', 'true', 'false', '3600', '0.5', '1.0'), { minLength: 1 }),
    { minKeys: 1 },
  ),
);

/** A marker makes each statement of a document unlike the others, so that a change to one is a change to the whole. */
function marked(statement: Statement, index: number): Statement {
  return {
    ...statement,
    Condition: { ...statement.Condition, ArnLike: { 'aws:PrincipalArn': [`marker-${String(index)}`] } },
  };
}

const statement: fc.Arbitrary<Statement> = fc
  .record({
    effect: fc.constantFrom('Allow', 'Deny'),
    actions: fc.tuple(fc.constantFrom('Action', 'NotAction'), fc.uniqueArray(action, { minLength: 1 })),
    object: fc.oneof(
      fc.tuple(fc.constantFrom('Resource', 'NotResource'), fc.uniqueArray(resource, { minLength: 1 })),
      fc.tuple(fc.constantFrom('Principal', 'NotPrincipal'), principal),
    ),
    condition,
    sid: fc.option(fc.constantFrom('Read', 'Write', 'Deploy'), { nil: undefined }),
  })
  .map(({ effect, actions, object, condition: Condition, sid }) => ({
    ...(sid !== undefined && { Sid: sid }),
    Effect: effect,
    [actions[0]]: actions[1],
    [object[0]]: object[1],
    Condition,
  }));

const policy: fc.Arbitrary<PolicyDocument> = fc.record({
  Version: fc.constantFrom('2012-10-17', OLD),
  Statement: fc.array(statement, { minLength: 1, maxLength: 3 }).map((statements) => statements.map(marked)),
});

/** Anything at all where a document is expected, with the names of a policy here and there. */
const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.constantFrom('*', 'Allow', ACCOUNT, ROOT, 's3:a', 'S3:A', '', null, true, 1), fc.string()),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom(
        ...['Version', 'Statement', 'Sid', 'Id', 'Effect', 'Action', 'NotAction', 'MyAction', 'Principal', 'Resource'],
        ...['NotPrincipal', 'Condition', 'StringLike', 'AWS', 'aws:x', 'AWS:X', '__proto__', 'constructor', 'toString'],
      ),
      tie('value'),
      { maxKeys: 4 },
    ),
  ),
})).value;
const anyDocument = fc.oneof(
  anything,
  policy,
  fc.record({ Statement: fc.array(fc.oneof(anything, statement), { maxLength: 3 }) }),
);

const asObject = (value: unknown): Record<string, unknown> => value as Record<string, unknown>;
const isPlain = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A small generator of its own: `fc.gen` makes these many choices slow, and slower still to shrink. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Says the same in other words. */
function rewrite(document: PolicyDocument, seed: number): unknown {
  const random = randomOf(seed);
  const coin = (): boolean => random(2) === 0;
  const shuffled = <T>(list: readonly T[]): T[] =>
    list
      .map((member) => ({ member, rank: random(1000) }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ member }) => member);
  const reordered = (object: object): Record<string, unknown> => Object.fromEntries(shuffled(Object.entries(object)));
  const recased = (text: string): string =>
    text.replace(/[a-z]/gi, (letter) => (coin() ? letter.toUpperCase() : letter.toLowerCase()));
  const set = (members: readonly unknown[]): unknown => {
    const list = shuffled(coin() ? [...members, ...members.slice(0, 1)] : members);
    return list.length === 1 && coin() ? list[0] : list;
  };
  const unquoted = (value: string): unknown => {
    if (value === 'true' || value === 'false') return coin() ? value === 'true' : value;
    return String(Number(value)) === value && coin() ? Number(value) : value;
  };
  const account = (value: unknown): unknown =>
    [ACCOUNT, ROOT].includes(String(value)) ? (coin() ? ACCOUNT : ROOT) : value;
  const principals = (value: unknown, allows: boolean): unknown => {
    if (!isPlain(value)) return allows && coin() ? { AWS: set(['*']) } : value;
    const entries = Object.entries(asObject(value));
    if (allows && JSON.stringify(value) === '{"AWS":["*"]}' && coin()) return '*';
    return reordered(
      Object.fromEntries(
        entries.map(([type, members]) => {
          const list = members as unknown[];
          return [type, set(type === 'AWS' ? list.map(account) : list)];
        }),
      ),
    );
  };
  const conditions = (value: Statement['Condition']): unknown =>
    reordered(
      Object.fromEntries(
        Object.entries(value).map(([operator, block]) => [
          operator,
          reordered(
            Object.fromEntries(
              Object.entries(block).map(([key, values]) => [
                key.includes('/id/') ? key : recased(key),
                set(values.map(unquoted)),
              ]),
            ),
          ),
        ]),
      ),
    );
  const statements = document.Statement.map((one) => {
    const { Sid, ...rest } = one;
    const fields = Object.entries(rest).map(([field, value]): [string, unknown] => {
      if (field === 'Condition') return [field, conditions(one.Condition)];
      if (field.endsWith('Principal'))
        return [field, principals(value, field === 'Principal' && one.Effect === 'Allow')];
      if (!Array.isArray(value)) return [field, value];
      return [field, set(field.endsWith('Action') ? value.map((name: string) => recased(name)) : value)];
    });
    const sid = coin() ? Sid : ['Other', '', undefined][random(3)];
    return reordered({ ...Object.fromEntries(fields), ...(sid !== undefined && { Sid: sid }) });
  });
  const list = shuffled(coin() ? [...statements, ...statements.slice(0, 1)] : statements);
  return reordered({
    ...(document.Version === OLD && coin() ? {} : { Version: document.Version }),
    ...(coin() && { Id: 'another' }),
    Statement: list.length === 1 && coin() ? list[0] : list,
  });
}

/** Ways to say something else; false where the statement has nothing to change in that way. */
const MUTATIONS: Record<string, (one: Statement, document: PolicyDocument) => boolean> = {
  'another version': (_, document) => {
    document.Version = document.Version === OLD ? '2012-10-17' : OLD;
    return true;
  },
  'a statement less': (one, document) => {
    document.Statement = document.Statement.filter((other) => other !== one);
    return true;
  },
  'a statement more': (one, document) => {
    document.Statement.push(marked(one, 99));
    return true;
  },
  'the other effect': (one) => {
    one.Effect = one.Effect === 'Allow' ? 'Deny' : 'Allow';
    return true;
  },
  'an effect in another case': (one) => {
    one.Effect = one.Effect.toLowerCase();
    return true;
  },
  'an action more': (one) => changeList(one, ['Action', 'NotAction'], (list) => [...list, 'sqs:SendMessage']),
  'an action less': (one) => changeList(one, ['Action', 'NotAction'], (list) => list.slice(1)),
  'an action of another service': (one) =>
    changeList(one, ['Action', 'NotAction'], ([first = '', ...rest]) => [`x${first}`, ...rest]),
  'a resource more': (one) => changeList(one, ['Resource', 'NotResource'], (list) => [...list, 'arn:aws:s3:::other']),
  'a resource in another case': (one) =>
    changeList(one, ['Resource', 'NotResource'], (list) =>
      list.includes('arn:aws:s3:::Bucket/*') ? list.map((value) => value.toLowerCase()) : undefined,
    ),
  'Action for NotAction': (one) => rename(one, 'Action', 'NotAction') || rename(one, 'NotAction', 'Action'),
  'Resource for NotResource': (one) => rename(one, 'Resource', 'NotResource') || rename(one, 'NotResource', 'Resource'),
  'Principal for NotPrincipal': (one) =>
    rename(one, 'Principal', 'NotPrincipal') || rename(one, 'NotPrincipal', 'Principal'),
  'a principal of another type': (one) => {
    const types = isPlain(one['Principal']) ? asObject(one['Principal']) : {};
    return rename(types, 'Service', 'CanonicalUser') || rename(types, 'AWS', 'CanonicalUser');
  },
  'a principal more': (one) => {
    if (!isPlain(one['Principal'])) return false;
    asObject(one['Principal'])['CanonicalUser'] = ['another'];
    return true;
  },
  everybody: (one) => {
    if (!isPlain(one['Principal']) || JSON.stringify(one['Principal']) === '{"AWS":["*"]}') return false;
    one['Principal'] = '*';
    return true;
  },
  'an account of another partition': (one) => {
    const types = isPlain(one['Principal']) ? asObject(one['Principal']) : {};
    const list = types['AWS'];
    if (!Array.isArray(list) || !list.includes(ACCOUNT)) return false;
    types['AWS'] = ['*', ROOT.replace('aws', 'aws-cn')];
    return true;
  },
  'no condition': (one) => delete (one as Partial<Statement>).Condition,
  'a condition more': (one) => {
    one.Condition['Null'] = { 'aws:TokenIssueTime': ['false'] };
    return true;
  },
  'another operator': (one) => rename(one.Condition, 'ArnLike', 'ArnNotLike'),
  'an operator with IfExists': (one) => rename(one.Condition, 'ArnLike', 'ArnLikeIfExists'),
  'an operator in another case': (one) => rename(one.Condition, 'ArnLike', 'arnLike'),
  'another condition key': (one) => rename(asObject(one.Condition['ArnLike']), 'aws:PrincipalArn', 'aws:SourceArn'),
  'a condition value in another case': (one) =>
    changeList(asObject(one.Condition['ArnLike']), ['aws:PrincipalArn'], ([first = '']) => [first.toUpperCase()]),
  'a condition value more': (one) =>
    changeList(asObject(one.Condition['ArnLike']), ['aws:PrincipalArn'], (list) => [...list, '*']),
  'no condition value': (one) => changeList(asObject(one.Condition['ArnLike']), ['aws:PrincipalArn'], () => []),
  'a field more': (one) => {
    one['__proto__x'] = {};
    return true;
  },
};

function changeList(
  object: Record<string, unknown>,
  fields: readonly string[],
  change: (list: string[]) => string[] | undefined,
): boolean {
  const field = fields.find((name) => Array.isArray(object[name]));
  const changed = field === undefined ? undefined : change(object[field] as string[]);
  if (field === undefined || changed === undefined) return false;
  object[field] = changed;
  return true;
}

function rename(object: Record<string, unknown>, from: string, to: string): boolean {
  if (!Object.hasOwn(object, from)) return false;
  object[to] = object[from];
  return Reflect.deleteProperty(object, from);
}

describe('any policy document', () => {
  test('means the same in other words, and shows no drift', () => {
    fc.assert(
      fc.property(policy, fc.nat(), (document, seed) => {
        const other = rewrite(document, seed);
        expect(canonicalDocument(other, AWS)).toEqual(canonicalDocument(document, AWS));
        expect(documentDrift(document, other, AWS)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test.each(Object.entries(MUTATIONS))('means something else with %s, in whatever words', (_, mutate) => {
    fc.assert(
      fc.property(policy, fc.nat(), fc.nat(), (document, at, seed) => {
        const other = structuredClone(document);
        const one = other.Statement[at % other.Statement.length];
        fc.pre(one !== undefined && mutate(one, other));
        const disguised = rewrite(other, seed);
        expect(equivalentDocuments(document, disguised, AWS)).toBe(false);
        expect(documentDrift(document, disguised, AWS)).not.toEqual([]);
        expect(documentDrift(disguised, document, AWS)).not.toEqual([]);
      }),
      { numRuns: 20 },
    );
  });
});

describe('whatever stands where a document is expected', () => {
  test('is equivalent to itself, and to its canonical form', () => {
    fc.assert(
      fc.property(anyDocument, (document) => {
        const canonical = canonicalDocument(document, AWS);
        expect(canonicalDocument(canonical, AWS)).toEqual(canonical);
        expect(equivalentDocuments(document, document, AWS)).toBe(true);
        expect(equivalentDocuments(document, canonical, AWS)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('drifts exactly where it is not equivalent, in both directions', () => {
    fc.assert(
      fc.property(anyDocument, anyDocument, (a, b) => {
        const equivalent = equivalentDocuments(a, b, AWS);
        expect(equivalentDocuments(b, a, AWS)).toBe(equivalent);
        expect(documentDrift(a, b, AWS).length === 0).toBe(equivalent);
        expect(documentDrift(b, a, AWS).length === 0).toBe(equivalent);
      }),
      { numRuns: 500 },
    );
  });

  test('drifts exactly where one statement of it is not equivalent', () => {
    const likely = fc.dictionary(
      fc.constantFrom('Action', 'MyAction', 'Principal', 'Condition', 'Effect'),
      fc.oneof(
        fc.constantFrom('S3:A', 's3:a', 'Allow', '*', ['s3:A'], ['*'], {}, { AWS: '*' }, { AWS: {} }, { '*': null }),
        fc.dictionary(
          fc.constantFrom('AWS', 'Bool'),
          fc.dictionary(fc.constantFrom('aws:x', 'AWS:X', 'Aws:x'), fc.constantFrom('a', true, 'true', [])),
        ),
      ),
    );
    fc.assert(
      fc.property(fc.array(likely, { maxLength: 2 }), fc.array(likely, { maxLength: 2 }), (a, b) => {
        const equivalent = equivalentDocuments({ Statement: a }, { Statement: b }, AWS);
        expect(documentDrift({ Statement: a }, { Statement: b }, AWS).length === 0).toBe(equivalent);
      }),
      { numRuns: 800 },
    );
  });

  test('is transitive through rewrites', () => {
    fc.assert(
      fc.property(policy, fc.nat(), (a, seed) => {
        const [b, c] = [rewrite(a, seed), rewrite(a, seed + 1)];
        expect(equivalentDocuments(b, c, AWS)).toBe(true);
      }),
    );
  });

  test('reports nothing longer than the cut', () => {
    fc.assert(
      fc.property(anyDocument, anyDocument, (a, b) => {
        for (const { observed, desired, summary } of documentDrift(a, b, AWS)) {
          expect(summary.length).toBeLessThanOrEqual(300);
          for (const value of [observed, desired]) expect(JSON.stringify(value).length).toBeLessThanOrEqual(4096);
        }
      }),
    );
  });

  test('is checked without an exception, each problem with its remedy', () => {
    fc.assert(
      fc.property(anyDocument, fc.constantFrom('identity', 'trust', 'boundary'), (document, type) => {
        for (const { message, remedy } of validateDocument(document, type)) {
          expect(message).not.toMatch(/\.$/);
          expect(remedy).not.toBe('');
        }
      }),
    );
  });

  test('is decoded from each of its texts', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), anyDocument), (document) => {
        const text = JSON.stringify(document);
        for (const sent of [text, encodeURIComponent(text), JSON.stringify(document, null, 2)]) {
          expect(JSON.stringify(decodeDocument(sent))).toBe(text);
        }
        expect(documentSize(document)).toBe(text.replaceAll(' ', '').length);
      }),
      { numRuns: 500 },
    );
  });
});
