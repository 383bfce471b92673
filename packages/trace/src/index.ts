/**
 * vfio-user sessions: relayed, captured, decoded and counted; and PCI configuration space as text.
 *
 * ```ts
 * import { registerMaps } from '@vfio-user/devices';
 * import { readCapture, statisticsText, Tracer, TraceStatistics } from '@vfio-user/trace';
 *
 * const statistics = new TraceStatistics();
 * const tracer = new Tracer([statistics], { candidates: [...registerMaps.values()] });
 * for (const packet of readCapture('disk.pcap')) tracer.replay(packet);
 * console.log(statisticsText(statistics.summary()));
 * ```
 *
 * @packageDocumentation
 */

export type {
  KnownCommand,
  LinkFrame,
  Message,
  Preface,
  ReplyMessage,
  RequestMessage,
} from '@vfio-user/core/internal';
export { BatchedWriter } from './batched-writer.js';
export type { DeviceNames, RegisterName } from './decode/device-view.js';
export { TraceDecoder } from './decode/trace-decoder.js';
export type { TracedAccess, TracedMessage, TracedRequest } from './decode/traced-message.js';
export type { Packet, RelaySide } from './packet.js';
export { readCapture } from './pcap/capture-reader.js';
export { CaptureWriter, encodeFileHeader, encodePacket } from './pcap/capture-writer.js';
export type { CapabilityFields } from './pci/capability-decoders.js';
export type { CapabilityPlace } from './pci/capability-list.js';
export {
  type DecodedCapability,
  type DecodedConfigSpace,
  decodeConfigSpace,
} from './pci/config-space.js';
export { barText, capabilityText, headerLines, propertiesText } from './pci/format.js';
export type { DecodedBar, DecodedHeader } from './pci/header.js';
export { JsonPrinter, type Printer, TextPrinter } from './printer.js';
export { type Relay, type RelayOptions, startRelay } from './relay/relay.js';
export type { RelayClient, RelayObserver } from './relay/relay-observer.js';
export {
  type RelayedSession,
  type RelaySessionOptions,
  relaySession,
} from './relay/relay-session.js';
export type { LatencySummary } from './statistics/latencies.js';
export {
  type CommandStatistics,
  type PlaceStatistics,
  TraceStatistics,
  type TraceSummary,
} from './statistics/statistics.js';
export { statisticsText } from './statistics/statistics-text.js';
export { messageJson, stringify } from './text/message-json.js';
export { messageLine } from './text/message-line.js';
export { choosePalette, coloured, type Palette, plain } from './text/palette.js';
export type { SessionBegin, SessionContinuation, SessionEnd, TraceSink } from './trace-sink.js';
export { Tracer } from './tracer.js';
