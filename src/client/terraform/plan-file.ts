import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { ExitCode } from '../../contract/failures.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import { addressOf } from './addresses.js';
import { isRecord, planOf, planShape, type ResourceChange, type TerraformPlan } from './plan.js';

/** Reports a file that is no plan, or one that cannot be judged. */
export class PlanFileError extends UserFacingError {
  override readonly name = 'PlanFileError';
  override readonly exitCode = ExitCode.Usage;
}

const SHOW =
  'write the plan with `terraform plan -out=tfplan` and print it with `terraform show -json tfplan > plan.json`';

/** Options for reading plans. */
export interface PlanFileOptions {
  /** Take a plan that leaves changes to a later one. Default: refuse it. */
  readonly allowIncomplete?: boolean | undefined;
}

/**
 * Reads a plan. Its values may be secret: no message quotes them.
 *
 * @param file - the path, or - for standard input
 * @param options - which plans to take
 * @throws PlanFileError
 */
export async function readPlanFile(file: string, options: PlanFileOptions = {}): Promise<TerraformPlan> {
  return parsePlan(file, await readText(file), options);
}

async function readText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = file === '-' ? await buffer(process.stdin) : await readFile(file);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : code;
    throw new PlanFileError(
      `${file}: cannot be read: ${reason}`,
      'name the output of `terraform show -json` with --terraform',
    );
  }
  if (bytes.subarray(0, 2).toString('latin1') === 'PK') {
    throw new PlanFileError(
      `${file}: is a binary plan, as \`terraform plan -out\` writes it`,
      'print it as JSON: `terraform show -json FILE > plan.json`',
    );
  }
  // PowerShell redirects as UTF-16.
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return bytes.toString(isUtf16 ? 'utf16le' : 'utf8').replace(/^\ufeff/, '');
}

/**
 * Parses the text of a plan.
 *
 * @throws PlanFileError
 */
export function parsePlan(
  file: string,
  text: string,
  { allowIncomplete = false }: PlanFileOptions = {},
): TerraformPlan {
  const content = parseJson(file, text);
  assertPlan(file, content);
  const parsed = planShape.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = (issue?.path ?? []).map(String).join('.');
    throw new PlanFileError(
      `${file}: is not a plan that Terraform has printed: ${path}: ${issue?.message ?? ''}`,
      SHOW,
    );
  }
  const plan = parsed.data;
  assertWhole(file, plan, allowIncomplete);
  const { changes, ...rest } = planOf(file, plan);
  return { ...rest, changes: changes.map((change) => ({ ...change, address: checkedAddress(file, change) })) };
}

/**
 * Returns the address that the parts of a change make.
 *
 * @throws PlanFileError where the plan writes another one: an address becomes a part of the file of blocks
 */
function checkedAddress(file: string, change: ResourceChange): string {
  const address = addressOf(change);
  if (address !== undefined && withoutCodePoints(address) === withoutCodePoints(change.address)) return address;
  throw new PlanFileError(
    `${file}: is not a plan that Terraform has printed: ${change.place}.address: is not the address that module_address, type, name and index make`,
    SHOW,
  );
}

/** Returns an address with all characters as themselves: versions of Unicode differ in which can be printed. */
function withoutCodePoints(address: string): string {
  return address.replace(
    /\\u([\da-fA-F]{4})|\\U(000[\da-fA-F]{5}|0010[\da-fA-F]{4})/g,
    (_text, short?: string, long?: string) => String.fromCodePoint(Number.parseInt(short ?? long ?? '', 16)),
  );
}

function parseJson(file: string, text: string): unknown {
  if (text.trim() === '') {
    throw new PlanFileError(`${file}: is empty`, `see whether \`terraform show -json\` failed; ${SHOW}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const [first = ''] = text.trimStart().split('\n');
    if (first.includes('"@level"') || first.includes('"@message"')) {
      throw new PlanFileError(`${file}: is the log of \`terraform plan -json\`, not the plan`, SHOW);
    }
    // The parser's own message quotes the text.
    const [, position] = /position (\d+)/.exec((error as Error).message) ?? [];
    const before = text.slice(0, Number(position ?? 0)).split('\n');
    const at =
      position === undefined
        ? ''
        : ` (line ${String(before.length)}, column ${String((before.at(-1) ?? '').length + 1)})`;
    throw new PlanFileError(`${file}: is not JSON${at}`, SHOW);
  }
}

/** Refuses files of Terraform that are no plans, and plans of another format. */
function assertPlan(file: string, content: unknown): void {
  if (!isRecord(content)) throw new PlanFileError(`${file}: is not a plan: expected an object`, SHOW);
  const hasChanges = 'resource_changes' in content || 'planned_values' in content;
  const isState = 'lineage' in content || ('values' in content && !hasChanges);
  if (isState) throw new PlanFileError(`${file}: is a state, not a plan`, SHOW);
  const { format_version: version } = content;
  if (typeof version !== 'string') {
    const isConfiguration = 'resource' in content || 'terraform' in content;
    throw isConfiguration
      ? new PlanFileError(
          `${file}: is a configuration, as \`cdktf synth\` writes it, not a plan`,
          `run Terraform in its folder: ${SHOW}`,
        )
      : new PlanFileError(`${file}: is not a plan: it has no format_version`, SHOW);
  }
  const [major] = version.split('.');
  if (major !== '1') {
    throw new PlanFileError(
      `${file}: has format version ${version}, and this version of iam-bootstrap reads 1.x`,
      major === '0' ? 'print it with Terraform 1.1 or later, or with OpenTofu' : 'install a newer iam-bootstrap',
    );
  }
}

function assertWhole(
  file: string,
  { errored, complete }: { readonly errored?: boolean | undefined; readonly complete?: boolean | undefined },
  allowIncomplete: boolean,
): void {
  if (errored === true) {
    throw new PlanFileError(
      `${file}: Terraform ended this plan with an error, so changes are missing`,
      'correct what `terraform plan` reports, and plan again',
    );
  }
  if (complete !== false || allowIncomplete) return;
  throw new PlanFileError(
    `${file}: the plan is incomplete: it leaves changes to a later plan`,
    'plan again without -target, or check what it has with --allow-incomplete',
  );
}
