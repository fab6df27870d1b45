import { KINDS } from '../../../src/kinds/index.js';

const TAGS = { desired: {}, put: ['iam-bootstrap:namespace'], remove: ['old'] };

// An adoption takes ownership by its first write, so it has to tell that write from the others.
test.each(KINDS.filter(({ ownable }) => ownable).map((kind) => [kind.name, kind] as const))(
  'the tags of a %s are writes of their own',
  (_name, kind) => {
    const target = { account: '111111111111', partition: 'aws' };
    const observed = { name: 'x', arn: 'arn:aws:iam::111111111111:thing/x', createdAt: null, tags: {}, state: {} };
    const tags = { 'iam-bootstrap:namespace': 'ci' };
    const writes = kind.update({ name: 'x', spec: {}, tags, target }, observed, { tags: TAGS });
    expect(writes.map(({ tagging }) => tagging)).toEqual(['remove', 'put']);
    expect(writes[1]?.input).toMatchObject({ Tags: [{ Key: 'iam-bootstrap:namespace', Value: 'ci' }] });
  },
);
