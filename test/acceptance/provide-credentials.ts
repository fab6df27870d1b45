import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';

/** Prints the credentials of the environment as JSON, or those of a role that they assume: REGION [ROLE-ARN]. */
async function provide(region: string, roleArn: string | undefined): Promise<void> {
  const own = fromNodeProviderChain();
  const provider =
    roleArn === undefined
      ? own
      : fromTemporaryCredentials({
          masterCredentials: own,
          params: { RoleArn: roleArn, RoleSessionName: 'iam-bootstrap-acceptance' },
          clientConfig: { region },
        });
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = await provider();
  process.stdout.write(JSON.stringify({ accessKeyId, secretAccessKey, sessionToken, expiration }));
}

const [region = 'us-east-1', roleArn] = process.argv.slice(2);
provide(region, roleArn).catch((error: unknown) => {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
