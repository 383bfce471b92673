import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

/** A new key of its own, without a password. */
const NEW_KEY = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch';

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
  /** What it may be used for, for example `serverAuth`; default: everything. */
  readonly usage?: string;
}

export interface AuthorityOptions {
  /** Names to certify for itself, so that both sides of a connection can show it. */
  readonly names?: string;
}

/** File names of a certificate and its key, PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority in a folder, valid for two days, made by the openssl command. */
export class Authority implements Certificate {
  readonly cert: string;
  readonly key: string;
  readonly #folder: string;
  #serial = 1;

  constructor(folder: string, name: string, { names }: AuthorityOptions = {}) {
    this.#folder = folder;
    this.cert = `${folder}/${name}.pem`;
    this.key = `${folder}/${name}.key`;
    openssl(`req -x509 ${NEW_KEY} -days 2`, [
      ...['-subj', `/CN=${name}`, '-keyout', this.key, '-out', this.cert],
      ...(names === undefined ? [] : ['-addext', `subjectAltName=${names}`]),
    ]);
  }

  /** A certificate signed by this authority. */
  issue(
    name: string,
    { names = 'DNS:localhost,IP:127.0.0.1,IP:::1', days = 2, usage }: CertificateOptions = {},
  ): Certificate {
    const cert = `${this.#folder}/${name}.pem`;
    const key = `${this.#folder}/${name}.key`;
    const request = `${this.#folder}/${name}.csr`;
    const extensions = `${this.#folder}/${name}.ext`;
    const extendedUsage = usage === undefined ? '' : `extendedKeyUsage=${usage}\n`;
    writeFileSync(extensions, `subjectAltName=${names}\n${extendedUsage}`);
    openssl(`req -new ${NEW_KEY}`, ['-subj', `/CN=${name}`, '-keyout', key, '-out', request]);
    openssl('x509 -req', [
      ...['-in', request, '-CA', this.cert, '-CAkey', this.key, '-extfile', extensions],
      ...['-set_serial', String(this.#serial++), '-days', String(days), '-out', cert],
    ]);
    return { cert, key };
  }
}

/** The query of a URI for an end that shows `shown` and trusts what `authority` signed. */
export function certificateQuery(shown: Certificate, authority: Certificate = shown): string {
  return `?${new URLSearchParams({ cert: shown.cert, key: shown.key, ca: authority.cert })}`;
}

function openssl(words: string, rest: readonly string[]): void {
  execFileSync('openssl', [...words.split(' '), ...rest], { stdio: ['ignore', 'ignore', 'pipe'] });
}
