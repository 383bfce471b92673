import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { type Logger, VfioUserError } from '@vfio-user/core';
import { blockDeviceInfo, unavailableReason } from '@vfio-user/posix-ffi';
import { deallocationOf } from './deallocation.js';
import {
  checkKind,
  imageError,
  imageFailed,
  isDevicePath,
  openFailed,
  statImage,
} from './image-errors.js';
import { imageUuid } from './image-identity.js';
import { lockImage } from './image-lock.js';
import { describeDeviceUsers } from './image-users.js';
import type { Deallocation } from './storage.js';

/** Options of {@link openImage}. */
export interface ImageOptions {
  /** Of a file or a block device. */
  readonly path: string;
  /** Bytes; needed to create a file, grows one that is smaller. */
  readonly size?: number | undefined;
  /** Bytes of a logical block; left out, what suits the image. */
  readonly lba?: number | undefined;
  readonly isReadOnly: boolean;
  /** Left out, the one that the image carries. */
  readonly uuid?: Uint8Array | undefined;
}

/** An open image: a file or a block device. */
export interface Image {
  readonly path: string;
  /** The descriptor, which whoever has the image closes. */
  readonly number: number;
  /** Bytes. */
  readonly size: number;
  readonly isBlockDevice: boolean;
  readonly isReadOnly: boolean;
  /** Bytes of a logical block. */
  readonly blockBytes: number;
  readonly uuid: Uint8Array;
  /** Absent when deallocation is not supported. */
  readonly deallocation: Deallocation | undefined;
}

/** What there is to know of it without asking further. */
type Blocks = Omit<Image, 'uuid' | 'deallocation'>;

/** Logical block size of an image that has none of its own, bytes. */
export const DEFAULT_BLOCK_BYTES = 512;
/** The largest that the controller offers. */
const MAX_BLOCK_BYTES = 4096;
/** Permissions of a file that is created. */
const OWNER_ONLY = 0o600;

/**
 * Open the image, or create it, and lock it.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when it cannot be used, `VFU_SYSTEM_ERROR` when
 * somebody else uses it.
 */
export function openImage(options: ImageOptions, logger: Logger): Image {
  const { path } = options;
  const existing = statImage(path);
  // Opening something else may wait for ever (a pipe) or set something off (a watchdog).
  if (existing !== undefined) checkKind(path, existing);
  const { number, isNew } = openDescriptor(options, existing);
  let isOurs = false;
  try {
    const stats = fstatSync(number);
    checkKind(path, stats);
    lockImage({ path, number, isReadOnly: options.isReadOnly }, logger);
    isOurs = isNew;
    const image = stats.isBlockDevice()
      ? deviceImage(number, options)
      : fileImage(number, options, stats.size);
    // Before it gets an identity: what can be refused is refused here.
    const deallocation = deallocationOf(image);
    return { ...image, deallocation, uuid: options.uuid ?? imageUuid(image, logger) };
  } catch (error) {
    // Before it was locked, somebody else may have begun to use it.
    if (isOurs) rmSync(path, { force: true });
    closeSync(number);
    throw VfioUserError.is(error) ? error : imageFailed('write-file', path, error);
  }
}

function openDescriptor(
  options: ImageOptions,
  existing: Stats | undefined,
): { readonly number: number; readonly isNew: boolean } {
  const { path, size, isReadOnly } = options;
  const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = constants;
  try {
    if (isReadOnly) return { number: openSync(path, O_RDONLY), isNew: false };
    // Of a block device, O_EXCL fails while it is mounted, or part of a volume.
    const exclusive = existing?.isBlockDevice() ? O_EXCL : 0;
    if (existing !== undefined || size === undefined || isDevicePath(path)) {
      return { number: openSync(path, O_RDWR | exclusive), isNew: false };
    }
    return create(path, O_RDWR | O_CREAT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY' && existing !== undefined) {
      throw new VfioUserError(
        'VFU_SYSTEM_ERROR',
        `nvme: file ${path}: the device is in use: ${describeDeviceUsers(existing)}`,
        { cause: error },
      );
    }
    throw openFailed(path, error, options, existing !== undefined);
  }
}

function create(path: string, flags: number): { readonly number: number; readonly isNew: boolean } {
  try {
    return { number: openSync(path, flags | constants.O_EXCL, OWNER_ONLY), isNew: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // Somebody else was quicker; or it is a link that leads nowhere yet.
    return { number: openSync(path, flags, OWNER_ONLY), isNew: false };
  }
}

function fileImage(number: number, options: ImageOptions, existing: number): Blocks {
  const { path, size, isReadOnly, lba: blockBytes = DEFAULT_BLOCK_BYTES } = options;
  if (size !== undefined && existing > size) {
    throw imageError(path, `has ${existing} bytes, more than size=${size}; leave size out`);
  }
  const wanted = size ?? existing;
  if (wanted < blockBytes) throw imageError(path, 'holds no block; give size=... to grow it');
  if (wanted > existing) {
    if (isReadOnly) throw imageError(path, `has only ${existing} bytes and readonly=true`);
    ftruncateSync(number, wanted);
  }
  return { path, number, size: wanted, isBlockDevice: false, isReadOnly, blockBytes };
}

function deviceImage(number: number, options: ImageOptions): Blocks {
  const { path, size: expected, lba, isReadOnly } = options;
  const unavailable = unavailableReason();
  if (unavailable !== undefined) throw imageError(path, `is a block device: ${unavailable}`);
  const device = blockDeviceInfo({ number });
  const { size, logicalBlockBytes } = device;
  if (expected !== undefined && expected !== size) {
    throw imageError(path, `is a device of ${size} bytes, not of size=${expected}; leave size out`);
  }
  if (device.isReadOnly && !isReadOnly) {
    throw imageError(path, 'the device is read-only; give readonly=true');
  }
  // A smaller write would be two accesses of the device, and a power failure between them tears it.
  const blockBytes = lba ?? Math.max(logicalBlockBytes, DEFAULT_BLOCK_BYTES);
  if (blockBytes < logicalBlockBytes) {
    throw imageError(path, `the device has blocks of ${logicalBlockBytes} bytes; leave lba out`);
  }
  if (blockBytes > MAX_BLOCK_BYTES) {
    throw imageError(path, `the device has blocks of ${blockBytes} bytes, more than 4096`);
  }
  if (size < blockBytes)
    throw imageError(path, 'the device is empty; is something attached to it?');
  return { path, number, size, isBlockDevice: true, isReadOnly, blockBytes };
}
