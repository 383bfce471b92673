import { VfioUserError } from '@vfio-user/core';
import { hostPortOf, parseUri } from '@vfio-user/core/transport';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AF_VSOCK,
  type FileDescriptor,
  IPPROTO_TCP,
  internetSocketAddress,
  setSocketOption,
  TCP_NODELAY,
  unixSocketAddress,
  VMADDR_CID_ANY,
  VMADDR_PORT_ANY,
  vsockSocketAddress,
} from '@vfio-user/posix-ffi';

/** The address of a plain socket. */
export interface EchoAddress {
  readonly domain: number;
  /** A `sockaddr`. */
  readonly bytes: Uint8Array;
}

/** Understand `unix:///path`, `tcp://127.0.0.1:port` (addresses only) and `vsock://cid:port`. */
export function echoAddress(text: string): EchoAddress {
  const uri = parseUri(text);
  switch (uri.protocol) {
    case 'unix:':
      return { domain: AF_UNIX, bytes: unixSocketAddress(decodeURIComponent(uri.pathname)) };
    case 'tcp:': {
      const { host, port = 0 } = hostPortOf(uri);
      if (port > 65_535) throw wrong(`${text}: the last port is 65535`);
      const domain = host.includes(':') ? AF_INET6 : AF_INET;
      return { domain, bytes: internetSocketAddress({ host, port }) };
    }
    case 'vsock:': {
      const { host, port = 0 } = hostPortOf(uri);
      const cid = host === 'any' ? VMADDR_CID_ANY : Number(host);
      const address = { cid, port: port || VMADDR_PORT_ANY };
      return { domain: AF_VSOCK, bytes: vsockSocketAddress(address) };
    }
    default:
      throw wrong(`${text}: an echo server is on unix:, tcp: or vsock:`);
  }
}

function wrong(text: string): VfioUserError {
  return new VfioUserError('VFU_CONFIG_INVALID', text);
}

/** Send small messages at once. Sockets other than those of TCP do so anyway, and know no such option. */
export function trySetNoDelay(socket: FileDescriptor): void {
  try {
    setSocketOption(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  } catch {}
}
