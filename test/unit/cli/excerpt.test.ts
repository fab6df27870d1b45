import { excerptOf } from '../../../src/cli/render/excerpt.js';

const problem = { file: 'm.yaml', path: '', message: '', remedy: '' };
const excerpt = (line: number, column: number, sourceLine?: string): string =>
  excerptOf({ ...problem, line, column, ...(sourceLine === undefined ? {} : { sourceLine }) }).join('\n');

describe('the excerpt of a manifest', () => {
  it('shows the line with its number, and marks the word at the place', () => {
    expect(excerpt(12, 9, '  kind: Rol # soon')).toBe('12 |   kind: Rol # soon\n   |         ^^^');
  });

  it('marks text with its quotes, and one character of what is no word', () => {
    expect(excerpt(1, 7, 'path: "/a b/"')).toBe('1 | path: "/a b/"\n  |       ^^^^^^^');
    expect(excerpt(1, 7, 'path: [a, b]')).toBe('1 | path: [a, b]\n  |       ^');
  });

  it('keeps the mark in its column behind tabs and characters that are not shown', () => {
    expect(excerpt(1, 4, '\t\u202e\tRol')).toBe('1 |  \ufffd Rol\n  |    ^^^');
  });

  it('makes commands to a CI service harmless, also where the place is inside of one', () => {
    for (const column of [1, 8, 9, 20]) expect(excerpt(2, column, 'name: x ##[error] y')).not.toContain('##[');
  });

  it('shows the part around the place of a long line', () => {
    const [line = '', mark = ''] = excerpt(1, 301, `${'x'.repeat(300)}HERE ${'y'.repeat(300)}`).split('\n');
    expect(line).toMatch(/^1 \| …x{40}HERE y{55}…$/);
    expect(mark.indexOf('^')).toBe(line.indexOf('HERE'));
  });

  it('is empty where the file has no text, and for an empty line', () => {
    expect(excerpt(0, 0)).toBe('');
    expect(excerpt(3, 1, '  ')).toBe('');
  });
});
