import { entityId } from '../contract/entity.js';
import type { Problem, SourcePosition } from '../engine/manifest/problem.js';
import type { ResolvedManifest } from '../engine/manifest/resolve.js';
import { parseGuardrails, type Guardrails, type ParsedGuardrails } from '../guardrails/parse.js';
import { explainGuardrails, type ExplanationFilter, type GuardrailsExplanation } from '../guardrails/explain.js';
import { evaluateOffline } from '../guardrails/request.js';
import { configuredPolicyChecks, type PolicyCheck } from '../guardrails/rules/access-analyzer.js';
import { violationText, type Violation } from '../guardrails/violation.js';
import { KINDS } from '../kinds/index.js';
import { fileErrorText, readTextFile } from './manifest/load.js';

const REMEDY = "declare what the guardrails allow, or ask the worker's operator to change them";

/** Reads a guardrails file. */
export function loadGuardrails(file: string): ParsedGuardrails {
  let text: string;
  try {
    text = readTextFile(file);
  } catch (error) {
    const message = `cannot be read: ${fileErrorText(error)}`;
    const remedy = 'check the path of the guardrails';
    return { ok: false, problems: [{ file, line: 0, column: 0, path: '', message, remedy }] };
  }
  return parseGuardrails(file, text, { kinds: KINDS.map(({ name }) => name) });
}

/** Returns the checks of policies that a guardrails file asks for in any account; none where it cannot be read. */
export function policyChecksIn(file: string): readonly PolicyCheck[] {
  const parsed = loadGuardrails(file);
  return parsed.ok ? configuredPolicyChecks(parsed.guardrails) : [];
}

/** The explanation of a guardrails file, or the problems of the file. */
type ExplainedFile =
  | { readonly ok: true; readonly explanation: GuardrailsExplanation }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Explains a guardrails file offline: what a worker allows that has it. */
export function explainGuardrailsFile(file: string, filter: ExplanationFilter): ExplainedFile {
  const parsed = loadGuardrails(file);
  return parsed.ok ? { ok: true, explanation: explainGuardrails(parsed.guardrails, filter) } : parsed;
}

/** Returns what manifests declare beyond the guardrails, at its position in the manifests. */
export function refusalsOf(guardrails: Guardrails, { request, positions }: ResolvedManifest): readonly Problem[] {
  const found = evaluateOffline(guardrails, request, KINDS);
  const start = { file: positions[0]?.file ?? request.manifest, line: 0, column: 0 };
  return [
    ...found.request.map((violation) => refusal(violation, start, '')),
    ...found.entities.flatMap((violations, index) => {
      const entity = request.entities[index];
      if (entity === undefined) return [];
      return violations.map((violation) => refusal(violation, positions[index] ?? start, entityId(entity)));
    }),
  ];
}

function refusal(violation: Violation, { file, line, column }: SourcePosition, path: string): Problem {
  return { file, line, column, path, message: violationText(violation), remedy: REMEDY };
}
