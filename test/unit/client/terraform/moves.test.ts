import { predictAll } from '../../../../src/client/terraform/predict-all.js';
import { blocksOf } from '../../../../src/client/terraform/blocks.js';
import type { TerraformPlan } from '../../../../src/client/terraform/plan.js';
import {
  compareTerraformPlans,
  preflightExitCode,
  preflightOffline,
} from '../../../../src/client/terraform/preflight.js';
import { renderPreflight } from '../../../../src/cli/render/preflight.js';
import type { LookedUp } from '../../../../src/contract/look-up.js';
import type { Finding } from '../../../../src/contract/preflight.js';
import { planWith, type PrintedChange } from '../../../support/terraform-changes.js';

const HERE = { target: { account: '111111111111', partition: 'aws' } };
const TAKEN = { verdict: 'recreate', error: { code: 'EntityAlreadyExists' } };

const user = (name: string, after: string, before?: string, actions?: readonly string[]): PrintedChange => ({
  type: 'aws_iam_user',
  name,
  actions: actions ?? (before === undefined ? ['create'] : ['update']),
  after: { name: after, path: '/' },
  before: before === undefined ? null : { name: before, path: '/' },
});

/** An instance of a role with `count` or `for_each`. */
const instance = (index: string | number, before: string | null, after: string | null): PrintedChange => ({
  index,
  address: `aws_iam_role.deploy[${typeof index === 'string' ? `"${index}"` : String(index)}]`,
  actions: [...(before === null ? [] : ['delete']), ...(after === null ? [] : ['create'])],
  before: before === null ? null : { name: before, path: '/' },
  after: after === null ? null : { name: after, path: '/' },
});

function offline(...plans: readonly TerraformPlan[]): readonly Finding[] {
  return preflightOffline(compareTerraformPlans(plans, HERE)).findings;
}

/** Returns the findings about a plan, where the account has these users. */
function predicted(plan: TerraformPlan, users: Readonly<Record<string, Partial<LookedUp>>>): readonly Finding[] {
  const none = { message: null, arn: null, path: null, createdAt: null, owner: null, id: null, members: {} };
  return predictAll(compareTerraformPlans([plan], HERE), (_account, { name }) => {
    const found = users[name];
    return found === undefined
      ? { ...none, status: 'absent', name: null }
      : { ...none, status: 'present', name, path: '/', ...found };
  });
}

describe('what a plan forgets', () => {
  const forgets = (path = '/'): PrintedChange => ({
    name: 'old',
    actions: ['forget'],
    before: { name: 'ci', path, arn: 'arn:aws:iam::111111111111:role/ci' },
  });
  const creates: PrintedChange = { name: 'new', after: { name: 'ci', path: '/' } };
  const error = { operation: 'CreateRole', code: 'EntityAlreadyExists' };

  test('keeps its name, so that a create of the plan or of another one is refused, also offline', () => {
    expect(offline(planWith([forgets(), creates]))).toMatchObject([
      {
        verdict: 'import',
        error,
        importId: 'ci',
        reason: 'aws_iam_role.old is forgotten and stays in AWS, where it keeps the name',
        remedy: expect.stringContaining('moved { from = aws_iam_role.old, to = aws_iam_role.new }') as string,
      },
    ]);
    const other: TerraformPlan = { ...planWith([forgets()]), file: 'other.json' };
    const [elsewhere] = offline(other, planWith([creates]));
    expect(elsewhere).toMatchObject({ verdict: 'import', error, importId: 'ci' });
    expect(elsewhere?.remedy).not.toContain('moved');
  });

  test('under another path cannot be imported as it is declared', () => {
    expect(offline(planWith([forgets('/old/'), creates]))).toMatchObject([
      { verdict: 'collision', error, importId: null, remedy: expect.stringContaining('another name') as string },
    ]);
  });

  test('is no conflict where nothing creates its name', () => {
    expect(offline(planWith([forgets(), { name: 'new', after: { name: 'cd', path: '/' } }]))).toEqual([]);
  });
});

