import { givenOptions } from '../client/cloudformation/template-options.js';
import { isWrite } from '../contract/actions.js';
import type { Report } from '../contract/report.js';
import { shellWord } from '../report/shell-word.js';
import { counted } from '../report/text.js';
import { templateOptions, type RequestCommandOptions } from './request.js';

/** Returns the last lines of a plan: what to type in order to apply it. Empty where there is nothing to apply. */
export function nextLines(
  { entities, result }: Report,
  command: 'apply' | 'release' | 'destroy',
  options: RequestCommandOptions,
): readonly string[] {
  const unread = entities.filter((entity) => entity.unread !== undefined).length;
  if (result !== 'pending' && result !== 'refused' && unread === 0) return [];
  const refused = entities.filter(({ decision }) => decision === 'refuse').length - unread;
  const hasWrites = entities.some(({ decision }) => isWrite(decision));
  if (refused === 0 && unread > 0) return hasWrites ? [`To apply the rest: ${commandLine(command, options)}`] : [];
  if (refused === 0) return hasWrites ? [`To apply: ${commandLine(command, options)}`] : [];
  if (options.keepGoing) return hasWrites ? [`To apply the rest: ${commandLine(command, options)}`] : [];
  const what = refused === 1 ? 'what is refused' : `the ${counted(refused, 'refusal')}`;
  return [
    `To apply: resolve ${what}, then run ${commandLine(command, options)}`,
    ...(hasWrites ? [`or --keep-going, for the rest: ${commandLine(command, { ...options, keepGoing: true })}`] : []),
  ];
}

/** Returns a command with the options of another one that change what is applied. */
function commandLine(command: string, options: RequestCommandOptions): string {
  const {
    file,
    environment,
    adopt = [],
    deleteTrusted = [],
    removeUnmanaged,
    orphans,
    includeAdopted,
    keepGoing,
  } = options;
  const flags: readonly (readonly string[])[] = [
    ...file.map((path) => ['-f', path]),
    ...(environment === undefined ? [] : [['--environment', environment]]),
    ...Object.entries(options.var).map(([name, value]) => ['--var', `${name}=${value}`]),
    ...givenOptions(templateOptions(options)),
    ...adopt.map((what) => ['--adopt', what]),
    ...deleteTrusted.map((what) => ['--delete-trusted', what]),
    ...(removeUnmanaged === true ? [['--remove-unmanaged']] : []),
    ...(orphans === undefined ? [] : [['--orphans', orphans]]),
    ...(includeAdopted === true ? [['--include-adopted']] : []),
    ...(keepGoing ? [['--keep-going']] : []),
  ];
  return ['iam-bootstrap', command, ...flags.flat().map(shellWord)].join(' ');
}
