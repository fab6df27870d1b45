import type { Played } from '../play.js';
import * as approvals from './approvals.js';
import type { Rule } from './facts.js';
import * as grants from './grants.js';
import * as ownership from './ownership.js';
import * as promises from './promises.js';
import * as reports from './reports.js';

/** Every rule, by its name. */
const RULES: Readonly<Record<string, Rule>> = { ...ownership, ...reports, ...promises, ...grants, ...approvals };

/** Returns a line for each time that a history breaks a rule. */
export function violations(played: Played): readonly string[] {
  return Object.entries(RULES).flatMap(([name, rule]) => rule(played).map((line) => `${name}: ${line}`));
}
