/** A part of a manifest under one heading. */
interface Section {
  readonly title: string;
  /** In the order of the manifest. */
  readonly kinds: readonly string[];
}

/** The sections of a captured manifest, in their order. */
export const SECTIONS: readonly Section[] = [
  {
    title: 'Account',
    kinds: [
      'AccountAlias',
      'AccountPasswordPolicy',
      'AccountProperties',
      'SecurityTokenServicePreferences',
      'OutboundWebIdentityFederation',
      'OrganizationsRootAccess',
    ],
  },
  { title: 'Identity providers', kinds: ['OpenIDConnectProvider', 'SAMLProvider'] },
  { title: 'Policies', kinds: ['Policy'] },
  { title: 'Roles', kinds: ['Role'] },
  { title: 'Service-linked roles', kinds: ['ServiceLinkedRole'] },
  { title: 'Instance profiles', kinds: ['InstanceProfile'] },
  {
    title: 'Users',
    kinds: [
      'User',
      'LoginProfile',
      'AccessKey',
      'ServiceSpecificCredential',
      'SSHPublicKey',
      'SigningCertificate',
      'VirtualMFADevice',
    ],
  },
  { title: 'Groups', kinds: ['Group'] },
  { title: 'Server certificates', kinds: ['ServerCertificate'] },
];

/** Returns the section of a kind. */
export function sectionOf(kind: string): string {
  return SECTIONS.find(({ kinds }) => kinds.includes(kind))?.title ?? 'Other';
}

const KIND_ORDER: readonly string[] = SECTIONS.flatMap(({ kinds }) => kinds);

function rankOf(kind: string): number {
  const rank = KIND_ORDER.indexOf(kind);
  return rank === -1 ? KIND_ORDER.length : rank;
}

/** An entity to put in order. */
interface Sortable {
  readonly kind: string;
  readonly name: string;
  /** The user that it belongs to: it follows that user. */
  readonly user: string | undefined;
}

/** Compares two entities by their place in a manifest: by section, then by name, what belongs to a user after the user. */
export function compareInManifest(a: Sortable, b: Sortable): number {
  const [sectionA, sectionB] = [sectionRank(a.kind), sectionRank(b.kind)];
  if (sectionA !== sectionB) return sectionA - sectionB;
  const byOwner = compareText(a.user ?? a.name, b.user ?? b.name);
  if (byOwner !== 0) return byOwner;
  return rankOf(a.kind) - rankOf(b.kind) || compareText(a.name, b.name);
}

function sectionRank(kind: string): number {
  const rank = SECTIONS.findIndex(({ kinds }) => kinds.includes(kind));
  return rank === -1 ? SECTIONS.length : rank;
}

/** Compares texts without case first, by code units: the order does not depend on the machine. */
export function compareText(a: string, b: string): number {
  const [lowerA, lowerB] = [a.toLowerCase(), b.toLowerCase()];
  if (lowerA !== lowerB) return lowerA < lowerB ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}
