import fs, {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FilesNotWrittenError, saveFiles } from '../../../../../src/client/capture/update/save-files.js';

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
  chmodSync(join(folder, 'b.json'), 0o664);
  saveFiles(
    [
      { file: 'a.yaml', before: 'a: 1\n', text: 'a: 2\n' },
      { file: 'b.json', before: '{}', text: '[]' },
    ],
    folder,
  );
  expect([read(folder, 'a.yaml'), read(folder, 'b.json')]).toEqual(['\ufeffa: 2\n', '[]']);
  expect(statSync(join(folder, 'b.json')).mode & 0o777).toBe(0o664);
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

describe('a file system that refuses a file', () => {
  const changes = ['a.yaml', 'b.yaml'].map((file) => ({ file, before: '1', text: '2' }));
  const rename = fs.renameSync;
  let renamed: string[];
  const refuse = (isRefused: (to: string) => boolean): void => {
    renamed = [];
    jest.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      if (isRefused(String(to))) throw Object.assign(new Error('no'), { code: 'EPERM' });
      rename(from, to);
      renamed.push(String(to));
    });
  };
  const failure = (folder: string): unknown => {
    try {
      saveFiles(changes, folder);
    } catch (error) {
      return error;
    }
    return undefined;
  };
  afterEach(() => jest.restoreAllMocks());

  it('leaves all of them as they were', () => {
    const folder = folderWith({ 'a.yaml': '1', 'b.yaml': '1' });
    refuse((to) => to.endsWith('b.yaml'));
    const error = failure(folder);
    expect(error).toBeInstanceOf(FilesNotWrittenError);
    expect(error).toMatchObject({
      changed: [],
      message: expect.stringMatching(/permission denied; no file has changed$/) as string,
    });
    expect([read(folder, 'a.yaml'), read(folder, 'b.yaml')]).toEqual(['1', '1']);
    expect(renamed).toHaveLength(2);
    expect(readdirSync(folder)).toEqual(['a.yaml', 'b.yaml']);
  });

  it('is told with the files that could not be put back', () => {
    const folder = folderWith({ 'a.yaml': '1', 'b.yaml': '1' });
    refuse((to) => renamed.length > 0 || to.endsWith('b.yaml'));
    expect(failure(folder)).toMatchObject({ changed: ['a.yaml'] });
    expect(readdirSync(folder)).toEqual(['a.yaml', 'b.yaml']);
  });
});

it('writes no file that is read-only, and none outside its folder that a link leads to', () => {
  const folder = folderWith({ 'a.yaml': '1' });
  const outside = folderWith({ 'm.yaml': '1' });
  chmodSync(join(folder, 'a.yaml'), 0o444);
  symlinkSync(join(outside, 'm.yaml'), join(folder, 'm.yaml'));
  const save = (file: string) => () => {
    saveFiles([{ file, before: '1', text: '2' }], folder);
  };
  expect(save('a.yaml')).toThrow('a.yaml is read-only: no file was written');
  expect(save('m.yaml')).toThrow('m.yaml links to a file outside its folder: no file was written');
  expect([read(folder, 'a.yaml'), read(outside, 'm.yaml')]).toEqual(['1', '1']);
  save(join(outside, 'm.yaml'))();
  expect(read(outside, 'm.yaml')).toBe('2');
});

it.each<[string, (folder: string) => void, string]>([
  [
    'is gone',
    (folder) => {
      rmSync(join(folder, 'p', 'b.yaml'));
    },
    'there is no such file',
  ],
  [
    'has lost its folder',
    (folder) => {
      rmSync(join(folder, 'p'), { recursive: true });
    },
    'there is no such file',
  ],
  [
    'is a folder now',
    (folder) => {
      rmSync(join(folder, 'p', 'b.yaml'));
      mkdirSync(join(folder, 'p', 'b.yaml'));
    },
    'it is a folder',
  ],
  [
    'is a link that leads nowhere now',
    (folder) => {
      rmSync(join(folder, 'p', 'b.yaml'));
      symlinkSync('b.yaml', join(folder, 'p', 'b.yaml'));
    },
    'its links form a loop',
  ],
])('writes none where one %s', (_, change, reason) => {
  const folder = folderWith({ 'a.yaml': '1' });
  mkdirSync(join(folder, 'p'));
  writeFileSync(join(folder, 'p', 'b.yaml'), '1');
  change(folder);
  const changes = ['a.yaml', 'p/b.yaml'].map((file) => ({ file, before: '1', text: '2' }));
  expect(() => {
    saveFiles(changes, folder);
  }).toThrow(`p/b.yaml cannot be read any more, ${reason}: no file was written`);
  expect(read(folder, 'a.yaml')).toBe('1');
});

it('takes no folder that a link leads to for that of the manifest', () => {
  const [folder, outside] = [folderWith({}), folderWith({ 'p.json': '1' })];
  mkdirSync(join(folder, 'iam'));
  symlinkSync(outside, join(folder, 'iam', 'policies'));
  const save = (root: string) => () => {
    saveFiles([{ file: 'iam/policies/p.json', folder: root, before: '1', text: '2' }], folder);
  };
  expect(save('iam')).toThrow('iam/policies/p.json links to a file outside its folder: no file was written');
  expect(read(outside, 'p.json')).toBe('1');
  save('iam/policies')();
  expect(read(outside, 'p.json')).toBe('2');
});
