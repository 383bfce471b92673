import { VfioUserError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { Transport } from './transport.js';
import { parseUri, repeatedKey, type TransportUri } from './uri.js';

/** The transports of a program. A value, so that several registries can exist in one process. */
export class TransportRegistry {
  readonly #byScheme = new Map<string, Transport>();

  constructor(transports: Iterable<Transport>) {
    for (const transport of transports) {
      for (const scheme of transport.schemes) {
        if (this.#byScheme.has(scheme)) {
          throw new VfioUserError(
            'VFU_CONFIG_INVALID',
            `two transports claim the scheme ${scheme}:`,
          );
        }
        this.#byScheme.set(scheme, transport);
      }
    }
  }

  get schemes(): readonly string[] {
    return [...this.#byScheme.keys()].sort();
  }

  /** Reload files named by URIs, see {@link Transport.reload}. */
  async reload(logger: Logger): Promise<void> {
    const transports = new Set(this.#byScheme.values());
    await Promise.all(Array.from(transports, (transport) => transport.reload?.(logger)));
  }

  /**
   * Find the transport of a URI and check its query keys.
   * @throws {VfioUserError} `VFU_CONFIG_INVALID` naming the known ones.
   */
  resolve(text: string): { readonly transport: Transport; readonly uri: TransportUri } {
    const uri = parseUri(text);
    const scheme = uri.protocol.slice(0, -1);
    const transport = this.#byScheme.get(scheme);
    if (transport === undefined) {
      throw new VfioUserError(
        'VFU_CONFIG_INVALID',
        `${text}: unknown scheme ${scheme}:, known here: ${this.schemes.map((s) => `${s}:`).join(', ')}`,
      );
    }
    for (const key of uri.searchParams.keys()) {
      if (!transport.queryKeys.includes(key)) {
        const known = transport.queryKeys.length === 0 ? 'none' : transport.queryKeys.join(', ');
        throw new VfioUserError(
          'VFU_CONFIG_INVALID',
          `${text}: unknown option ${key}, known for ${scheme}: ${known}`,
        );
      }
    }
    const repeated = repeatedKey(uri.searchParams);
    if (repeated !== undefined) {
      throw new VfioUserError('VFU_CONFIG_INVALID', `${text}: ${repeated}= is given twice`);
    }
    return { transport, uri };
  }
}
