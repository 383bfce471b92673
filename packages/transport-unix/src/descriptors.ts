import { type Descriptor, VfioUserError } from '@vfio-user/core';
import { FileDescriptor } from '@vfio-user/posix-ffi';

/** The descriptor behind core's opaque one. On failure it is closed. */
export function fileDescriptor(descriptor: Descriptor): FileDescriptor {
  if (descriptor instanceof FileDescriptor) return descriptor;
  descriptor.close();
  throw new VfioUserError(
    'VFU_UNSUPPORTED',
    'this descriptor was made by another transport: an AF_UNIX socket can only pass its own kind',
  );
}

export function closeAll(descriptors: readonly Descriptor[]): void {
  for (const descriptor of descriptors) descriptor.close();
}
