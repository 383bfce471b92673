import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate that both sides show and trust, and its key: PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Make one for 127.0.0.1 that signed itself. */
export async function makeCertificate(folder: string): Promise<Certificate> {
  const cert = join(folder, 'bench.pem');
  const key = join(folder, 'bench.key');
  const fixed = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -batch';
  const names = ['-subj', '/CN=bench', '-addext', 'subjectAltName=IP:127.0.0.1'];
  try {
    await run('openssl', [...fixed.split(' '), ...names, '-keyout', key, '-out', cert]);
  } catch (error) {
    throw new Error('cannot make a certificate: install openssl', { cause: error });
  }
  return { cert, key };
}

/** A URI to listen on, of a scheme with TLS, for clients that show the same certificate. */
export function secureUri(scheme: string, { cert, key }: Certificate): string {
  return `${scheme}://127.0.0.1:0?${new URLSearchParams({ cert, key, ca: cert })}`;
}

/** How our C programs learn of it. */
export function certificateVariables({ cert, key }: Certificate): NodeJS.ProcessEnv {
  return { TLS_CERTIFICATE: cert, TLS_KEY: key };
}
