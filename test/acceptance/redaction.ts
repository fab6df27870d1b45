/** What is taken out of texts, besides IDs that are recognised by their form. */
export interface Secret {
  readonly account?: string;
  /** The start of the names of the run. */
  readonly run?: string;
  /** The ARN of the caller. */
  readonly caller?: string;
}

/** Parts of a caller's ARN that are shorter than this may be words of the text. */
const MIN_NAME = 4;

/**
 * Returns a function that takes the account, the caller, the names of the run and IDs of AWS out of a text. A text is cut
 * after that: half of an ID would not be recognised.
 */
export function redactor({ account, run, caller }: Secret): (text: string) => string {
  const replacements: (readonly [string | RegExp, string])[] = [
    ...(caller === undefined ? [] : callerReplacements(caller)),
    // AWS names the caller in its refusals.
    [/User: arn:\S+/g, 'User: <caller>'],
    [/arn:[\w-]+:sts::[\d<>a-z]+:(assumed-role|federated-user)\/[^\s"'\\,]+/g, '<caller>'],
    ...(account === undefined ? [] : [[account, '<account>'] as const]),
    ...(run === undefined
      ? []
      : ([
          [run, '<p>'],
          [run.toUpperCase(), '<P>'],
        ] as const)),
    [/\b\d{12}\b/g, '<account>'],
    [/\b(A[A-Z]{3})[A-Z0-9]{12,20}\b(:[\w+=,.@-]+)?/g, '$1<id>'],
    [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<request>'],
    [/[\w.+-]+@[\w-]+\.[\w.-]*\w/g, '<email>'],
  ];
  return (text) => replacements.reduce((shown, [pattern, by]) => shown.replaceAll(pattern, by), text);
}

function callerReplacements(caller: string): (readonly [string | RegExp, string])[] {
  const names = caller
    .split('/')
    .slice(1)
    .filter((name) => name.length >= MIN_NAME)
    .sort((a, b) => b.length - a.length);
  const escaped = names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return [
    [caller, '<caller>'],
    ...escaped.map((name) => [new RegExp(`(?<![\\w-])${name}(?![\\w-])`, 'g'), '<caller>'] as const),
  ];
}
