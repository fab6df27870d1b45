import type {
  AccessAnalyzerClient,
  Location,
  ReasonSummary,
  ValidatePolicyCommandOutput,
  ValidatePolicyFinding,
} from '@aws-sdk/client-accessanalyzer';
import type { Json } from '../contract/entity.js';
import { NEW_ACCESS, type PolicyFinding, type PolicyType } from '../contract/policy-findings.js';

/** Pages of findings that are read of one policy. A document of the maximum length has far fewer findings. */
const MAX_PAGES = 50;

/** Fields and indexes of documents that a position shows. A key of a condition may hold any text. */
const SHOWN_PART = /^[\w:.*/-]{1,100}$/;

/** The addresses of AWS's pages about findings. */
const AWS_PAGE = /^https:\/\/docs\.(?:aws\.amazon\.com|amazonaws\.cn)\/[\w./#?=&%-]+$/;

/** The policy checks of AWS IAM Access Analyzer. They read nothing of the account and need no analyzer in it. */
export interface PolicyAnalyzer {
  /** Checks a policy by AWS's rules, with `ValidatePolicy`. Throws the SDK's error. */
  validate(type: PolicyType, document: Json): Promise<readonly PolicyFinding[]>;
  /** Finds access that a policy allows beyond an existing one, with `CheckNoNewAccess`. Throws the SDK's error. */
  compare(type: PolicyType, document: Json, existing: Json): Promise<readonly PolicyFinding[]>;
}

/** Makes the policy checks with a client, which is created at the first of them. */
export function createPolicyAnalyzer(client: () => Promise<AccessAnalyzerClient>): PolicyAnalyzer {
  return {
    validate: async (type, document) => {
      const { ValidatePolicyCommand } = await import('@aws-sdk/client-accessanalyzer');
      const input = {
        policyDocument: JSON.stringify(document),
        policyType: POLICY_TYPES[type],
        ...(type === 'trust' ? { validatePolicyResourceType: 'AWS::IAM::AssumeRolePolicyDocument' as const } : {}),
      };
      const findings: PolicyFinding[] = [];
      let nextToken: string | undefined;
      for (let page = 1; page <= MAX_PAGES; page += 1) {
        const reply: ValidatePolicyCommandOutput = await (
          await client()
        ).send(new ValidatePolicyCommand({ ...input, nextToken }));
        findings.push(...(reply.findings ?? []).map(findingOf));
        ({ nextToken } = reply);
        if (nextToken === undefined) return findings;
      }
      throw new Error(`Access Analyzer has more than ${String(MAX_PAGES)} pages of findings about one policy`);
    },
    compare: async (type, document, existing) => {
      const { CheckNoNewAccessCommand } = await import('@aws-sdk/client-accessanalyzer');
      const input = {
        newPolicyDocument: JSON.stringify(document),
        existingPolicyDocument: JSON.stringify(existing),
        policyType: POLICY_TYPES[type],
      };
      const { result, reasons = [] } = await (await client()).send(new CheckNoNewAccessCommand(input));
      if (result === 'PASS') return [];
      // An answer that is neither PASS nor FAIL confirms nothing.
      return (reasons.length === 0 ? [{}] : reasons).map(newAccessOf);
    },
  };
}

const POLICY_TYPES = { identity: 'IDENTITY_POLICY', trust: 'RESOURCE_POLICY' } as const;

function findingOf({
  issueCode = 'UNKNOWN',
  findingType = 'ERROR',
  findingDetails = '',
  learnMoreLink = '',
  locations = [],
}: ValidatePolicyFinding): PolicyFinding {
  return {
    code: issueCode,
    type: findingType,
    message: findingDetails,
    path: pathOf(locations[0]),
    link: AWS_PAGE.test(learnMoreLink) ? learnMoreLink : null,
  };
}

function newAccessOf({ statementIndex }: ReasonSummary): PolicyFinding {
  return {
    code: NEW_ACCESS,
    type: 'SECURITY_WARNING',
    message: 'allows what the live policy does not',
    path: statementIndex === undefined ? '' : `Statement[${String(statementIndex)}]`,
    link: null,
  };
}

/** Returns a position as `Statement[0].Resource[1]`, up to its first part that is no name. */
function pathOf(location: Location | undefined): string {
  let path = '';
  for (const { index, key, value } of location?.path ?? []) {
    const name = value ?? key;
    if (index !== undefined) path += `[${String(index)}]`;
    else if (name !== undefined && SHOWN_PART.test(name)) path += path === '' ? name : `.${name}`;
    else break;
  }
  return path;
}
