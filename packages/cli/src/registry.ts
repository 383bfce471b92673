import type { Transport, TransportRegistry } from '@vfio-user/core';

export interface TransportChoices {
  /** Listen beyond this host without TLS. */
  readonly insecure?: boolean | undefined;
  /** Permissions of the UNIX socket that is created. */
  readonly socketMode?: number | undefined;
  readonly socketGroup?: string | undefined;
}

/** `--insecure`, as `--help` says it. */
export const INSECURE_HELP = 'listen beyond this host without TLS: anybody who gets there gets in';

interface TransportLoader {
  readonly schemes: readonly string[];
  load(choices: TransportChoices): Promise<Transport>;
}

/** All transports, loaded when a URI needs them: some need native libraries. */
const LOADERS: readonly TransportLoader[] = [
  {
    schemes: ['unix', 'fd'],
    load: async ({ socketMode, socketGroup }) =>
      (await import('@vfio-user/transport-unix')).unixTransport({
        ...(socketMode !== undefined && { socketMode }),
        ...(socketGroup !== undefined && { socketGroup }),
      }),
  },
  {
    schemes: ['tcp', 'tls', 'ws', 'wss', 'vsock'],
    load: async ({ insecure = false }) =>
      (await import('@vfio-user/transport-tcp')).tcpTransport({ insecure }),
  },
  {
    schemes: ['rdma'],
    load: async ({ insecure = false }) => {
      const { tcpTransport } = await import('@vfio-user/transport-tcp');
      const { rdmaTransport } = await import('@vfio-user/transport-rdma');
      return rdmaTransport({ bootstrap: tcpTransport({ insecure }) });
    },
  },
];

/** All schemes. */
export const knownSchemes: readonly string[] = LOADERS.flatMap(({ schemes }) => schemes);

/**
 * A registry with the transports that `uris` need. An unknown scheme gets all of them, so that the
 * registry's refusal can name what there is.
 */
export async function loadTransports(
  uris: readonly string[],
  choices: TransportChoices = {},
): Promise<TransportRegistry> {
  const { parseUri, TransportRegistry } = await import('@vfio-user/core/transport');
  const schemes = uris.map((uri) => parseUri(uri).protocol.slice(0, -1));
  const isKnown = (scheme: string): boolean => LOADERS.some((one) => one.schemes.includes(scheme));
  const needed = schemes.every(isKnown)
    ? LOADERS.filter((one) => one.schemes.some((scheme) => schemes.includes(scheme)))
    : LOADERS;
  return new TransportRegistry(await Promise.all(needed.map((one) => one.load(choices))));
}
