import { X509Certificate } from 'node:crypto';
import { type Logger, silentLogger } from '@vfio-user/core';
import type { NetworkEndpoint } from '../address/endpoint.js';
import { type Credentials, loadCredentials } from './credentials.js';

/** Certificates and keys as their files are, for as long as a program uses them. */
export class CredentialStore {
  readonly #known = new Map<string, RenewableCredentials>();

  /**
   * The files that a URI names, as they are now.
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

  /** Read all of them again, and say what came of it. */
  async reload(logger: Logger): Promise<void> {
    await Promise.all([...this.#known.values()].map((each) => each.reload(logger)));
  }
}

/**
 * What a URI names, and may be renewed in place while the program runs. Files that cannot be used,
 * for example in the middle of a renewal, leave those before them in use.
 */
export class RenewableCredentials {
  readonly #endpoint: NetworkEndpoint;
  #current: Credentials;
  /** Why the files that are there now are not in use. */
  #unusable: string | undefined;

  constructor(endpoint: NetworkEndpoint, current: Credentials) {
    this.#endpoint = endpoint;
    this.#current = current;
  }

  /** As they were when last looked at. */
  get current(): Credentials {
    return this.#current;
  }

  /** Look at the files. A change is logged once. */
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

  /** As {@link refresh}, because somebody asked: says also what is known already. */
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

/** Nobody would accept it, other than the one before. */
function refuseUntimely({ cert }: Credentials): void {
  if (cert === undefined) return;
  const { validFrom, validTo } = new X509Certificate(cert);
  if (Date.parse(validTo) < Date.now()) throw new Error(`the certificate expired on ${validTo}`);
  if (Date.parse(validFrom) > Date.now()) {
    throw new Error(`the certificate is not valid before ${validFrom}: is the clock wrong?`);
  }
}
