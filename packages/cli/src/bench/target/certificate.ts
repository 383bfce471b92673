import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate that both sides show and trust, and its key: PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Make one that signed itself, for addresses of this machine. It is thrown away with `folder`. */
export async function makeCertificate(
  folder: string,
  addresses: readonly string[],
): Promise<Certificate> {
  const cert = join(folder, 'bench.pem');
  const key = join(folder, 'bench.key');
  const fixed = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -batch';
  const names = `subjectAltName=${addresses.map((address) => `IP:${address}`).join(',')}`;
  const args = ['-subj', '/CN=bench', '-addext', names, '-keyout', key, '-out', cert];
  await run('openssl', [...fixed.split(' '), ...args]);
  return { cert, key };
}

/** Query of a URI for both sides of a connection. */
export function certificateQuery({ cert, key }: Certificate): string {
  return `?${new URLSearchParams({ cert, key, ca: cert })}`;
}
