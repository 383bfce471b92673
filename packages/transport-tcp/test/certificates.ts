import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

/** Why certificates cannot be made here, `false` when they can: for `skip`. */
export function noOpenssl(): string | false {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'there is no openssl command here: install openssl';
  }
}

export interface CertificateOptions {
  /** What it certifies, for example `DNS:localhost,IP:127.0.0.1`. */
  readonly names?: string;
  /** Until when it is valid, days from now. */
  readonly days?: number;
}

/** File names of a certificate and its key. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority in a folder, made by the openssl command. */
export class Authority implements Certificate {
  readonly cert: string;
  readonly key: string;
  readonly #folder: string;
  #serial = 1;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.cert = `${folder}/${name}.pem`;
    this.key = `${folder}/${name}.key`;
    openssl('req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -batch', [
      ...['-subj', `/CN=${name}`, '-keyout', this.key, '-out', this.cert],
    ]);
  }

  /** A certificate signed by this authority. */
  issue(
    name: string,
    { names = 'DNS:localhost,IP:127.0.0.1,IP:::1', days = 2 }: CertificateOptions = {},
  ): Certificate {
    const cert = `${this.#folder}/${name}.pem`;
    const key = `${this.#folder}/${name}.key`;
    const request = `${this.#folder}/${name}.csr`;
    const extensions = `${this.#folder}/${name}.ext`;
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    openssl('req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch', [
      ...['-subj', `/CN=${name}`, '-keyout', key, '-out', request],
    ]);
    openssl('x509 -req', [
      ...['-in', request, '-CA', this.cert, '-CAkey', this.key, '-extfile', extensions],
      ...['-set_serial', String(this.#serial++), '-days', String(days), '-out', cert],
    ]);
    return { cert, key };
  }
}

function openssl(words: string, rest: readonly string[]): void {
  execFileSync('openssl', [...words.split(' '), ...rest], { stdio: ['ignore', 'ignore', 'pipe'] });
}
