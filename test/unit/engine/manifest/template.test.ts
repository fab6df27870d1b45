import * as fc from 'fast-check';
import { renderTemplate } from '../../../../src/engine/manifest/template.js';
import { ARN_REFERENCE } from '../../../../src/contract/entity.js';

const values = new Map([
  ['environment', 'prod'],
  ['org', 'acme'],
  ['empty', ''],
  ['brace', '{'],
]);
const render = (text: string): string => {
  const { text: rendered, problems } = renderTemplate(text, values);
  expect(problems).toEqual([]);
  return rendered;
};
const problemOf = (text: string): string => {
  const { problems } = renderTemplate(text, values);
  expect(problems).toHaveLength(1);
  return `${problems[0]?.message ?? ''}; ${problems[0]?.remedy ?? ''}`;
};

describe('a template', () => {
  it('is replaced by the value that it names', () => {
    expect(render('{{environment}}-deploy')).toBe('prod-deploy');
    expect(render('{{ environment }}/{{org}}{{empty}}')).toBe('prod/acme');
  });

  it('leaves text without templates as it is', () => {
    for (const text of ['', 'a', '{', '}', '}}', '{ {', '{"a":{"b":1}}', '${aws:username}', '${*}']) {
      expect(render(text)).toBe(text);
    }
  });

  it.each([
    ["{{'{{'}}", '{{'],
    ['{{"{{"}}', '{{'],
    ["{{ '{{' }} x {{'}}'}}", '{{ x }}'],
    ["{{'{{'}}name}}", '{{name}}'],
    ["{{'{{'}}{{org}}}}", '{{acme}}'],
    ["{{'{'}}{{'{{'}}{", '{{{{'],
    ["${{'{{'}} github.ref }}", '${{ github.ref }}'],
    ["{{'$'}}{{org}}", '$acme'],
    ['$${{"$"}}{{org}}', '$$$acme'],
    ["{{'$'}}{{arn Role/x}}", '${{arn Role/x}}'],
    ["{{'{{'}}arn }}{{arn Role/x}}", '{{arn }}{{arn Role/x}}'],
  ])('stands for braces and dollars themselves where it quotes them: %s', (text, expected) => {
    expect(render(text)).toBe(expected);
  });

  it('stands inside of a policy variable of IAM', () => {
    expect(render('${aws:PrincipalTag/{{org}}}')).toBe('${aws:PrincipalTag/acme}');
  });

  it('refers to an entity by a marker with the name rendered', () => {
    expect(render('{{arn Policy/{{environment}}-deploy}}')).toBe('{{arn Policy/prod-deploy}}');
    expect(render('{{ arn   Policy/{{ environment }} }}')).toBe('{{arn Policy/prod}}');
    expect(render('{{arn OpenIDConnectProvider/host/a/b}}*')).toBe('{{arn OpenIDConnectProvider/host/a/b}}*');
  });

  it('says which values it has used, once for each use', () => {
    expect(renderTemplate('{{arn Role/{{org}}}}{{environment}}', values).used).toEqual(['org', 'environment']);
  });

  it.each([
    ['{{}}', /names nothing; write one of environment, org/],
    ['{{ }}', /names nothing/],
    ['{{enviroment}}', /names nothing that is known; did you mean environment/],
    ['{{something}}', /declare it under variables/],
    ['{{a b}}', /write one of environment/],
    ['{{environment', /not closed/],
    ['{{arn Role/{{environment}}', /not closed/],
    ['{{environment}', /not closed/],
    ['{{arn}}', /names no entity/],
    ['{{arn Role}}', /names no entity/],
    ['{{arn Role/}}', /names no entity/],
    ['{{arn Role/{{oops}}}}', /template \{\{oops\}\} names nothing/],
    ['{{arn Role/{{arn Role/x}}}}', /holds another reference/],
    ['${{ org }}', /another tool's expression/],
    ['{{brace}}{{brace}}', /would read as a template/],
    ['{{{brace}}', /names nothing|not closed/],
    ['{{brace}}{arn Role/x}}', /would read as a template/],
    ["{{'$'}}{{brace}}{{brace}}", /would read as a template/],
    ['{{arn Role/{{brace}}}}', /names no entity/],
    ["{{'{{'}}arn Role/x}}", /\{\{arn Role\/x\}\} cannot be written as text: it would read as a reference; change/],
    ["{{arn Role/{{'{{'}}}}", /not closed|names no entity/],
    ["{{'{{'}", /not closed; .*write \{\{'\{\{'\}\} where the text \{\{ is meant/],
  ])('is refused where it reads %s', (text, expected) => {
    expect(problemOf(text)).toMatch(expected);
  });

  it('reports every one that is wrong in a text', () => {
    expect(renderTemplate('{{a}}{{org}}{{b}}', values).problems).toHaveLength(2);
  });

  it('never reads a value as a template', () => {
    const pieces = fc.constantFrom('{', '}', '{{', '}}', 'a', 'b', 'arn Role/x', '{{a}}', '{{arn Role/x}}', ' ', '$');
    const value = fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join(''));
    const text = fc.array(fc.oneof(fc.constantFrom('{{a}}', '{{b}}', 'x', '{', '}'), fc.string()), { maxLength: 6 });
    fc.assert(
      fc.property(value, value, text, (a, b, parts) => {
        const source = parts.join('');
        const { text: rendered, problems } = renderTemplate(
          source,
          new Map([
            ['a', a],
            ['b', b],
          ]),
        );
        if (problems.length > 0) return;
        // Told another way: split at what can only be a template, and insert.
        expect(rendered).toBe(
          source
            .split(/(\{\{[^{}]*\}\})/)
            .map((part, index) => (index % 2 === 0 ? part : part.replaceAll(/[{}\s]/g, '') === 'a' ? a : b))
            .join(''),
        );
        expect(rendered).not.toContain('{{');
      }),
    );
  });

  it('leaves braces nowhere but in the references that the text itself makes', () => {
    const part = fc.oneof(
      fc.constantFrom('{{a}}', '{{arn Role/{{a}}}}', '{{arn Role/x}}', '{', '}', '{{', '}}', '$'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.string(), (parts, a) => {
        const { text, problems } = renderTemplate(parts.join(''), new Map([['a', a]]));
        if (problems.length > 0) return;
        expect(text.replaceAll(ARN_REFERENCE, '')).not.toContain('{{');
        const made = parts.join('').split('{{arn ').length - 1;
        expect([...text.matchAll(ARN_REFERENCE)]).toHaveLength(made);
      }),
    );
  });

  it('has a spelling for every text but that of a reference', () => {
    const part = fc.oneof(fc.constantFrom('{', '}', '{{', '}}', '$', '{{arn ', "'", 'a'), fc.string());
    const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (wanted) => {
        fc.pre(wanted.search(ARN_REFERENCE) === -1);
        expect(render(wanted.replaceAll('{{', "{{'{{'}}"))).toBe(wanted);
      }),
    );
  });

  it.each(['{{', '}}', "{{'{{'}}", '{{a}}', '{{arn Role/', '{{arn Role/{{a', '{', '{{}}'])(
    'finishes in a text full of %s',
    (piece) => {
      expect(renderTemplate(piece.repeat(100_000), values)).toBeDefined();
    },
  );
});
