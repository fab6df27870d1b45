/** An OIDC issuer that many organizations share: everyone on the internet can get tokens of it. */
export interface SharedIssuer {
  /** The claim that AWS has a trust policy limit. Undefined where AWS does not ask. */
  readonly trustClaim?: 'sub' | 'aud';
  /** Claims with the name or the ID of one customer. `sub` tells customers apart everywhere. Default: none. */
  readonly owners?: readonly string[];
  /** Claims with a path that begins with the name of one customer. Default: none. */
  readonly paths?: readonly string[];
  /** The holders of tokens that nothing tells apart, for people. Default: every customer. */
  readonly everyone?: string;
}

const CIRCLECI: SharedIssuer = {
  trustClaim: 'sub',
  owners: ['oidc.circleci.com/project-id'],
  everyone: 'every project of the organization at',
};

const GITHUB: SharedIssuer = {
  trustClaim: 'sub',
  owners: ['repository_id', 'repository_owner', 'repository_owner_id', 'enterprise', 'enterprise_id'],
  // Anyone may call a public workflow, so that `job_workflow_ref` tells nothing.
  paths: ['repository'],
};

const TERRAFORM: SharedIssuer = {
  trustClaim: 'sub',
  owners: ['terraform_organization_name', 'terraform_organization_id', 'terraform_workspace_id'],
};

/**
 * Shared issuers by their URL without the scheme.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html
 */
const SHARED_ISSUERS: ReadonlyMap<string, SharedIssuer> = new Map<string, SharedIssuer>([
  ['accounts.google.com', { owners: ['hd', 'email'] }],
  ['agent.buildkite.com', { trustClaim: 'sub', owners: ['organization_slug', 'organization_id', 'pipeline_id'] }],
  ['api.pulumi.com/oidc', { trustClaim: 'aud' }],
  ['app.eu.terraform.io', TERRAFORM],
  ['app.terraform.io', TERRAFORM],
  ['cognito-identity.amazonaws.com', { trustClaim: 'aud' }],
  [
    'gitlab.com',
    { trustClaim: 'sub', owners: ['project_id', 'namespace_id'], paths: ['project_path', 'namespace_path'] },
  ],
  ['oidc-configuration.audit-log.githubusercontent.com', { trustClaim: 'sub' }],
  ['oidc.codefresh.io', { trustClaim: 'sub', owners: ['account_id', 'account_name'] }],
  ['oidc.vercel.com', { trustClaim: 'aud', owners: ['owner', 'owner_id', 'project_id'] }],
  ['proidc.upbound.io', { trustClaim: 'sub' }],
  ['sandboxes.cloud', { trustClaim: 'aud' }],
  ['scalr.io', { trustClaim: 'sub' }],
  ['studio.datachain.ai/api', { trustClaim: 'sub' }],
  ['token.actions.githubusercontent.com', GITHUB],
  ['tokens.cloud.shisho.dev', { trustClaim: 'sub' }],
  ['vstoken.actions.githubusercontent.com', { trustClaim: 'sub' }],
]);

/**
 * Returns the issuer of a URL, with its scheme or without, where many share it. CircleCI has an issuer for each organization,
 * whose projects share it.
 */
export function sharedIssuer(url: string): SharedIssuer | undefined {
  const issuer = url.replace(/^https:\/\//, '').replace(/\/$/, '');
  return issuer.startsWith('oidc.circleci.com/org/') ? CIRCLECI : SHARED_ISSUERS.get(issuer);
}
