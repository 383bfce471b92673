import { parseUri } from '@vfio-user/core';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AF_VSOCK,
  internetSocketAddress,
  unixSocketAddress,
  VMADDR_CID_ANY,
  vsockSocketAddress,
} from '@vfio-user/posix-ffi';
import { UsageError } from '../../errors.js';

/** Where plain sockets meet. */
export interface EchoAddress {
  readonly domain: number;
  /** As the kernel wants it. */
  readonly bytes: Uint8Array;
}

/** Understand `unix:///path`, `tcp://127.0.0.1:port` (addresses only) and `vsock://cid:port`. */
export function echoAddress(text: string): EchoAddress {
  const uri = parseUri(text);
  const port = Number(uri.port);
  switch (uri.protocol) {
    case 'unix:':
      return { domain: AF_UNIX, bytes: unixSocketAddress(decodeURIComponent(uri.pathname)) };
    case 'tcp:': {
      const host = uri.hostname.replace(/^\[(.*)\]$/, '$1');
      const domain = host.includes(':') ? AF_INET6 : AF_INET;
      return { domain, bytes: internetSocketAddress({ host, port }) };
    }
    case 'vsock:': {
      const cid = uri.hostname === 'any' ? VMADDR_CID_ANY : Number(uri.hostname);
      return { domain: AF_VSOCK, bytes: vsockSocketAddress({ cid, port }) };
    }
    default:
      throw new UsageError(`${text}: an echo server is on unix:, tcp: or vsock:`);
  }
}
