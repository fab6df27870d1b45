import { parseTemplate } from '../../../../src/client/cloudformation/template.js';
import { problemsOf, role, stack } from '../../../support/templates.js';

/** Text of a template that no message may show, and text that must not become part of a manifest. */

test.each([
  ['a value without quotes', 't.json', '{"P": {"NoEcho": true, "Default": hunter2}}'],
  ['a value in single quotes', 't.json', '{"P": {"NoEcho": true, "Default": \'hunter2\'}}'],
  ['a number with a leading zero', 't.json', '{"LoginProfile": {"Password": 0123456}}'],
  ['an alias', 't.yaml', 'P: {NoEcho: true, Default: *hunter2}\n'],
  ['a text that begins with a reserved character', 't.yaml', 'P: {NoEcho: true, Default: @hunter2}\n'],
])('%s that cannot be parsed is not shown where the template may hold a secret', (_, file, text) => {
  const { tree, problems } = parseTemplate(file, text);
  expect(tree).toBeNull();
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ file, line: 1 });
  expect(JSON.stringify(problems)).not.toMatch(/hunter2|0123456/);
});

test('a template without a secret shows the text that cannot be parsed', () => {
  expect(parseTemplate('t.json', '{"P": {"Default": hunter2}}').problems[0]?.message).toContain('hunter2');
});

test.each(['\\ufdd0environment\\ufdd1', '\\uFDD0arn r\\uFDD1'])(
  'an escape in the text of a policy document makes no template of a manifest: %s',
  (escapes) => {
    const document = `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"${escapes}"}]}`;
    const template = stack({ App: role({ Policies: [{ PolicyName: 'p', PolicyDocument: document }] }) });
    expect(problemsOf(template).join()).toContain('this is not a policy document');
  },
);
