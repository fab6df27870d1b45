import type { CaptureFilter } from '../../contract/capture.js';
import { MAX_PATH, MAX_PATTERN, MAX_PATTERNS, MAX_TAG_VALUE, MAX_TAGS } from '../../contract/capture-shapes.js';
import type { Target } from '../../contract/entity.js';
import { ExitCode } from '../../contract/failures.js';
import { NAMESPACE } from '../../contract/request.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import { ENVIRONMENT_NAME, ENVIRONMENT_NAME_TEXT } from '../../engine/manifest/names.js';
import { suggestion } from '../../engine/text.js';
import { findKind, KINDS } from '../../kinds/index.js';
import type { CaptureFormat } from './format.js';

/** Characters of the key of a tag, at most: AWS's limit. */
const MAX_TAG_KEY = 128;

/** Options of capturing an account. */
export interface CaptureOptions extends Partial<Omit<CaptureFilter, 'namespace'>> {
  readonly target: Target;
  /** The namespace that the manifest is for: 1 to 63 lower-case letters, digits and hyphens. */
  readonly namespace: string;
  /** The name of the environment of the account. Default: `default`. */
  readonly environment?: string;
  /** Default: `yaml`. */
  readonly format?: CaptureFormat;
  /** The folder of the files. Default: `iam`. */
  readonly directory?: string;
}

/** Reports options that no capture can have. */
export class CaptureOptionError extends UserFacingError {
  override readonly name = 'CaptureOptionError';
  override readonly exitCode = ExitCode.Usage;
}

/** @throws CaptureOptionError */
export function checkCaptureOptions(options: CaptureOptions): void {
  const { namespace, environment = 'default', kinds = [], names = [], path = null, tags = {} } = options;
  if (!NAMESPACE.test(namespace)) {
    throw new CaptureOptionError(
      `namespace ${JSON.stringify(namespace)} is not valid`,
      'use 1 to 63 lower-case letters, digits and hyphens',
    );
  }
  if (!ENVIRONMENT_NAME.test(environment)) {
    throw new CaptureOptionError(`environment ${environment} is not a name`, ENVIRONMENT_NAME_TEXT);
  }
  checkKinds(kinds);
  checkNames(names);
  if (path !== null) checkPath(path);
  checkTags(tags);
}

function checkKinds(kinds: CaptureFilter['kinds']): void {
  for (const kind of kinds) {
    if (findKind(kind) !== undefined) continue;
    const names = KINDS.map(({ name }) => name);
    throw new CaptureOptionError(`there is no kind ${kind}`, suggestion(kind, names, 'name a kind'));
  }
}

function checkNames(names: CaptureFilter['names']): void {
  if (names.length > MAX_PATTERNS) {
    throw new CaptureOptionError(
      `${String(names.length)} names are more than the ${String(MAX_PATTERNS)} that a capture takes`,
      'use * for any text in a name, or capture more than once',
    );
  }
  for (const name of names) {
    if (name === '') throw new CaptureOptionError('a name is empty', 'give a name; * in it is any text');
    if (name.length > MAX_PATTERN) {
      throw new CaptureOptionError(
        `a name has more than ${String(MAX_PATTERN)} characters: ${name.slice(0, 40)}…`,
        'shorten it with * for any text',
      );
    }
  }
}

/** A path without its slashes would match nothing, or names that only begin like it: `/ci` those below `/cicd/`. */
function checkPath(path: string): void {
  if (path.startsWith('/') && path.endsWith('/') && path.length <= MAX_PATH) return;
  const complete = `/${path}/`.replaceAll(/\/{2,}/g, '/');
  throw path.length > MAX_PATH
    ? new CaptureOptionError(
        `a path has more than ${String(MAX_PATH)} characters: ${path.slice(0, 40)}…`,
        'AWS has none so long',
      )
    : new CaptureOptionError(
        `path ${JSON.stringify(path)} does not begin and end with a slash`,
        `write it as AWS does: ${complete}`,
      );
}

function checkTags(tags: CaptureFilter['tags']): void {
  const pairs = Object.entries(tags);
  if (pairs.length > MAX_TAGS) {
    throw new CaptureOptionError(
      `${String(pairs.length)} tags are more than the ${String(MAX_TAGS)} that an entity has`,
      'name fewer tags',
    );
  }
  for (const [key, value] of pairs) {
    if (key === '') throw new CaptureOptionError('a tag has no key', 'give key, or key=value');
    if (key.length > MAX_TAG_KEY || (value ?? '').length > MAX_TAG_VALUE) {
      throw new CaptureOptionError(
        `tag ${key.slice(0, 40)} is longer than AWS allows`,
        `a key has up to ${String(MAX_TAG_KEY)} characters, a value up to ${String(MAX_TAG_VALUE)}`,
      );
    }
  }
}
