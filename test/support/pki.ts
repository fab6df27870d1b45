import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findPython } from './sandbox.js';

/** Keys and certificates, in PEM format unless noted. */
export interface Pki {
  readonly root: string;
  /** Issued by the root. */
  readonly leaf: string;
  readonly leafKey: string;
  readonly otherKey: string;
  readonly expired: string;
  readonly expiredKey: string;
  /** Self-signed certificates: the maximum of one user, and one more. */
  readonly signing: readonly string[];
  /** RSA keys in ssh-rsa format. {@link Pki.sshPem} is the first of them in PEM format. */
  readonly ssh: readonly string[];
  readonly sshPem: string;
  readonly sshShort: string;
}

/** Makes keys and certificates with the sandbox's Python: Node.js cannot make certificates. */
export async function makePki(): Promise<Pki> {
  const { stdout } = await promisify(execFile)(await findPython(), ['-c', MAKE_PKI]);
  return JSON.parse(stdout) as Pki;
}

const MAKE_PKI = `
import json
from datetime import datetime, timedelta, timezone
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

now = datetime.now(timezone.utc)

def key():
    return ec.generate_private_key(ec.SECP256R1())

def name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

def certificate(subject, own, issuer, by, days=90):
    ends = now + timedelta(days=days)
    builder = x509.CertificateBuilder(name(issuer), name(subject), own.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(ends - timedelta(days=100)).not_valid_after(ends).sign(by, hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()

def private(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

def ssh(key):
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

root, leaf, expired = key(), key(), key()
rsa_keys = [rsa.generate_private_key(65537, 2048) for _ in range(6)]
print(json.dumps({
    "root": certificate("root", root, "root", root),
    "leaf": certificate("leaf", leaf, "root", root),
    "leafKey": private(leaf),
    "otherKey": private(key()),
    "expired": certificate("old", expired, "old", expired, days=-1),
    "expiredKey": private(expired),
    "signing": [certificate("own", own, "own", own) for own in (key(), key(), key())],
    "ssh": [ssh(key) for key in rsa_keys],
    "sshPem": rsa_keys[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    "sshShort": ssh(rsa.generate_private_key(65537, 1024)),
}))
`;
