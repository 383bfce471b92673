import { EINVAL } from '../errno.js';
import { ProtocolViolationError, RequestRefusedError } from '../errors.js';
import { type Capabilities, capabilityMembers, parseCapabilities } from './capabilities.js';
import { VERSION_MAJOR, VERSION_MINOR } from './constants.js';
import type { Version } from './messages.js';

/** The result of VERSION. `peer` is what the other side accepts. */
export interface Negotiated {
  readonly minor: number;
  readonly peer: Capabilities;
}

/**
 * Server: check a VERSION request and make the reply.
 * @param room most characters of the reply's capabilities, unless that would drop something the
 * client must know.
 * @throws {RequestRefusedError} with EINVAL when the version or the capabilities are unacceptable.
 */
export function negotiate(
  request: Version,
  own: Capabilities,
  room = Number.POSITIVE_INFINITY,
): Negotiated & { readonly reply: Version } {
  if (request.major !== VERSION_MAJOR) {
    throw new RequestRefusedError(
      EINVAL,
      `the client speaks vfio-user ${request.major}.${request.minor}, this server ${VERSION_MAJOR}.${VERSION_MINOR}`,
    );
  }
  const peer = parseCapabilities(request.capabilities);
  if (typeof peer === 'string') throw new RequestRefusedError(EINVAL, `VERSION request: ${peer}`);
  const minor = Math.min(request.minor, VERSION_MINOR);
  const capabilities = capabilitiesText(replyCapabilities(own, peer), room);
  return { minor, peer, reply: { major: VERSION_MAJOR, minor, capabilities } };
}

/** Client: the VERSION request that opens a session. */
export function offer(own: Capabilities): Version {
  return {
    major: VERSION_MAJOR,
    minor: VERSION_MINOR,
    capabilities: capabilitiesText(own, Number.POSITIVE_INFINITY),
  };
}

/**
 * Client: check the reply to {@link offer}.
 * @throws {ProtocolViolationError} when it does not match the offer.
 */
export function accept(reply: Version): Negotiated {
  if (reply.major !== VERSION_MAJOR || reply.minor > VERSION_MINOR) {
    throw new ProtocolViolationError(
      `the server answered the offer of vfio-user ${VERSION_MAJOR}.${VERSION_MINOR} with ${reply.major}.${reply.minor}`,
    );
  }
  const peer = parseCapabilities(reply.capabilities);
  if (typeof peer === 'string') throw new ProtocolViolationError(`VERSION reply: ${peer}`);
  if (peer.twinSocket) {
    // Its commands would arrive on a socket that is not read.
    throw new ProtocolViolationError('the server uses a twin socket, which was not offered');
  }
  return { minor: reply.minor, peer };
}

/** "The capability list must be a subset of those proposed." */
function replyCapabilities(own: Capabilities, peer: Capabilities): Capabilities {
  return {
    ...own,
    maxDmaMaps: Math.min(own.maxDmaMaps, peer.maxDmaMaps),
    writeMultiple: own.writeMultiple && peer.writeMultiple,
  };
}

/** Drops optional members, least useful first, until the text fits into `room` bytes. */
function capabilitiesText(capabilities: Capabilities, room: number): string {
  const members = [...capabilityMembers(capabilities)];
  const text = (): string =>
    JSON.stringify({ capabilities: Object.fromEntries(members.map((m) => [m.key, m.value])) });
  for (let i = members.length - 1; i >= 0 && text().length > room; i--) {
    if (members[i]?.optional) members.splice(i, 1);
  }
  return text();
}
