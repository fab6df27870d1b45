/**
 * Reports whether an event matches a pattern of Amazon EventBridge: every field of the pattern is in the event, with one of the
 * values that are listed. Of the comparison operators, it knows `exists`.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
export function matchesEventPattern(pattern: unknown, event: unknown): boolean {
  if (Array.isArray(pattern)) return pattern.some((expected) => matchesValue(expected, event));
  if (!isObject(pattern)) throw new Error(`a pattern lists values: ${JSON.stringify(pattern)}`);
  const fields = isObject(event) ? event : {};
  return Object.entries(pattern).every(([field, inner]) => {
    if (field === '$or') throw new Error('$or is not supported here');
    return matchesEventPattern(inner, fields[field]);
  });
}

function matchesValue(expected: unknown, actual: unknown): boolean {
  if (isObject(expected)) {
    const [operator, ...others] = Object.keys(expected);
    if (operator !== 'exists' || others.length > 0) throw new Error(`not supported here: ${JSON.stringify(expected)}`);
    return (actual !== undefined) === expected['exists'];
  }
  return Array.isArray(actual) ? actual.includes(expected) : actual === expected;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
