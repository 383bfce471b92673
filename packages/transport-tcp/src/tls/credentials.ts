import { readFile, stat } from 'node:fs/promises';
import type { SecureVersion } from 'node:tls';
import { VfioUserError } from '@vfio-user/core';
import { attemptFailed } from '@vfio-user/core/internal';
import type { NetworkEndpoint, TlsFiles } from '../address/endpoint.js';
import { CIPHER_SUITES } from './traffic-secret.js';

/** Everything older has known weaknesses, and both ends are ours. */
const VERSION: SecureVersion = 'TLSv1.3';

/** What one side of TLS is set up with, as Node's options have it. */
export interface Credentials {
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  readonly ciphers: string;
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/**
 * A client needs no certificate of its own unless the server asks for one, a server always does.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when the URI names none.
 */
export function requireCertificate({ href, tls }: NetworkEndpoint): void {
  if (tls.cert !== undefined && tls.key !== undefined) return;
  throw invalid(
    href,
    'a server needs a certificate and its key: add ?cert=server.pem&key=server.key, and ca=clients.pem to let only certain clients in',
  );
}

/**
 * Read the certificates and keys that a URI names.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` naming the file that cannot be used.
 */
export async function loadCredentials({ href, tls }: NetworkEndpoint): Promise<Credentials> {
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalid(href, 'a certificate and its key go together: give both cert= and key=');
  }
  const options: { -readonly [Key in keyof Credentials]: Credentials[Key] } = {
    minVersion: VERSION,
    maxVersion: VERSION,
    ciphers: CIPHER_SUITES,
  };
  for (const name of ['ca', 'cert', 'key'] as const) {
    const file = tls[name];
    if (file !== undefined) options[name] = await read(href, name, file);
  }
  const { createSecureContext } = await import('node:tls');
  try {
    createSecureContext(options);
    return options;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalid(
      href,
      `${namesOf(tls)} cannot be used: ${reason}. Expected are PEM files, and a key without a passphrase that belongs to the certificate`,
      cause,
    );
  }
}

async function read(href: string, name: keyof TlsFiles, file: string): Promise<Buffer> {
  const what = `${name}=${file}`;
  try {
    // Reading a pipe that nobody writes to would keep one of the few threads for file access for ever.
    if ((await stat(file)).isFile()) return await readFile(file);
  } catch (cause) {
    throw attemptFailed('read-file', `${href}: ${what}`, cause, { code: 'VFU_CONFIG_INVALID' });
  }
  throw invalid(
    href,
    `${what} is no regular file: it is read again for each connection, so that renewed certificates are found`,
  );
}

function namesOf({ ca, cert, key }: TlsFiles): string {
  return [ca, cert, key].filter((file) => file !== undefined).join(', ');
}

function invalid(href: string, what: string, cause?: unknown): VfioUserError {
  return new VfioUserError('VFU_CONFIG_INVALID', `${href}: ${what}`, { cause });
}
