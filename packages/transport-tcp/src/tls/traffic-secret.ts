import { createHmac } from 'node:crypto';
import { type AeadName, NONCE_BYTES } from '@vfio-user/posix-ffi';

/** What a cipher suite of TLS 1.3 consists of. */
export interface CipherSuite {
  readonly aead: AeadName;
  readonly keyBytes: number;
  readonly hash: 'sha256' | 'sha384';
  readonly hashBytes: number;
}

/** By their names in RFC 8446, appendix B.4. */
const SUITES: Readonly<Record<string, CipherSuite>> = {
  TLS_AES_256_GCM_SHA384: { aead: 'AES-256-GCM', keyBytes: 32, hash: 'sha384', hashBytes: 48 },
  TLS_CHACHA20_POLY1305_SHA256: {
    aead: 'ChaCha20-Poly1305',
    keyBytes: 32,
    hash: 'sha256',
    hashBytes: 32,
  },
  TLS_AES_128_GCM_SHA256: { aead: 'AES-128-GCM', keyBytes: 16, hash: 'sha256', hashBytes: 32 },
};

/** The suites that {@link suiteOf} knows, as Node and OpenSSL take them, best first. */
export const CIPHER_SUITES = Object.keys(SUITES).join(':');

/** @throws when it is none of {@link CIPHER_SUITES}. */
export function suiteOf(name: string): CipherSuite {
  const suite = SUITES[name];
  if (suite === undefined) throw new Error(`unknown cipher suite ${name}`);
  return suite;
}

/** What the keys of one direction come from (RFC 8446, section 7). */
export class TrafficSecret {
  readonly suite: CipherSuite;
  readonly #secret: Uint8Array;

  constructor(suite: CipherSuite, secret: Uint8Array) {
    this.suite = suite;
    this.#secret = secret;
  }

  key(): Uint8Array {
    return this.#expand('key', this.suite.keyBytes);
  }

  iv(): Uint8Array {
    return this.#expand('iv', NONCE_BYTES);
  }

  /** The secret after a key update. */
  next(): TrafficSecret {
    return new TrafficSecret(this.suite, this.#expand('traffic upd', this.suite.hashBytes));
  }

  /** HKDF-Expand-Label without a context. None of the lengths is longer than the hash. */
  #expand(label: string, length: number): Uint8Array {
    const name = Buffer.from(`tls13 ${label}`, 'latin1');
    const head = Uint8Array.of(length >> 8, length & 0xff, name.length);
    const hmac = createHmac(this.suite.hash, this.#secret).update(head).update(name);
    return hmac.update(Uint8Array.of(0, 1)).digest().subarray(0, length);
  }
}
