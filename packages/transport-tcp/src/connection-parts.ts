import type { Framing, TransportCapabilities } from '@vfio-user/core';
import type { TcpSettings } from './options.js';

/** What a connection is made of besides its stream. */
export interface ConnectionParts {
  /** For logs. */
  readonly peer: string;
  readonly framing: Framing;
  readonly capabilities: TransportCapabilities;
  readonly settings: TcpSettings;
}

/** Describes the connection to `peer`. */
export type PartsOf = (peer: string) => ConnectionParts;

/** What the connections of `settings` say of themselves. */
export function networkCapabilities({ maxFrameBytes }: TcpSettings): TransportCapabilities {
  return {
    fdPassing: false,
    sharedMemory: false,
    oneSidedMemory: false,
    orderedNotifications: true,
    maxFrameBytes,
    maxDescriptors: 0,
  };
}
