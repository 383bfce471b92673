import { transportCompliance } from '@vfio-user/transport-testing';
import t from 'tap';
import { type TcpTransportOptions, tcpTransport } from '../src/index.js';

/** One way to reach a network, for the compliance suite. */
export interface Network {
  readonly name: string;
  readonly scheme: string;
  /** What follows the port in a URI. */
  readonly suffix?: string;
  readonly options?: TcpTransportOptions;
}

/** Run the compliance suite over the loopback device. */
export function networkCompliance({ name, scheme, suffix = '', options = {} }: Network): void {
  transportCompliance(t, {
    name,
    transport: tcpTransport(options),
    address: () => `${scheme}://127.0.0.1:0${suffix}`,
    unusedAddress: () => `${scheme}://127.0.0.1:1${suffix}`,
    expected: {
      fdPassing: false,
      sharedMemory: false,
      oneSidedMemory: false,
      orderedNotifications: true,
      maxFrameBytes: 32 * 2 ** 20,
      maxDescriptors: 0,
    },
  });
}
