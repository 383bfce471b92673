import { parseUri, type Transport, TransportRegistry } from '@vfio-user/core';

interface TransportLoader {
  readonly schemes: readonly string[];
  load(): Promise<Transport>;
}

/** Every transport this command knows. Loaded when a URI asks for it: some need native libraries. */
const LOADERS: readonly TransportLoader[] = [
  {
    schemes: ['unix', 'fd'],
    load: async () => (await import('@vfio-user/transport-unix')).unixTransport(),
  },
];

/**
 * A registry with the transports that `uris` need. An unknown scheme gets all of them, so that the
 * registry's refusal can name what there is.
 */
export async function loadTransports(...uris: readonly string[]): Promise<TransportRegistry> {
  const schemes = uris.map((uri) => parseUri(uri).protocol.slice(0, -1));
  const isKnown = (scheme: string): boolean => LOADERS.some((one) => one.schemes.includes(scheme));
  const needed = schemes.every(isKnown)
    ? LOADERS.filter((one) => one.schemes.some((scheme) => schemes.includes(scheme)))
    : LOADERS;
  return new TransportRegistry(await Promise.all(needed.map((one) => one.load())));
}
