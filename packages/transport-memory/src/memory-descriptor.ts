import { type Descriptor, VfioUserError } from '@vfio-user/core';
import { MemoryHandle, type MemoryHandles } from './memory-handles.js';

/** Stands for a passed file descriptor: names a piece of memory or an event of this process. */
export class MemoryDescriptor extends MemoryHandle implements Descriptor {
  /** A `MemorySegment` or a `MemoryEvent`. */
  readonly target: object;

  constructor(target: object, handles: MemoryHandles) {
    super(handles);
    this.target = target;
  }

  /** What sending does: the receiver gets one of its own, this one is closed. */
  move(): MemoryDescriptor {
    const moved = new MemoryDescriptor(this.target, this.handles);
    this.close();
    return moved;
  }
}

/**
 * An open descriptor of this transport.
 * @throws {VfioUserError} `VFU_SYSTEM_ERROR` when it is another transport's, or closed.
 */
export function memoryDescriptor(descriptor: Descriptor): MemoryDescriptor {
  if (descriptor instanceof MemoryDescriptor && !descriptor.closed) return descriptor;
  const what = descriptor instanceof MemoryDescriptor ? 'closed' : 'not one of memory:';
  throw new VfioUserError('VFU_SYSTEM_ERROR', `the descriptor is ${what}`);
}
