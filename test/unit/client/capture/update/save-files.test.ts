import { chmodSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saveFiles } from '../../../../../src/client/capture/update/save-files.js';

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'update-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

function read(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

it('writes files with their byte order mark and their mode, and leaves nothing else behind', () => {
  const folder = folderWith({ 'a.yaml': '\ufeffa: 1\n', 'b.json': '{}' });
  chmodSync(join(folder, 'b.json'), 0o640);
  saveFiles(
    [
      { file: 'a.yaml', before: 'a: 1\n', text: 'a: 2\n' },
      { file: 'b.json', before: '{}', text: '[]' },
    ],
    folder,
  );
  expect([read(folder, 'a.yaml'), read(folder, 'b.json')]).toEqual(['\ufeffa: 2\n', '[]']);
  expect(statSync(join(folder, 'b.json')).mode & 0o777).toBe(0o640);
  expect(readdirSync(folder)).toEqual(['a.yaml', 'b.json']);
});

it('writes none where one has changed since it was read', () => {
  const folder = folderWith({ 'a.yaml': 'a: 1', 'b.yaml': 'b: other' });
  const save = () => {
    saveFiles(
      [
        { file: 'a.yaml', before: 'a: 1', text: 'a: 2' },
        { file: 'b.yaml', before: 'b: 1', text: 'b: 2' },
      ],
      folder,
    );
  };
  expect(save).toThrow('b.yaml has changed since it was read: no file was written');
  expect(read(folder, 'a.yaml')).toBe('a: 1');
});

it('replaces the file that a link leads to, and refuses two names of one file', () => {
  const folder = folderWith({ 'a.json': '1' });
  symlinkSync('a.json', join(folder, 'link.json'));
  saveFiles([{ file: 'link.json', before: '1', text: '2' }], folder);
  expect(read(folder, 'a.json')).toBe('2');
  const change = { before: '2', text: '3' };
  const both = [
    { file: 'a.json', ...change },
    { file: 'link.json', ...change },
  ];
  expect(() => {
    saveFiles(both, folder);
  }).toThrow('link.json is the same file as a.json');
});
