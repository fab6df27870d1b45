import { unreadableReason } from './unreadable.js';

/*
 * Checks of the shape of values that any client may have sent. Workflows cannot load the schemas of `engine/`, and need
 * less: that every field which they read has its type.
 */

/** Characters of a name in an object of limited size, at most: as many as the key of a tag has. */
const MAX_NAME = 128;

/** Returns the first problem of a value, with its path; null where it has the shape. */
export type Shape = (value: unknown, path: string) => string | null;

function typed(what: string, accepts: (value: unknown) => boolean): Shape {
  return (value, path) => {
    if (accepts(value)) return null;
    const unreadable = unreadableReason(value);
    const problem = unreadable ?? (value === undefined ? `missing; expected ${what}` : `expected ${what}`);
    return path === '' ? problem : `${path}: ${problem}`;
  };
}

/** Any string. */
export const text = typed('text', (value) => typeof value === 'string');

/** Text of limited length. */
export function textUpTo(length: number): Shape {
  return typed(
    `text of at most ${String(length)} characters`,
    (value) => typeof value === 'string' && value.length <= length,
  );
}

/** `true` or `false`. */
export const flag = typed('true or false', (value) => typeof value === 'boolean');

/** A number that is no fraction and that JSON keeps exactly. */
export const integer = typed('an integer', (value) => Number.isSafeInteger(value));

/** An integer above zero. */
export const positive = typed('an integer above zero', (value) => Number.isSafeInteger(value) && Number(value) > 0);

/** Any object that is no list. */
export const object = typed(
  'an object',
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && unreadableReason(value) === null,
);

/** One of some texts. */
export function oneOf(...texts: readonly string[]): Shape {
  return typed(texts.join(', '), (value) => typeof value === 'string' && texts.includes(value));
}

/** Text that matches a pattern. `what` describes it. */
export function matching(pattern: RegExp, what: string): Shape {
  return typed(what, (value) => typeof value === 'string' && pattern.test(value));
}

/** A value of one of two shapes. The problem that is reported is that of the second. */
export function either(first: Shape, second: Shape): Shape {
  return (value, path) => (first(value, path) === null ? null : second(value, path));
}

/** A value of the shape, or null. */
export function nullable(shape: Shape): Shape {
  return (value, path) => (value === null ? null : shape(value, path));
}

/** A value of the shape, or a field that is missing. */
export function optional(shape: Shape): Shape {
  return (value, path) => (value === undefined ? null : shape(value, path));
}

/** A list of values of one shape, at most so many. */
export function listOf(shape: Shape, max = Infinity): Shape {
  const list = typed(
    max === Infinity ? 'a list' : `a list of at most ${String(max)}`,
    (value) => Array.isArray(value) && value.length <= max,
  );
  return (value, path) =>
    list(value, path) ?? first(value as readonly unknown[], (item, index) => shape(item, `${path}[${String(index)}]`));
}

/** An object whose values have one shape, at most so many. Its names have at most {@link MAX_NAME} characters where it has a limit. */
export function recordOf(shape: Shape, max = Infinity): Shape {
  const record = typed(
    `an object with at most ${String(max)} short names`,
    (value) =>
      max === Infinity ||
      (Object.keys(value as object).length <= max &&
        Object.keys(value as object).every((key) => key.length <= MAX_NAME)),
  );
  return (value, path) =>
    object(value, path) ??
    record(value, path) ??
    first(Object.entries(value as object), ([key, item]) => shape(item, join(path, key)));
}

/**
 * An object with these fields. It may have others. With a type argument, a field of that type that is left out here does not
 * compile.
 */
export function fields<T extends object = Record<string, unknown>>(
  shapes: Readonly<Record<keyof T & string, Shape>>,
): Shape {
  const entries: readonly [string, Shape][] = Object.entries<Shape>(shapes);
  return (value, path) =>
    object(value, path) ??
    first(entries, ([key, shape]) => shape((value as Readonly<Record<string, unknown>>)[key], join(path, key)));
}

function first<T>(items: readonly T[], problemOf: (item: T, index: number) => string | null): string | null {
  for (const [index, item] of items.entries()) {
    const problem = problemOf(item, index);
    if (problem !== null) return problem;
  }
  return null;
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
