import { type Descriptor, VfioUserError } from '@vfio-user/core';
import { NO_DESCRIPTORS } from '@vfio-user/core/internal';
import { FileDescriptor } from '@vfio-user/posix-ffi';

/** The descriptor behind core's opaque one. On failure it is closed. */
export function fileDescriptor(descriptor: Descriptor): FileDescriptor {
  if (descriptor instanceof FileDescriptor) return descriptor;
  descriptor.close();
  throw new VfioUserError(
    'VFU_UNSUPPORTED',
    'this descriptor was made by another transport: a socket can only pass its own kind',
  );
}

/** Those of one message. */
export function fileDescriptors(descriptors: readonly Descriptor[]): readonly FileDescriptor[] {
  return descriptors.length === 0 ? NO_DESCRIPTORS : descriptors.map(fileDescriptor);
}
