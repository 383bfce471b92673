import { X509Certificate } from 'node:crypto';
import { type Logger, silentLogger } from '@vfio-user/core';
import type { NetworkEndpoint } from '../address/endpoint.js';
import { type Credentials, loadCredentials } from './credentials.js';

/** The certificates and keys of a program, reloaded from their files. */
export class CredentialStore {
  readonly #known = new Map<string, RenewableCredentials>();

  /**
   * Load the files that a URI names.
   * @throws {VfioUserError} `VFU_CONFIG_INVALID` when they cannot be used and never could.
   */
  async of(endpoint: NetworkEndpoint, logger?: Logger): Promise<RenewableCredentials> {
    const { ca, cert, key } = endpoint.tls;
    const name = JSON.stringify([ca, cert, key]);
    const known = this.#known.get(name);
    if (known !== undefined) {
      await known.refresh(logger);
      return known;
    }
    const loaded = new RenewableCredentials(endpoint, await loadCredentials(endpoint));
    this.#known.set(name, loaded);
    return loaded;
  }

  /** Reload all of them and log the outcome. */
  async reload(logger: Logger): Promise<void> {
    await Promise.all([...this.#known.values()].map((each) => each.reload(logger)));
  }
}

/**
 * Credentials of a URI, which may be renewed in place. Unusable files, for example in the middle of
 * a renewal, leave the previous ones in use.
 */
export class RenewableCredentials {
  readonly #endpoint: NetworkEndpoint;
  #current: Credentials;
  /** Why the current files are not in use. */
  #unusable: string | undefined;

  constructor(endpoint: NetworkEndpoint, current: Credentials) {
    this.#endpoint = endpoint;
    this.#current = current;
  }

  /** As of the last refresh. */
  get current(): Credentials {
    return this.#current;
  }

  /** Check the files. A change is logged once. */
  async refresh(logger: Logger = silentLogger): Promise<Credentials> {
    const { href: uri, tls } = this.#endpoint;
    try {
      const loaded = await loadCredentials(this.#endpoint);
      if (isSame(loaded, this.#current)) return this.#current;
      refuseUntimely(loaded);
      this.#current = loaded;
      this.#unusable = undefined;
      const validTo = loaded.cert && new X509Certificate(loaded.cert).validTo;
      const files = { ca: tls.ca, cert: tls.cert, key: tls.key };
      logger.info({ uri, ...files, validTo }, 'renewed certificates are used from now on');
    } catch (error) {
      const reason = (error as Error).message;
      if (reason !== this.#unusable) {
        logger.warn({ uri, reason }, 'changed certificates cannot be used: those before stay');
      }
      this.#unusable = reason;
    }
    return this.#current;
  }

  /** Like {@link refresh}, on request: always logs the outcome. */
  async reload(logger: Logger): Promise<void> {
    const before = this.#current;
    this.#unusable = undefined;
    await this.refresh(logger);
    if (this.#current === before && this.#unusable === undefined) {
      logger.info({ uri: this.#endpoint.href }, 'the certificates are still the same');
    }
  }
}

function isSame(a: Credentials, b: Credentials): boolean {
  return (['ca', 'cert', 'key'] as const).every(
    (name) => a[name] === b[name] || (b[name] !== undefined && a[name]?.equals(b[name])),
  );
}

/** An expired certificate, or one that is not valid yet, would be refused by peers. */
function refuseUntimely({ cert }: Credentials): void {
  if (cert === undefined) return;
  const { validFrom, validTo } = new X509Certificate(cert);
  if (Date.parse(validTo) < Date.now()) throw new Error(`the certificate expired on ${validTo}`);
  if (Date.parse(validFrom) > Date.now()) {
    throw new Error(`the certificate is not valid before ${validFrom}: is the clock wrong?`);
  }
}
