import type { Transport, TransportCapabilities } from '@vfio-user/core';

/** Where sessions between a client and a device run, to be tested. */
export interface SessionFixture {
  /** For the titles of the tests. */
  readonly name: string;
  /** Those that the addresses below are for. */
  readonly transports: readonly Transport[];
  /** Where the device listens; another place each time. A port may be 0. */
  address(): string;
  /** Something stands between the clients and the device. */
  readonly through?: {
    /** A bridge when absent. */
    readonly kind?: 'bridge' | 'relay';
    /** Where it listens; another place each time. */
    address(): string;
  };
  /** What the connections of the clients must say of themselves. */
  readonly expected: TransportCapabilities;
  /** Tests that cannot hold: title, and the reason why. */
  readonly exclusions?: Readonly<Record<string, string>>;
  /** What must not grow from connection to connection; open file descriptors when absent. */
  openHandles?(): number;
}

/** What a transport brings to be tested. */
export interface TransportFixture extends Omit<SessionFixture, 'transports' | 'through'> {
  readonly transport: Transport;
  /** A place where nobody listens. */
  unusedAddress(): string;
}
