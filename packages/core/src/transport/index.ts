/**
 * What a transport is made of, for those who write one: the contract, URIs, and the state machine of
 * a connection over any stream of bytes. docs/writing-a-transport.md goes through it.
 *
 * @packageDocumentation
 */

export { orAborted } from './abort.js';
export {
  type ConnectionLimits,
  type ConnectionOptions,
  connectionDefaults,
  resolveOptions,
} from './connection-options.js';
export { FrameAssembler, type FrameAssemblerLimits } from './frame-assembler.js';
export { FramedConnection, type FramedConnectionParts } from './framed-connection.js';
export type * from './handshake.js';
export {
  formatHostPort,
  type HostPort,
  isLoopback,
  parseHostPort,
  splitZone,
  withoutZone,
} from './host-port.js';
export type * from './one-sided.js';
export {
  acceptOr,
  nullSink,
  openClient,
  openServer,
  type ServerOpening,
} from './open-connection.js';
export type { Opening } from './opening.js';
export { PendingConnections } from './pending-connections.js';
export { TransportRegistry } from './registry.js';
export type * from './resources.js';
export { ScheduledTask } from './scheduled-task.js';
export type * from './stream-port.js';
export type * from './transport.js';
export {
  type EncodingName,
  hostPortOf,
  parseUri,
  repeatedKey,
  type TransportUri,
  withPort,
} from './uri.js';
