import { awsError } from '../aws/errors.js';
import type { WorkerCheck, WorkerGateActivities } from '../contract/worker-gate.js';
import type { Enforcement } from './runtime/enforcement.js';
import { GuardrailsError } from './runtime/guardrails-file.js';

/** The parts of a worker that its gate checks. Each function rejects with the reason. */
export interface WorkerGateParts {
  readonly deployment: { readonly name: string; readonly buildId: string } | undefined;
  readonly enforcement: Pick<Enforcement, 'guardrails'>;
  /** Reads the worker's Temporal namespace. */
  readonly readNamespace: () => Promise<unknown>;
  /** Returns the names of the search attributes that the namespace lacks. */
  readonly missingSearchAttributes: () => Promise<readonly string[]>;
  /** Asks STS whose the worker's own credentials are. */
  readonly callerIdentity: () => Promise<{ readonly arn: string }>;
  /** The endpoint in place of AWS, without a password. */
  readonly iamEndpoint: { readonly value: string } | undefined;
}

/** Returns the activity that checks a worker before its build gets runs. */
export function createWorkerGate(parts: WorkerGateParts): WorkerGateActivities {
  return {
    checkWorker: async () => ({
      deployment: parts.deployment?.name ?? null,
      build: parts.deployment?.buildId ?? null,
      checks: [
        await checkNamespace(parts),
        await checkSearchAttributes(parts),
        checkGuardrails(parts),
        await checkCredentials(parts),
      ],
    }),
  };
}

async function checkNamespace({ readNamespace }: WorkerGateParts): Promise<WorkerCheck> {
  const name = 'temporal';
  try {
    await readNamespace();
    return ok(name, 'the namespace can be read');
  } catch (error) {
    return fail(name, messageOf(error), 'allow the worker to describe its Temporal namespace');
  }
}

/** Checks the search attributes. Runs work without them, and can then be found by their IDs only. */
async function checkSearchAttributes({ missingSearchAttributes }: WorkerGateParts): Promise<WorkerCheck> {
  const name = 'search attributes';
  const remedy = 'run `iam-bootstrap doctor --fix` as an operator of the Temporal server';
  try {
    const missing = await missingSearchAttributes();
    if (missing.length === 0) return ok(name, 'registered');
    return { name, status: 'warn', message: `not registered: ${missing.join(', ')}`, remedy };
  } catch (error) {
    return { name, status: 'warn', message: `not checked: ${messageOf(error)}`, remedy };
  }
}

function checkGuardrails({ enforcement }: WorkerGateParts): WorkerCheck {
  const name = 'guardrails';
  try {
    const { guardrails } = enforcement;
    if (guardrails !== null) return ok(name, `in force: ${guardrails.digest}`);
    const message = 'none: the worker writes whatever a client asks for and its AWS credentials allow';
    return { name, status: 'warn', message, remedy: 'set IAM_BOOTSTRAP_GUARDRAILS to a file' };
  } catch (error) {
    if (!(error instanceof GuardrailsError)) throw error;
    return fail(name, error.message, error.remedy);
  }
}

async function checkCredentials({ callerIdentity, iamEndpoint }: WorkerGateParts): Promise<WorkerCheck> {
  const name = 'aws credentials';
  try {
    const { arn } = await callerIdentity();
    return ok(name, iamEndpoint === undefined ? arn : `${arn}, at ${iamEndpoint.value} in place of AWS`);
  } catch (error) {
    const { code, message } = awsError(error);
    const remedy = "give the worker's pods credentials of AWS, and a network that reaches STS";
    return fail(name, `${code}: ${message}`, remedy);
  }
}

function ok(name: WorkerCheck['name'], message: string): WorkerCheck {
  return { name, status: 'ok', message, remedy: null };
}

function fail(name: WorkerCheck['name'], message: string, remedy: string): WorkerCheck {
  return { name, status: 'fail', message, remedy };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
