import type { Notification, NotificationType } from '../contract/notification.js';

/** The fields that templates know. */
export const TEMPLATE_FIELDS = [
  'title',
  'type',
  'account',
  'namespace',
  'environment',
  'fleet',
  'summary',
  'reason',
  'remedy',
  'entities',
  'url',
  'runUrl',
  'workflowId',
  'runId',
  'at',
  'id',
] as const;

/** The name of a field. */
export type TemplateField = (typeof TEMPLATE_FIELDS)[number];

const TEMPLATE = /\{\{\s*([\w-]*)\s*\}\}/g;

const TITLES: Readonly<Record<NotificationType, string>> = {
  'drift.found': 'Drift found',
  'drift.gone': 'Drift gone',
  'run.refused': 'Run refused',
  'run.failed': 'Run failed',
  'run.recovered': 'Run converged again',
  'approval.waiting': 'Approval waiting',
  'approval.ended': 'Approval ended',
};

/** Control characters, line ends, and marks that change the direction of text: they would forge lines. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;

/** Returns the problem of a template; undefined where it has none. */
export function templateProblem(text: string): string | undefined {
  for (const [template, name = ''] of text.matchAll(TEMPLATE)) {
    if (!isField(name)) return `${template} is unknown: write one of ${TEMPLATE_FIELDS.join(', ')}`;
  }
  const rest = text.replace(TEMPLATE, '');
  return /\{\{|\}\}/.test(rest) ? 'a template is not closed: write it as in {{namespace}}' : undefined;
}

/** A notification as a channel tells it. */
export interface ToldNotification extends Notification {
  /** Address of the run in the Temporal UI. Null where none is known. */
  readonly runUrl: string | null;
}

/** Returns the title of a notification: `Drift found: platform in 111111111111 (prod)`, or `… in fleet all`. */
export function titleOf({ type, subject: { namespace, account, environment, fleet = '' } }: Notification): string {
  const inAccount = `${account ?? ''}${environment === '' ? '' : ` (${environment})`}`;
  return printable(`${TITLES[type]}: ${namespace} in ${account === null ? `fleet ${fleet}` : inAccount}`);
}

/**
 * Returns the text of a notification. Values are inserted once and never read as templates.
 *
 * @param told - the notification
 * @param template - a text with templates. Default: a line for each field that is known
 */
export function renderText(told: ToldNotification, template: string | undefined): string {
  const fields = fieldsOf(told);
  if (template !== undefined) {
    return template.replace(TEMPLATE, (whole, name: string) => (isField(name) ? fields[name] : whole));
  }
  const labelled = (label: string, name: TemplateField): string =>
    fields[name] === '' ? '' : `${label}: ${fields[name]}`;
  return [
    fields.title,
    fields.summary,
    labelled('Reason', 'reason'),
    fields.entities,
    labelled('Remedy', 'remedy'),
    labelled('Requested by', 'url'),
    labelled('Run', 'runUrl'),
    // Two messages may arrive in the wrong order, after a receiver was down.
    labelled('At', 'at'),
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function fieldsOf(told: ToldNotification): Readonly<Record<TemplateField, string>> {
  const { type, subject, summary, reason, remedy, entities, omittedEntities, runUrl, at, id } = told;
  const { account, namespace, environment, fleet, url, workflowId, runId } = subject;
  const lines = entities.map((entity) => printable(`${entity.id}: ${entity.line}`));
  const more = omittedEntities > 0 ? [`and ${String(omittedEntities)} more`] : [];
  const texts = { account, namespace, environment, fleet, summary, reason, remedy, url, runUrl, workflowId, runId };
  const shown = Object.entries(texts).map(([name, text]) => [name, printable(text ?? '')]);
  return {
    ...(Object.fromEntries(shown) as Record<keyof typeof texts, string>),
    title: titleOf(told),
    type,
    at: printable(at),
    id: printable(id),
    entities: [...lines, ...more].join('\n'),
  };
}

function printable(text: string): string {
  return text.replace(UNPRINTABLE, ' ');
}

function isField(name: string): name is TemplateField {
  return TEMPLATE_FIELDS.some((known) => known === name);
}
