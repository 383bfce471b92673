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
  canCopyGuarded,
  cannotShrink,
  createMemoryFile,
  type FileDescriptor,
  identifyFile,
  isEventFd,
  memoryAreas,
  memoryBacking,
  Placement,
} from '@vfio-user/posix-ffi';
import { fileDescriptor, systemFailure } from '@vfio-user/transport-socket';
import { EventFdNotifier, EventFdSource } from './event-source.js';
import {
  CopiedUnixMemory,
  GuardedUnixMemory,
  MappedUnixMemory,
  UnixMemory,
} from './unix-memory.js';

interface Access {
  readonly kind: 'mapped' | 'guarded' | 'copied';
  readonly pages?: 'once' | 'always';
}

const COPIED: Access = { kind: 'copied' };

const NO_GUARD =
  'memory on huge pages of another user needs the system calls process_vm_readv and process_vm_writev, which this process may not use: allow them (seccomp), or run the device as the user of the peer';

/** What a connection makes of descriptors. */
export class UnixResources implements SharedResources {
  readonly #mapsUnsealed: boolean;
  readonly #placement = new Placement();

  /** `mapsUnsealed`: map also memory that the peer could cut off, see `UnixTransportOptions`. */
  constructor(mapsUnsealed: boolean) {
    this.#mapsUnsealed = mapsUnsealed;
  }

  mapMemory(descriptor: Descriptor, request: MapRequest): MappedMemory {
    const file = fileDescriptor(descriptor);
    try {
      const identity = identifyFile(file);
      const access = identity.regular ? this.#accessTo(file, request) : COPIED;
      if (access.kind === 'copied') return new CopiedUnixMemory(file, identity, request);
      const Memory = access.kind === 'guarded' ? GuardedUnixMemory : MappedUnixMemory;
      const { pages } = access;
      const memory = new Memory(file, identity, { ...request, pages, placement: this.#placement });
      file.close();
      return memory;
    } catch (error) {
      file.close();
      throw systemFailure('cannot map the memory that the peer passed', error);
    }
  }

  /** The fastest way to touch the memory that does not end this process when a page is gone. */
  #accessTo(file: FileDescriptor, request: MapRequest): Access {
    const { kind } = memoryBacking(file);
    const sealed = cannotShrink(file);
    if (kind === 'hugetlbfs') {
      if (!canCopyGuarded()) {
        if (this.#mapsUnsealed) return { kind: 'mapped' };
        throw new VfioUserError('VFU_SYSTEM_ERROR', NO_GUARD);
      }
      // A pool of huge pages runs empty easily, and whoever has the file open can punch holes.
      if (!this.#mapsUnsealed || request.fileIo) return { kind: 'guarded', pages: 'once' };
      return { kind: 'mapped', pages: sealed ? 'once' : 'always' };
    }
    // Of a disk, any page may fail at any time. Beyond the areas that are left, copies need none.
    if (request.fileIo || kind === 'disk' || memoryAreas.isUsedUp) return COPIED;
    // A memfd is bounded by the host's memory only.
    if (sealed) return { kind: 'mapped' };
    if (!this.#mapsUnsealed) return COPIED;
    return canCopyGuarded() ? { kind: 'mapped', pages: 'always' } : { kind: 'mapped' };
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
    if (!(memory instanceof UnixMemory)) return false;
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
