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
import {
  cannotShrink,
  createMemoryFile,
  type FileDescriptor,
  identifyFile,
  isEventFd,
} from '@vfio-user/posix-ffi';
import { fileDescriptor, systemFailure } from '@vfio-user/posix-ffi/stream';
import { EventFdNotifier, EventFdSource } from './event-source.js';
import { CopiedUnixMemory, MappedUnixMemory, type UnixMemory } from './unix-memory.js';

/** What a connection makes of descriptors. */
export class UnixResources implements SharedResources {
  readonly #mapsUnsealed: boolean;

  /** `mapsUnsealed`: map also memory that the peer could cut off, see `UnixTransportOptions`. */
  constructor(mapsUnsealed: boolean) {
    this.#mapsUnsealed = mapsUnsealed;
  }

  mapMemory(descriptor: Descriptor, request: MapRequest): MappedMemory {
    const file = fileDescriptor(descriptor);
    try {
      const identity = identifyFile(file);
      const safe = this.#mapsUnsealed || (identity.regular && cannotShrink(file));
      if (safe && request.fileIo !== true) {
        const memory = new MappedUnixMemory(file, identity, request);
        file.close();
        return memory;
      }
      return new CopiedUnixMemory(file, identity, request);
    } catch (error) {
      file.close();
      throw systemFailure('cannot map the memory that the peer passed', error);
    }
  }

  notifier(descriptor: Descriptor): Notifier {
    const file = fileDescriptor(descriptor);
    try {
      if (!isEventFd(file)) {
        throw new VfioUserError(
          'VFU_SYSTEM_ERROR',
          'the descriptor passed for notifications is no eventfd: only those are written to',
        );
      }
      return new EventFdNotifier(file);
    } catch (error) {
      file.close();
      throw systemFailure('cannot use the eventfd that the peer passed', error);
    }
  }

  sameFile(memory: MappedMemory, descriptor: Descriptor): boolean {
    if (!isUnixMemory(memory)) return false;
    const { device, inode } = identifyFile(fileDescriptor(descriptor));
    return memory.device === device && memory.inode === inode;
  }

  createMemory(name: string, length: number): SharedMemory {
    let file: FileDescriptor | undefined;
    try {
      file = createMemoryFile(name, length);
      return new OwnMemory(file, length);
    } catch (error) {
      file?.close();
      throw systemFailure(`cannot create ${length} bytes of shared memory`, error);
    }
  }

  createEvent(onSignal: (count: number) => void): EventSource {
    try {
      return new EventFdSource(onSignal);
    } catch (error) {
      throw systemFailure('cannot create an eventfd', error);
    }
  }
}

class OwnMemory extends MappedUnixMemory implements SharedMemory {
  readonly #file: FileDescriptor;

  constructor(file: FileDescriptor, length: number) {
    super(file, identifyFile(file), { offset: 0n, length, writable: true });
    this.#file = file;
  }

  descriptor(): Descriptor {
    return this.#file.duplicate();
  }

  override close(): void {
    super.close();
    this.#file.close();
  }
}

function isUnixMemory(memory: MappedMemory): memory is UnixMemory {
  return memory instanceof MappedUnixMemory || memory instanceof CopiedUnixMemory;
}