describe('a rename in place', () => {
  const renamed = planWith([user('a', 'bob', 'alice')]);

  test('is refused where the account has the new name, and is no import', () => {
    const findings = predicted(renamed, { alice: {}, bob: { path: '/staff/' } });
    expect(findings).toMatchObject([
      {
        verdict: 'collision',
        entity: 'User/bob',
        error: { operation: 'UpdateUser', code: 'EntityAlreadyExists' },
        reason: 'the plan renames another one to it in place, and the account has it already, with the path /staff/',
        importId: null,
      },
    ]);
    expect(blocksOf(findings)).not.toContain('import {');
    expect(predicted(renamed, { bob: { owner: 'Pulumi stack "x"' } })).toMatchObject([
      { verdict: 'foreign', importId: null },
    ]);
  });

  test('is free where the account does not have it, and counts as a rename', () => {
    expect(predicted(renamed, { alice: {} })).toMatchObject([{ verdict: 'create', error: null }]);
    const result = preflightOffline(
      compareTerraformPlans([planWith([user('a', 'bob', 'alice'), user('b', 'b')])], HERE),
    );
    expect(result.plans).toMatchObject([{ creates: 1, renames: 1 }]);
    expect(renderPreflight(result, [])).toContain('1 create and 1 rename of IAM');
  });

  test('of a group, and to a name that is known after the apply only, is looked at as well', () => {
    const group: PrintedChange = { ...user('a', 'b', 'a'), type: 'aws_iam_group' };
    expect(predicted(planWith([group]), { b: {} })).toMatchObject([{ error: { operation: 'UpdateGroup' } }]);
    const unknown = { ...user('a', 'b', 'a'), after: { path: '/' }, unknown: { name: true } };
    expect(predicted(planWith([unknown]), {})).toMatchObject([{ verdict: 'unknown' }]);
  });

  test('is none where only the case or the path changes', () => {
    const kept = planWith([
      user('a', 'Alice', 'alice'),
      { ...user('b', 'bob', 'bob'), after: { name: 'bob', path: '/x/' } },
    ]);
    expect(predicted(kept, { alice: {}, Alice: {}, bob: {} })).toEqual([]);
  });

  test('keeps its old name from others until it is applied, and gives no block for it', () => {
    const both = planWith([user('a', 'bob', 'alice'), user('b', 'alice')]);
    const [first] = predicted(both, { alice: {} }).filter(({ address }) => address === 'aws_iam_user.b');
    expect(first).toMatchObject({
      ...TAKEN,
      importId: null,
      movedFrom: null,
      reason: 'the plan renames the one at aws_iam_user.a, and nothing makes Terraform do so before',
    });
    const other: TerraformPlan = { ...planWith([user('b', 'alice')]), file: 'other.json' };
    expect(offline(renamed, other)).toMatchObject([{ ...TAKEN, plan: 'other.json', remedy: 'apply plan.json first' }]);
  });

  test('to a name that another resource creates, keeps or renames to is a duplicate', () => {
    for (const other of [user('b', 'bob'), user('b', 'bob', 'bob', ['no-op']), user('b', 'bob', 'carol')]) {
      expect(offline(planWith([user('a', 'bob', 'alice'), other]))).toMatchObject([{ verdict: 'duplicate' }]);
    }
  });

  test('of two that exchange their names is refused both times', () => {
    expect(offline(planWith([user('a', 'bob', 'alice'), user('b', 'alice', 'bob')]))).toMatchObject([
      { ...TAKEN, movedFrom: null },
      { ...TAKEN, movedFrom: null },
    ]);
  });
});

describe('a moved block', () => {
  const blocks = (...changes: readonly PrintedChange[]): string => blocksOf(offline(planWith(changes)));

  test('goes from an address that is gone to one that is new', () => {
    expect(blocks(instance('a', 'x', null), instance('b', null, 'x'))).toContain(
      'moved {\n  from = aws_iam_role.deploy["a"]\n  to   = aws_iam_role.deploy["b"]\n}',
    );
  });

  test('is not written where the instances of count move up, since their addresses stay in use', () => {
    const changes = [instance(0, 'a', 'b'), instance(1, 'b', 'c'), instance(2, 'c', null)];
    const findings = offline(planWith(changes));
    expect(findings).toMatchObject([
      { ...TAKEN, movedFrom: null },
      { ...TAKEN, movedFrom: null },
    ]);
    expect(findings[0]?.remedy).toContain('terraform state mv');
    expect(blocks(...changes)).not.toContain('moved {');
  });

  test('is not written where two addresses exchange their names', () => {
    expect(blocks(instance('a', 'x', 'y'), instance('b', 'y', 'x'))).not.toContain('moved {');
  });

  test('has one target, where one attachment is made twice', () => {
    const attachment = (name: string, actions: readonly string[]): PrintedChange => {
      const values = { role: 'r', policy_arn: 'arn:aws:iam::aws:policy/X' };
      const isNew = actions.includes('create');
      return {
        type: 'aws_iam_role_policy_attachment',
        name,
        actions,
        before: isNew ? null : values,
        after: isNew ? values : null,
      };
    };
    const text = blocks(attachment('old', ['delete']), attachment('a', ['create']), attachment('b', ['create']));
    expect(text.match(/moved \{/g)).toHaveLength(1);
    expect(text).toContain('to   = aws_iam_role_policy_attachment.a');
  });

  test('that the configuration has already is not asked for', () => {
    const moved = { name: 'new', previous_address: 'aws_iam_role.old', actions: ['no-op'] } as const;
    const values = { name: 'deploy', path: '/' };
    const plan = planWith([{ ...moved, before: values, after: values }]);
    expect(preflightExitCode(preflightOffline(compareTerraformPlans([plan], HERE)))).toBe(0);
    expect(offline(plan)).toEqual([]);
  });
});
