// Writes down what a relay lets pass.

import type { Descriptor, Frame } from '@vfio-user/core';
import { FileDescriptor, identifyFile, isEventFd } from '@vfio-user/posix-ffi';
import type { RelayObserver, RelaySide } from '@vfio-user/trace';
import type { RecordedDescriptor, RecordedMessage } from '@vfio-user/transport-testing';

export class Recorder implements RelayObserver {
  readonly messages: RecordedMessage[] = [];
  /** Resolves when both sides have left. */
  readonly ended: Promise<void>;
  readonly #files: string[] = [];
  #begin: number | undefined;
  #resolveEnded: () => void = () => {};

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  onFrame(sender: RelaySide, { bytes, start, length, descriptors }: Frame): void {
    const now = performance.now();
    this.#begin ??= now;
    const message = {
      t: Math.round((now - this.#begin) * 100) / 100,
      from: sender,
      bytes: Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('hex'),
    };
    const described = descriptors.map((descriptor) => this.#describe(descriptor));
    this.messages.push(described.length === 0 ? message : { ...message, descriptors: described });
  }

  onEnd(): void {
    this.#resolveEnded();
  }

  #describe(descriptor: Descriptor): RecordedDescriptor {
    if (!(descriptor instanceof FileDescriptor)) {
      throw new TypeError('only descriptors of an AF_UNIX socket can be recorded');
    }
    if (isEventFd(descriptor)) return { kind: 'event' };
    const { device, inode, size } = identifyFile(descriptor);
    return { kind: 'memory', size: Number(size), file: this.#fileNumber(`${device}:${inode}`) };
  }

  /** The same number for the same memory, which may be passed more than once. */
  #fileNumber(name: string): number {
    const known = this.#files.indexOf(name);
    return known >= 0 ? known : this.#files.push(name) - 1;
  }
}
