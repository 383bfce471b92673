import type { Duplex } from 'node:stream';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { Framing, PeerIdentity, TransportCapabilities } from '@vfio-user/core';
import type { TcpSettings } from './options.js';

/** What a connection is made of besides its stream. */
export interface ConnectionParts {
  /** For logs. */
  readonly peer: string;
  readonly identity: PeerIdentity;
  readonly framing: Framing;
  readonly capabilities: TransportCapabilities;
  readonly settings: TcpSettings;
}

/** Describes the connection to `peer`, over TLS if `stream` is such a socket. */
export type PartsOf = (peer: string, stream?: Duplex) => ConnectionParts;

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

/**
 * Who a peer is.
 * @param peer its address and port.
 * @param stream the socket; with TLS it knows the certificate.
 */
export function identityOf(peer: string, stream?: Duplex): PeerIdentity {
  const address = peer.slice(0, peer.lastIndexOf(':'));
  if (!isTls(stream) || !stream.authorized) return { address };
  return { address, certificate: holderOf(stream.getPeerCertificate()) };
}

/** By what only such a socket has: its class would have to be loaded. */
function isTls(stream: Duplex | undefined): stream is TLSSocket {
  return stream !== undefined && 'encrypted' in stream;
}

/**
 * Whom a certificate names, and who says so: the same for one that was renewed. One without any
 * name stands for itself.
 */
function holderOf(certificate: PeerCertificate): string {
  const { issuer, subject, subjectaltname, fingerprint256 } = certificate;
  const isNamed = Object.keys(subject).length > 0 || subjectaltname !== undefined;
  return isNamed ? JSON.stringify([issuer, subject, subjectaltname]) : fingerprint256;
}
