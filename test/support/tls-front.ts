import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { promisify } from 'node:util';
import { findPython } from './sandbox.js';

/** Writes a private CA and certificates of it to a folder: `ca.pem`, `server.pem`, `client.pem` and `renewed-client.pem`, with their `.key` files. */
export async function makePrivateCa(folder: string, host: string): Promise<void> {
  await promisify(execFile)(await findPython(), ['-c', MAKE_CA, folder, host]);
}

const MAKE_CA = `
import sys
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

folder, host = Path(sys.argv[1]), sys.argv[2]
now = datetime.now(timezone.utc)

def name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

def write(subject, issuer, signer, extensions):
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(name(issuer), name(subject), key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(signer or key, hashes.SHA256())
    (folder / f"{subject}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{subject}.key").write_bytes(pem)
    return key

ca = write("ca", "ca", None, [(x509.BasicConstraints(True, None), True)])
names = [x509.DNSName(host), x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
write("server", "ca", ca, [(x509.BasicConstraints(False, None), True), (x509.SubjectAlternativeName(names), False)])
for client in ("client", "renewed-client"):
    write(client, "ca", ca, [(x509.BasicConstraints(False, None), True), (x509.SubjectAlternativeName(names[:1]), False)])
`;

/** A TLS server in front of a server without TLS. */
export interface TlsFront {
  readonly port: number;
  stop(): void;
}

/** Starts a TLS server with the certificates of {@link makePrivateCa}. With `mutual`, it takes only clients of that CA. */
export async function startTlsFront(folder: string, target: number, { mutual = false } = {}): Promise<TlsFront> {
  const read = (name: string): Promise<Buffer> => readFile(join(folder, name));
  const [ca, cert, key] = await Promise.all([read('ca.pem'), read('server.pem'), read('server.key')]);
  const options = { ca, cert, key, ALPNProtocols: ['h2', 'http/1.1'], requestCert: mutual, rejectUnauthorized: mutual };
  const open = new Set<{ destroy(): unknown }>();
  const server = createServer(options, (socket) => {
    const upstream = connect(target, '127.0.0.1');
    for (const end of [socket, upstream]) {
      open.add(end);
      end
        .on('error', () => undefined)
        .on('close', () => {
          open.delete(end);
          socket.destroy();
          upstream.destroy();
        });
    }
    socket.pipe(upstream).pipe(socket);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      server.close();
      for (const end of open) end.destroy();
    },
  };
}
