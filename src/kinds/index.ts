import { accessKey } from './access-key.js';
import { accountAlias } from './account-alias.js';
import { accountPasswordPolicy } from './account-password-policy.js';
import { accountProperties } from './account-properties.js';
import { group } from './group.js';
import { instanceProfile } from './instance-profile.js';
import type { Kind } from './kind.js';
import { loginProfile } from './login-profile.js';
import { openIdConnectProvider } from './open-id-connect-provider.js';
import { organizationsRootAccess } from './organizations-root-access.js';
import { outboundWebIdentityFederation } from './outbound-web-identity-federation.js';
import { policy } from './policy.js';
import { role } from './role.js';
import { samlProvider } from './saml-provider.js';
import { securityTokenServicePreferences } from './security-token-service-preferences.js';
import { serverCertificate } from './server-certificate.js';
import { serviceLinkedRole } from './service-linked-role.js';
import { serviceSpecificCredential } from './service-specific-credential.js';
import { signingCertificate } from './signing-certificate.js';
import { sshPublicKey } from './ssh-public-key.js';
import { user } from './user.js';
import { virtualMfaDevice } from './virtual-mfa-device.js';

/** Every kind, one line each. */
export const KINDS: readonly Kind[] = [
  role,
  policy,
  user,
  group,
  instanceProfile,
  openIdConnectProvider,
  accessKey,
  accountAlias,
  accountPasswordPolicy,
  accountProperties,
  loginProfile,
  organizationsRootAccess,
  outboundWebIdentityFederation,
  securityTokenServicePreferences,
  serviceLinkedRole,
  serviceSpecificCredential,
  samlProvider,
  serverCertificate,
  signingCertificate,
  sshPublicKey,
  virtualMfaDevice,
];

/** The kind of that name; undefined for a name that no kind has. */
export function findKind(name: string): Kind | undefined {
  return KINDS.find((kind) => kind.name === name);
}
