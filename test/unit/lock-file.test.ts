import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `npm ci` installs: fixed by content, from the registry alone, under licences that fit, without programs run. */

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
  readonly license?: string;
  readonly hasInstallScript?: boolean;
}

const ROOT = join(__dirname, '../..');
const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Entry>>;
};
const installed = Object.entries(packages).filter(([path]) => path !== '');
const atRunTime = installed.filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true);

const LICENCES =
  /^(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|Unlicense|BlueOak-1\.0\.0|CC0-1\.0|CC-BY-4\.0|Python-2\.0)$/;

/** Licences that a package states in a file alone. */
const STATED: Readonly<Record<string, string>> = { 'node_modules/unionfs': 'Unlicense' };

/** Packages that would run a program when they are installed. Both work without: `npm ci --ignore-scripts` is enough. */
const RUNS_AT_INSTALL: Readonly<Record<string, string>> = {
  'node_modules/@grpc/proto-loader/node_modules/protobufjs': 'prints a warning about versions',
  'node_modules/@swc/core': 'fetches a slower build where the machine has no binary of it',
};

test('every package has the digest of its content, but for optional ones of other platforms', () => {
  expect(installed.length).toBeGreaterThan(400);
  const without = installed.filter(
    ([, { integrity, optional, link }]) =>
      !(integrity ?? '').startsWith('sha512-') && optional !== true && link !== true,
  );
  expect(without.map(([path]) => path)).toEqual([]);
});

test('no package comes from a host, a repository or a folder of its own', () => {
  const foreign = installed.filter(
    ([, { resolved, link, version }]) =>
      link === true ||
      (resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/')) ||
      !/^\d+\.\d+\.\d+/.test(version ?? ''),
  );
  expect(foreign.map(([path]) => path)).toEqual([]);
});

test('the packages of Temporal are of one version', () => {
  const versions = installed.filter(([path]) => path.includes('/@temporalio/')).map(([, { version }]) => version);
  expect(versions.length).toBeGreaterThan(5);
  expect(new Set(versions).size).toBe(1);
});

test('what runs is under licences that ask for no more than a notice', () => {
  const others = atRunTime.filter(([path, { license, optional }]) => {
    const known = license ?? STATED[path] ?? declared(path);
    // Of other platforms: not here, and under the licence of the package that names them.
    if (known === undefined) return optional !== true;
    return !known
      .replace(/[()]/g, '')
      .split(/ (?:AND|OR) /)
      .every((one) => LICENCES.test(one));
  });
  expect(others.map(([path, { license }]) => `${path}: ${String(license)}`)).toEqual([]);
});

test('what runs needs no program at its installation', () => {
  const paths = atRunTime.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path);
  expect(paths.sort()).toEqual(Object.keys(RUNS_AT_INSTALL).sort());
});

/** The licence that a package states itself, where the lock file has none. */
function declared(path: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8')) as Entry).license;
  } catch {
    return undefined;
  }
}
