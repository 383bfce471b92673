import type { OpenFile } from './file-descriptor.js';
import { check, libc } from './libc.js';
import { NativeMemory } from './native-memory.js';

/** How PowerPC and MIPS number requests (`_IOC_NONE`, `_IOC_READ`): the direction is one bit lower. */
export const isOtherNumbering = ['ppc64', 'mips64el'].includes(process.arch);
const IOC_NONE = isOtherNumbering ? 0x2000_0000 : 0;
const IOC_READ = isOtherNumbering ? 0x4000_0000 : 0x8000_0000;

// linux/fs.h
const BLKROGET = IOC_NONE + 0x125e;
const BLKSSZGET = IOC_NONE + 0x1268;
const BLKGETSIZE64 = IOC_READ + 0x8_1272;

/** What the kernel says of a block device. */
export interface BlockDeviceInfo {
  /** Bytes. */
  readonly size: number;
  /** Bytes that the device reads or writes as one. */
  readonly logicalBlockBytes: number;
  readonly isReadOnly: boolean;
}

/** @throws {SystemError} ENOTTY when it is none. */
export function blockDeviceInfo(device: OpenFile): BlockDeviceInfo {
  const value = new NativeMemory(8);
  const ask = (request: number, name: string): DataView => {
    value.bytes.fill(0);
    check(libc().ioctl(device.number, request, value.address), 'ioctl', name);
    return value.view;
  };
  return {
    size: Number(ask(BLKGETSIZE64, 'BLKGETSIZE64').getBigUint64(0, true)),
    logicalBlockBytes: ask(BLKSSZGET, 'BLKSSZGET').getInt32(0, true),
    isReadOnly: ask(BLKROGET, 'BLKROGET').getInt32(0, true) !== 0,
  };
}
