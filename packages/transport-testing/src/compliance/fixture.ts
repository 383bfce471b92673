import type { Transport, TransportCapabilities, TransportRegistry } from '@vfio-user/core';

/** A bridge or relay between clients and a device. */
export interface Intermediary {
  /** Where clients connect to. */
  readonly uri: string;
  /** No session passes at the moment. */
  readonly idle: boolean;
  close(): Promise<void>;
}

/** Where sessions between a client and a device run, to be tested. */
export interface SessionFixture {
  /** For the titles of the tests. */
  readonly name: string;
  /** Those that the addresses below are for. */
  readonly transports: readonly Transport[];
  /** Where the device listens; another place each time. A port may be 0. */
  address(): string;
  /** An intermediary between clients and device. */
  readonly through?: {
    /** Where it listens; another place each time. */
    address(): string;
    /** Starts something that passes messages on unchanged; without it, a bridge is started. */
    start?(registry: TransportRegistry, listen: string, connect: string): Promise<Intermediary>;
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
