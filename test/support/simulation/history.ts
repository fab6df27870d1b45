/*
 * What happens in a simulated account, as data: short enough to be printed, and to be kept in a file.
 */

/** The namespaces that write to the account. */
export type Namespace = 'a' | 'b' | 'c';

/** The entities that namespaces declare. */
export const ENTITIES = [
  'Role/deploy',
  'User/robot',
  'Policy/read',
  'InstanceProfile/machine',
  'OpenIDConnectProvider/tokens.example',
  'VirtualMFADevice/robot',
  'Group/people',
  'AccountPasswordPolicy/account',
] as const;
export type EntityName = (typeof ENTITIES)[number];

/** One declared entity of a manifest. What is not given is not declared. */
export interface Declaration {
  readonly entity: EntityName;
  readonly state?: 'absent';
  readonly adopt?: 'own' | 'foreign';
  readonly observe?: true;
  readonly shared?: true;
  readonly unmanaged?: 'remove';
  readonly replace?: true;
  /** Accounts that may assume the role. */
  readonly trust?: readonly string[];
  readonly boundary?: string | null;
  /** Actions that each inline policy allows. */
  readonly inline?: Readonly<Record<string, readonly string[]>>;
  /** Attached policies: names of AWS's, or `read`. */
  readonly attached?: readonly string[];
  readonly path?: string;
  /** Actions that the managed policy allows. */
  readonly allows?: readonly string[];
  /** The role of the instance profile, or the users of the group. */
  readonly members?: readonly string[];
  readonly clientIds?: readonly string[];
  readonly minimumLength?: number;
}

/** What one client asks for. */
export interface RunSpec {
  readonly namespace: Namespace;
  readonly command?: 'release' | 'destroy';
  readonly declares: readonly Declaration[];
  readonly keepGoing?: true;
  /** Unmanaged content goes at a first adoption, too. */
  readonly removeUnmanaged?: true;
  /** The plan needs an approval, and gets this decision. */
  readonly approval?: 'approve' | 'reject';
  /** What left the manifest is deleted or released. Default: it is reported. */
  readonly orphans?: 'release' | 'remove';
  readonly environment?: string;
  readonly revision?: number;
}

/** What happens to a call of the engine, or right before it. */
export type Happening =
  | { readonly hand: string }
  | { readonly fault: 'the reply is lost' | 'the call is lost' | 'access is denied' }
  | { readonly fault: 'AWS throttles'; readonly seconds: number }
  | { readonly fault: 'a read is stale'; readonly writes: number }
  | { readonly fault: 'the worker dies before it' | 'the worker dies after it' | 'the worker is suspended' }
  | { readonly fault: 'the run is terminated' | 'the run is cancelled' };

/** A happening and its moment: the n-th call of the step, or the first call of an operation. */
export type Event = Happening & ({ readonly call: number } | { readonly before: string });

/** One step of a history: one or two runs with what happens to their calls, or a write by hand. */
export type Step =
  | {
      readonly run: RunSpec;
      /** A second client that asks while the first run is under way, from this call on. */
      readonly beside?: RunSpec & { readonly from?: number };
      readonly events?: readonly Event[];
      /** Which of the waiting callers goes next, where several wait. */
      readonly order?: readonly number[];
    }
  | { readonly hand: string }
  /** A client starts the entity run that was started last, by itself. */
  | { readonly forge: Forgery };

/** The change that a client makes to the request of an entity run before it starts it by itself. */
export type Forgery = 'nothing' | 'action' | 'intent' | 'entity' | 'approval' | 'plan';
export const FORGERIES: readonly Forgery[] = ['nothing', 'action', 'intent', 'entity', 'approval', 'plan'];

export type History = readonly Step[];

/** Returns a history as text, a line for each step. */
export function historyText(history: History): string {
  return history.map((step, index) => `  ${String(index + 1)}. ${stepText(step)}`).join('\n');
}

function stepText(step: Step): string {
  if ('hand' in step) return `by hand: ${step.hand}`;
  if ('forge' in step) return `a client starts the last entity run by itself, with a change of: ${step.forge}`;
  const { run, beside, events = [], order } = step;
  return [
    runText(run),
    ...(beside === undefined ? [] : [`beside it from call ${String(beside.from ?? 1)} on: ${runText(beside)}`]),
    ...events.map(eventText),
    ...(order === undefined ? [] : [`order ${order.join(' ')}`]),
  ].join('\n       ');
}

function eventText(event: Event): string {
  const moment = 'call' in event ? `call ${String(event.call)}` : event.before;
  if ('hand' in event) return `before ${moment}, by hand: ${event.hand}`;
  const { fault, ...rest } = event;
  const more =
    'seconds' in rest ? ` for ${String(rest.seconds)} s` : 'writes' in rest ? ` by ${String(rest.writes)}` : '';
  return `at ${moment}: ${fault}${more}`;
}

function runText(spec: RunSpec): string {
  const { namespace, command, declares, keepGoing, removeUnmanaged, approval, orphans, environment, revision } = spec;
  const options = [
    ...(keepGoing === true ? ['--keep-going'] : []),
    ...(removeUnmanaged === true ? ['--remove-unmanaged'] : []),
    ...(approval === undefined ? [] : [`with approval (${approval})`]),
    ...(orphans === undefined ? [] : [`--orphans ${orphans}`]),
    ...(environment === undefined ? [] : [`in ${environment}`]),
    ...(revision === undefined ? [] : [`revision ${String(revision)}`]),
  ];
  return [`${namespace}: ${[command ?? 'apply', ...options].join(' ')}`, ...declares.map(declarationText)].join(
    '\n         ',
  );
}

function declarationText({ entity, ...rest }: Declaration): string {
  return `${entity} ${JSON.stringify(rest)}`;
}
