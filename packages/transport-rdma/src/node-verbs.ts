import { completionStatusText, NativeBuffer, openDevice, probe } from 'node-rdma-ffi';
import type { Verbs } from './verbs.js';

/** The adapters of this machine. */
export const nodeVerbs: Verbs = {
  probe,
  openDevice,
  allocate: (length) => new NativeBuffer(length),
  statusText: completionStatusText,
};
