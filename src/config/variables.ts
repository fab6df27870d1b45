import { ciVariables } from './ci-provider.js';

/** An environment variable, or several that belong together. */
export interface EnvironmentVariable {
  readonly names: readonly string[];
  /** The purpose, as Markdown without a full stop. */
  readonly meaning: string;
  /** The value where the variable is not set, as Markdown. */
  readonly fallback: string;
  readonly readBy: 'commands' | 'worker' | 'commands and worker';
}

function row(
  names: string | readonly string[],
  readBy: EnvironmentVariable['readBy'],
  meaning: string,
  fallback: string,
): EnvironmentVariable {
  return { names: typeof names === 'string' ? [names] : names, meaning, fallback, readBy };
}

/** All environment variables that the product reads. `docs/configuration.md` is generated from this table. */
export const ENVIRONMENT_VARIABLES: readonly EnvironmentVariable[] = [
  row(
    'TEMPORAL_ADDRESS',
    'commands and worker',
    'Address of the Temporal server',
    '`localhost:7233`; without a server there, commands run an embedded one',
  ),
  row('TEMPORAL_NAMESPACE', 'commands and worker', 'Temporal namespace', '`default`'),
  row('TEMPORAL_API_KEY', 'commands and worker', 'API key of Temporal Cloud. Switches TLS on', 'none'),
  row('TEMPORAL_TLS', 'commands and worker', 'Switches TLS on or off', 'on with an API key or a certificate'),
  row(
    ['TEMPORAL_TLS_SERVER_CA_CERT_PATH', 'TEMPORAL_TLS_SERVER_CA_CERT_DATA'],
    'commands and worker',
    'File of the only CA that Temporal may have, or its content',
    'the usual ones',
  ),
  row(
    ['TEMPORAL_TLS_CLIENT_CERT_PATH', 'TEMPORAL_TLS_CLIENT_CERT_DATA', 'TEMPORAL_TLS_CLIENT_KEY_PATH'],
    'commands and worker',
    'Certificate and key for mTLS; `TEMPORAL_TLS_CLIENT_KEY_DATA` is the content of the key',
    'none',
  ),
  row(
    'TEMPORAL_TLS_SERVER_NAME',
    'commands and worker',
    'The name in the certificate of the server, if it is not that of the address',
    'none',
  ),
  row(
    ['TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'],
    'commands and worker',
    'Profile, and file of profiles, with the connection to Temporal',
    "`default` in `temporalio/temporal.toml` of the user's configuration folder",
  ),
  row('IAM_BOOTSTRAP_TASK_QUEUE', 'commands and worker', 'Task queue of the workers', '`iam-bootstrap`'),
  row(
    'IAM_BOOTSTRAP_LOG',
    'commands and worker',
    'Log level: `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. With `debug`, commands log to standard error, as with `--debug`',
    '`info`',
  ),
  row(
    'IAM_BOOTSTRAP_UI_URL',
    'commands and worker',
    'Address of the Temporal UI, for links',
    'found for a local dev server; otherwise no links',
  ),
  row(
    'IAM_BOOTSTRAP_STATE',
    'commands',
    "Folder of the embedded server's database and logs",
    '`.iam-bootstrap` in the working folder',
  ),
  row(
    'IAM_BOOTSTRAP_CACHE',
    'commands',
    'Folder of what is downloaded or built once',
    "`iam-bootstrap` in the user's cache folder",
  ),
  row('IAM_BOOTSTRAP_TEMPORAL_CLI', 'commands', 'Path of the Temporal CLI that embedded servers use', 'downloaded'),
  row(
    'IAM_BOOTSTRAP_SECRETS',
    'worker',
    'Folder for secrets that a manifest keeps in files',
    'none: such secrets are refused; embedded: `secrets` in the state folder',
  ),
  row(
    'IAM_BOOTSTRAP_GUARDRAILS',
    'worker',
    'File with what the worker allows ([guardrails](guardrails.md)). It is read again when it changes',
    'none: the worker allows everything that its AWS credentials allow',
  ),
  row(
    'IAM_BOOTSTRAP_NOTIFICATIONS',
    'worker',
    'File with the channels by which the worker tells people of drift, refusals, failures and approvals ([notifications](notifications.md)). It is read at the start',
    'none: nobody is told',
  ),
  row(
    ['IAM_BOOTSTRAP_PERMIT_KEY_FILE', 'IAM_BOOTSTRAP_PERMIT_KEY'],
    'worker',
    'File with the key, or the key itself, by which workers with guardrails sign what a plan permits: the same for all workers of a task queue, at least 32 characters. A second line is an older key, which is still accepted',
    'none: required with guardrails, and with a request key; embedded: `permit.key` in the state folder',
  ),
  row(
    ['IAM_BOOTSTRAP_REQUEST_KEY_FILE', 'IAM_BOOTSTRAP_REQUEST_KEY'],
    'commands and worker',
    'File with the key, or the key itself, that commands sign what they ask with: at least 32 characters. A worker that has it takes only what is signed with it, and needs a permit key as well. A second line is an older key, which workers still accept',
    'none: the worker takes the requests of every client; embedded, and in `dev`: `request.key` in the state folder',
  ),
  row(
    ['IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE', 'IAM_BOOTSTRAP_ENCRYPTION_KEYS'],
    'commands and worker',
    'File with the keys, or the keys themselves, that encrypt what Temporal keeps ([encryption](encryption.md)): lines of `id: base64` with 32 bytes each. The first one encrypts, all decrypt. The file is read again when it changes',
    'none: nothing is encrypted',
  ),
  row(
    'IAM_BOOTSTRAP_ENCRYPTION_KMS_KEY',
    'commands and worker',
    'ARN of a key in AWS KMS whose data keys encrypt what Temporal keeps. After a comma, older keys that decrypt only',
    'none',
  ),
  row(
    'IAM_BOOTSTRAP_ENCRYPTION',
    'commands and worker',
    'With `required`, payloads that are not encrypted are refused',
    'they are read, so that encryption can be switched on while runs are open',
  ),
  row('AWS_ENDPOINT_URL_KMS', 'commands and worker', 'Endpoint of AWS KMS in place of AWS, read by the AWS SDK', 'AWS'),
  row(
    ['IAM_BOOTSTRAP_ID_TOKEN_FILE', 'IAM_BOOTSTRAP_ID_TOKEN'],
    'commands',
    'File with an OIDC ID token, or the token itself, that proves who asks or approves ([identity](identity.md)). Its audience is fixed: that of the issuer in the guardrails',
    'the next row',
  ),
  row(
    'IAM_BOOTSTRAP_ID_TOKEN_COMMAND',
    'commands',
    'Command that prints an ID token for the audience in `IAM_BOOTSTRAP_ID_TOKEN_AUDIENCE`, which is set for it',
    'the token of the CI service',
  ),
  row(
    ['ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'],
    'commands',
    'Token service of GitHub Actions, which sets them for jobs with `permissions: id-token: write`',
    'no token',
  ),
  row(
    ['BUILDKITE', 'CIRCLECI', 'GITLAB_CI'],
    'commands',
    'CI service that can give an ID token, if it is `true`',
    'not asked',
  ),
  row('CIRCLE_OIDC_TOKEN_V2', 'commands', 'ID token of CircleCI, where `circleci run oidc get` gives none', 'none'),
  row(
    ['IAM_BOOTSTRAP_LOGIN_ISSUER', 'IAM_BOOTSTRAP_LOGIN_CLIENT_ID'],
    'commands',
    'OIDC issuer and client at which people log in with `approve --login` and `reject --login`',
    'none: required for `--login`',
  ),
  row('IAM_BOOTSTRAP_LOGIN_CLIENT_SECRET', 'commands', 'Secret of that client, if the issuer asks for one', 'none'),
  row('IAM_BOOTSTRAP_LOGIN_SCOPES', 'commands', 'Scopes of the login, separated by spaces', '`openid profile email`'),
  row(
    'IAM_BOOTSTRAP_AWS_TIMEOUT',
    'worker',
    'Seconds until a call to AWS without a reply counts as lost, at most 600',
    '`15`',
  ),
  row(
    'IAM_BOOTSTRAP_SOURCE_IDENTITY',
    'worker',
    'Source identity of assumed-role sessions, which CloudTrail shows. Trust policies have to allow `sts:SetSourceIdentity`',
    'none',
  ),
  row('IAM_BOOTSTRAP_HEALTH', 'worker', '`host:port` of `GET /health`', 'not served'),
  row('IAM_BOOTSTRAP_METRICS', 'worker', '`IP:port` of `GET /metrics` for Prometheus', 'not served'),
  row(
    ['IAM_BOOTSTRAP_DEPLOYMENT', 'IAM_BOOTSTRAP_BUILD_ID'],
    'worker',
    'Worker deployment and build, so that a run stays on the build that started it. Set both or neither',
    'none: every worker takes every run',
  ),
  row(
    ['AWS_REGION', 'AWS_DEFAULT_REGION'],
    'worker',
    "Region of AWS STS, AWS Secrets Manager and Access Analyzer, if it belongs to the account's partition",
    'the `region` of the profile, else the region in which IAM calls are signed',
  ),
  row(
    ['AWS_USE_FIPS_ENDPOINT', 'AWS_USE_DUALSTACK_ENDPOINT'],
    'worker',
    'Takes the FIPS endpoints of AWS, or those that also have IPv6 addresses: `true` or `false`',
    '`use_fips_endpoint` and `use_dualstack_endpoint` of the profile, else `false`',
  ),
  row(
    ['AWS_ENDPOINT_URL_IAM', 'AWS_ENDPOINT_URL'],
    'commands and worker',
    'Endpoint in place of AWS, for an emulator. Commands always show it',
    'AWS',
  ),
  row(
    [
      'AWS_ENDPOINT_URL_STS',
      'AWS_ENDPOINT_URL_SECRETS_MANAGER',
      'AWS_ENDPOINT_URL_CLOUDTRAIL',
      'AWS_ENDPOINT_URL_ACCESSANALYZER',
      'AWS_ENDPOINT_URL_SNS',
      'AWS_ENDPOINT_URL_ORGANIZATIONS',
    ],
    'worker',
    'Endpoints of other services in place of AWS',
    'AWS',
  ),
  row(
    'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
    'commands and worker',
    'With `true`, endpoints in place of AWS are not used',
    '`ignore_configured_endpoint_urls` of the profile, else `false`',
  ),
  row(
    ['AWS_PROFILE', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
    'worker',
    'Credentials, read by the AWS SDK, which also takes its other usual sources. A named profile counts before access keys',
    "the SDK's default chain",
  ),
  row(
    ['AWS_WEB_IDENTITY_TOKEN_FILE', 'AWS_ROLE_ARN'],
    'worker',
    'File of a web identity token, and the role that is assumed with it, as in EKS',
    "the SDK's default chain",
  ),
  row(
    ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'],
    'worker',
    'Credentials of a container, as in ECS and in EKS Pod Identity',
    "the SDK's default chain",
  ),
  row('AWS_EC2_METADATA_DISABLED', 'worker', 'With `true`, the EC2 instance is not asked for credentials', '`false`'),
  row(
    ['HTTPS_PROXY', 'HTTP_PROXY', 'GRPC_PROXY'],
    'commands and worker',
    'HTTP proxy for AWS, by the protocol of the endpoint; for Temporal, the first of `GRPC_PROXY`, `HTTPS_PROXY` and `HTTP_PROXY`. The lower-case name counts first',
    'none; never used for this machine',
  ),
  row(
    ['NO_PROXY', 'NO_GRPC_PROXY'],
    'commands and worker',
    'Hosts to reach without a proxy: names with their subdomains, `host:port`, addresses, ranges, or `*`. `NO_GRPC_PROXY` replaces `NO_PROXY` for Temporal. The lower-case name counts first',
    'none',
  ),
  row(
    'NODE_EXTRA_CA_CERTS',
    'commands and worker',
    'File of further authorities to trust, for AWS and for Temporal',
    "Node.js's own; with `TEMPORAL_TLS_SERVER_CA_CERT_PATH`, that one alone for Temporal",
  ),
  row(
    'AWS_CA_BUNDLE',
    'worker',
    'File of the authorities to trust in calls to AWS, in place of others',
    "Node.js's own",
  ),
  row(
    'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED',
    'commands and worker',
    "Silences the AWS SDK's warning about the version of Node.js",
    '`true`',
  ),
  row(
    ['HOME', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME'],
    'commands and worker',
    'Folders of the user, for the cache and for Temporal profiles',
    "the operating system's",
  ),
  row(
    ['PATH'],
    'commands',
    'Where Python, the Temporal CLI and git are looked for, and `iam-bootstrap` itself, so that the commands that are printed work as printed',
    "the operating system's",
  ),
  row(
    ['USER', 'LOGNAME'],
    'commands',
    'Name of the requester outside of CI',
    'unknown; `approve`, `reject`, `cancel`: the name of the user',
  ),
  row(
    ['GITHUB_ACTIONS', 'GITHUB_STEP_SUMMARY', 'GITHUB_OUTPUT', 'GITHUB_WORKSPACE'],
    'commands',
    'Files for the job summary and step outputs, and the checkout, if `GITHUB_ACTIONS` is `true`',
    'not written',
  ),
  ...ciVariables().map(([service, names]) =>
    row(names, 'commands', `Job, commit and actor in ${service}`, 'not reported'),
  ),
];
