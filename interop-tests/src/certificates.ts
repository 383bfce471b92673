// Certificates for one test: an authority, a server and a client that know each other by it. Made with openssl.

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ELLIPTIC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Names of PEM files, as the query of a `tls:` URI takes them. */
export interface Credentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  readonly server: Credentials;
  readonly client: Credentials;
}

/** Makes everything in `folder`, valid for a day; the server's certificate is for its IP address. */
export async function makeCertificates(
  folder: string,
  serverAddress: string,
): Promise<Certificates> {
  const ca = join(folder, 'ca.pem');
  const caKey = join(folder, 'ca.key');
  const name = ['-subj', '/CN=vfio-user interop tests', '-days', '1'];
  await run('openssl', ['req', '-x509', ...ELLIPTIC, '-keyout', caKey, '-out', ca, ...name]);

  async function issue(who: string, extensions: string): Promise<Credentials> {
    const file = (end: string): string => join(folder, `${who}.${end}`);
    const [cert, key, request, extensionFile] = ['pem', 'key', 'csr', 'ext'].map(file) as [
      string,
      string,
      string,
      string,
    ]; // as many as there are ends
    const subject = ['-subj', `/CN=${who}`];
    await run('openssl', ['req', ...ELLIPTIC, '-keyout', key, '-out', request, ...subject]);
    await writeFile(extensionFile, extensions);
    const signer = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '1'];
    const files = ['-in', request, '-out', cert, '-extfile', extensionFile];
    await run('openssl', ['x509', '-req', ...signer, ...files]);
    return { ca, cert, key };
  }

  return {
    server: await issue(
      'server',
      `subjectAltName=IP:${serverAddress}\nextendedKeyUsage=serverAuth\n`,
    ),
    client: await issue('client', 'extendedKeyUsage=clientAuth\n'),
  };
}
