/**
 * What a transport is tested with: the compliance suite, faults, recordings.
 *
 * ```ts
 * import { transportCompliance } from '@vfio-user/transport-testing';
 * import t from 'tap';
 *
 * transportCompliance(t, { name: 'mine', transport, address: () => 'mine:test', ... });
 * ```
 *
 * @packageDocumentation
 */

export type { Intermediary, SessionFixture, TransportFixture } from './compliance/fixture.js';
export { sessionCompliance } from './compliance/session-compliance.js';
export { type StreamFixture, streamCompliance } from './compliance/stream-compliance.js';
export { transportCompliance } from './compliance/transport-compliance.js';
export { BreakableTransport } from './faults/breakable-transport.js';
export type { ByteFaults } from './faults/byte-pipe.js';
export { ByteRelay, type ByteRelayOptions, type SocketAddress } from './faults/byte-relay.js';
export type { TransportFaults } from './faults/faulty-connection.js';
export { faultyTransport } from './faults/faulty-transport.js';
export {
  type RecordedDescriptor,
  type RecordedMessage,
  type Recording,
  type RecordingOrigin,
  readRecording,
  writeRecording,
} from './recording/recording.js';
