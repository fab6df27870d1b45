import { ACCESS_KEY } from './access-key.js';
import { ACCOUNT_ALIAS } from './account-alias.js';
import { ACCOUNT_PASSWORD_POLICY } from './account-password-policy.js';
import { ACCOUNT_PROPERTIES } from './account-properties.js';
import type { KindFixture } from './fixture.js';
import { LOGIN_PROFILE } from './login-profile.js';
import { ORGANIZATIONS_ROOT_ACCESS } from './organizations-root-access.js';
import { OUTBOUND_WEB_IDENTITY_FEDERATION } from './outbound-web-identity-federation.js';
import { PRINCIPALS } from './principals.js';
import { SAML_PROVIDER } from './saml-provider.js';
import { SECURITY_TOKEN_SERVICE_PREFERENCES } from './security-token-service-preferences.js';
import { SERVER_CERTIFICATE } from './server-certificate.js';
import { SERVICE_LINKED_ROLE } from './service-linked-role.js';
import { SERVICE_SPECIFIC_CREDENTIAL } from './service-specific-credential.js';
import { SIGNING_CERTIFICATE } from './signing-certificate.js';
import { SSH_PUBLIC_KEY } from './ssh-public-key.js';
import { VIRTUAL_MFA_DEVICE } from './virtual-mfa-device.js';

export { ACCOUNT } from './fixture.js';
export type { KindFixture } from './fixture.js';

/** What the laws need to know of each kind. */
export const KIND_FIXTURES: Readonly<Record<string, KindFixture>> = {
  ...PRINCIPALS,
  AccessKey: ACCESS_KEY,
  AccountAlias: ACCOUNT_ALIAS,
  AccountPasswordPolicy: ACCOUNT_PASSWORD_POLICY,
  AccountProperties: ACCOUNT_PROPERTIES,
  LoginProfile: LOGIN_PROFILE,
  OrganizationsRootAccess: ORGANIZATIONS_ROOT_ACCESS,
  OutboundWebIdentityFederation: OUTBOUND_WEB_IDENTITY_FEDERATION,
  SecurityTokenServicePreferences: SECURITY_TOKEN_SERVICE_PREFERENCES,
  ServiceLinkedRole: SERVICE_LINKED_ROLE,
  ServiceSpecificCredential: SERVICE_SPECIFIC_CREDENTIAL,
  SAMLProvider: SAML_PROVIDER,
  ServerCertificate: SERVER_CERTIFICATE,
  SigningCertificate: SIGNING_CERTIFICATE,
  SSHPublicKey: SSH_PUBLIC_KEY,
  VirtualMFADevice: VIRTUAL_MFA_DEVICE,
};
