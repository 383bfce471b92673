/**
 * What the other packages of this repository share but users must not rely on.
 *
 * @packageDocumentation
 */

export { setIova } from './address.js';
export type { ClientState } from './bridge/client-state.js';
export { type Attempt, attemptFailed, causes, errorCode } from './causes.js';
export { deferred } from './deferred.js';
export { LimitedLogger } from './limited-logger.js';
export { deviceStateName } from './migration/state-machine.js';
export { type CheckedOptions, checkOptions } from './option-faults.js';
export { OWN_CAPABILITIES } from './protocol/capabilities.js';
export type { Encoding } from './protocol/encoding.js';
export type {
  KnownCommand,
  Message,
  ReplyBodies,
  ReplyMessage,
  RequestBodies,
  RequestMessage,
} from './protocol/messages.js';
export { nativeEncodingFor } from './protocol/native/native-encoding.js';
export {
  decodeLinkFrame,
  isLinkFrame,
  type LinkFrame,
  LinkFrameKind,
} from './protocol/portable/link-frames.js';
export { PortableEncoding } from './protocol/portable/portable-encoding.js';
export {
  decodePreface,
  encodePreface,
  type Preface,
  PrefaceCapability,
  prefaceLength,
  withoutAttachment,
  withoutSessionId,
} from './protocol/portable/preface.js';
export { packRecord, unpackRecord } from './protocol/portable/record-packing.js';
export { negotiate, offer } from './protocol/version.js';
export { runAll } from './run-all.js';
export { call } from './session/call.js';
export type { NegotiatedConnection, NegotiatedEncoding } from './session/negotiated-encoding.js';
export {
  connectUri,
  endWithSignal,
  listenOnUri,
  type OpenOptions,
} from './session/open.js';
export { Peer, type PeerHandlers } from './session/peer.js';
export { isUnreachable } from './session/turned-away.js';
export { type TextTableOptions, textTable } from './text-table.js';
export { listenedNoMore } from './transport/connection-errors.js';
export { closeAll, descriptorOfEach, NO_DESCRIPTORS } from './transport/resources.js';
export { encodingOf } from './transport/uri.js';
export { parseDuration, parseSize, sizeText } from './units.js';
