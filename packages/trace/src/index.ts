/**
 * Sessions of vfio-user: watched as they pass, saved, decoded, added up; and configuration space in words.
 *
 * @packageDocumentation
 */
export { SessionDecoder } from './decode/session-decoder.js';
export { SessionDecoders } from './decode/session-decoders.js';
export type { TracedAccess, TracedMessage, TracedRequest } from './decode/traced-message.js';
export type { RegisterName } from './device/device-view.js';
export { Gate } from './output/gate.js';
export { Outlet } from './output/outlet.js';
export { MAX_DATA_BYTES, type Packet } from './packet.js';
export { encodeFileHeader, encodePacket } from './pcap/pcap-encoder.js';
export { readPackets } from './pcap/pcap-reader.js';
export {
  type DecodedCapability,
  type DecodedConfigSpace,
  decodeConfigSpace,
} from './pci/config-space.js';
export { barText, capabilityText, headerLines, propertiesText } from './pci/format.js';
export type { DecodedBar, DecodedHeader } from './pci/header.js';
export { sizeText } from './pci/hex.js';
export {
  JsonPrinter,
  type Printer,
  type SessionBegin,
  type SessionEnd,
  TextPrinter,
} from './printer.js';
export type { Relay, RelayArrival, RelaySessionObserver } from './relay/relay.js';
export type { RelayObserver, RelaySide } from './relay/relay-observer.js';
export {
  type RelayedSession,
  type RelaySessionOptions,
  relaySession,
} from './relay/relay-session.js';
export { type RelayOptions, startRelay } from './relay/start-relay.js';
export type { LatencySummary } from './statistics/latencies.js';
export {
  type CommandStatistics,
  type PlaceStatistics,
  TraceStatistics,
  type TraceSummary,
} from './statistics/statistics.js';
export { statisticsText } from './statistics/statistics-text.js';
export { stringify } from './text/json-message.js';
export { choosePalette, type Palette } from './text/palette.js';
export { Tracer, type TracerOptions } from './tracer.js';
