import {
  type Descriptor,
  type EventSource,
  type MappedMemory,
  type MapRequest,
  type Notifier,
  type SharedMemory,
  type SharedResources,
  VfioUserError,
} from '@vfio-user/core';
import type { Channel } from './channel.js';
import { memoryDescriptor } from './memory-descriptor.js';
import { MemoryEvent } from './memory-event.js';
import type { MemoryHandles } from './memory-handles.js';
import { OrderedNotifier, OvertakingNotifier } from './memory-notifier.js';
import { MemorySegment, SegmentMapping, SharedSegment } from './memory-segment.js';

/** What one end of an in-process connection makes of descriptors. */
export class MemoryResources implements SharedResources {
  readonly #channel: Channel;
  readonly #ordered: boolean;
  readonly #handles: MemoryHandles;

  /** @param channel where signals go if they are `ordered`. */
  constructor(channel: Channel, ordered: boolean, handles: MemoryHandles) {
    this.#channel = channel;
    this.#ordered = ordered;
    this.#handles = handles;
  }

  mapMemory(descriptor: Descriptor, request: MapRequest): MappedMemory {
    try {
      const { target } = memoryDescriptor(descriptor);
      if (!(target instanceof MemorySegment)) {
        throw new VfioUserError('VFU_SYSTEM_ERROR', 'the descriptor is no memory');
      }
      const { length, readable, writable } = request;
      if (request.offset + BigInt(length) > BigInt(target.bytes.length)) {
        throw new VfioUserError(
          'VFU_SYSTEM_ERROR',
          `${target.name} of ${target.bytes.length} bytes does not reach to ${request.offset} + ${length}`,
        );
      }
      const range = { offset: Number(request.offset), length, readable, writable };
      return new SegmentMapping(target, range, this.#handles);
    } finally {
      descriptor.close();
    }
  }

  notifier(descriptor: Descriptor): Notifier {
    try {
      const { target } = memoryDescriptor(descriptor);
      if (!(target instanceof MemoryEvent)) {
        throw new VfioUserError('VFU_SYSTEM_ERROR', 'the descriptor is no event');
      }
      return this.#ordered
        ? new OrderedNotifier(target, this.#channel, this.#handles)
        : new OvertakingNotifier(target, this.#handles);
    } finally {
      descriptor.close();
    }
  }

  sameFile(memory: MappedMemory, descriptor: Descriptor): boolean {
    return (
      memory instanceof SegmentMapping && memory.segment === memoryDescriptor(descriptor).target
    );
  }

  createMemory(name: string, length: number): SharedMemory {
    return new SharedSegment(name, length, this.#handles);
  }

  createEvent(onSignal: (count: number) => void): EventSource {
    return new MemoryEvent(onSignal, this.#handles);
  }
}
