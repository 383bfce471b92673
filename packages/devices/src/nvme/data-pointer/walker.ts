import type { Iova } from '@vfio-user/core';
import type { Command } from '../commands/command.js';
import type { Status } from '../status.js';
import type { GuestBuffer } from './guest-buffer.js';

/** Bytes of a list that a walker asks for at once. */
export const MAX_LIST_BYTES = 16 * 1024;

/**
 * Turns a data pointer into the pieces of a {@link GuestBuffer} without touching guest memory itself:
 * while `listBytes` is not 0 it wants that much of guest memory at `listAddress`. So the same code
 * serves memory which is at hand and memory which takes messages to read.
 */
export interface DataPointerWalker {
  readonly listAddress: Iova;
  /** At most {@link MAX_LIST_BYTES}; 0: done, unless the last status was an error. */
  readonly listBytes: number;
  begin(command: Command, buffer: GuestBuffer): Status;
  /** `list` starts with the `listBytes` bytes asked for. */
  feed(list: DataView): Status;
}
