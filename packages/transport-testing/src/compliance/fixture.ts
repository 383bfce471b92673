import type { Transport, TransportCapabilities } from '@vfio-user/core';

/** What a transport brings to be tested. */
export interface TransportFixture {
  /** For the titles of the tests. */
  readonly name: string;
  readonly transport: Transport;
  /** Where to listen; another place each time. A port may be 0. */
  address(): string;
  /** A place where nobody listens. */
  unusedAddress(): string;
  /** What connections must say of themselves. */
  readonly expected: TransportCapabilities;
  /** Tests that cannot hold for this transport: title, and the reason why. */
  readonly exclusions?: Readonly<Record<string, string>>;
  /** What must not grow from connection to connection; open file descriptors when absent. */
  openHandles?(): number;
}
