/** One value or a list of them, as policies have it. */
type OneOrMore<T> = T | readonly T[];

/** Principals by their type: `{ AWS: 'arn:…' }`; `*` means everybody. */
type Principals = '*' | Readonly<Record<string, OneOrMore<string>>>;

/** A statement of a policy document. */
export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny' | (string & {});
  /** In trust policies only. */
  readonly Principal?: Principals;
  readonly NotPrincipal?: Principals;
  readonly Action?: OneOrMore<string>;
  readonly NotAction?: OneOrMore<string>;
  readonly Resource?: OneOrMore<string>;
  readonly NotResource?: OneOrMore<string>;
  /** Values by operator and key: `{ StringEquals: { 'aws:SourceAccount': '111111111111' } }`. */
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMore<string | number | boolean>>>>>;
}

/**
 * A policy document. Its words are checked when the manifest is loaded.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
export interface PolicyDocument {
  readonly Version?: '2012-10-17' | '2008-10-17' | (string & {});
  readonly Id?: string;
  readonly Statement: OneOrMore<PolicyStatement>;
}
