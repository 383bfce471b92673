/** How many memory regions lie in a buffer, for those that have any. */
const pins = new WeakMap<ArrayBufferLike, number>();

/** A memory region of this buffer was registered. */
export function pin(buffer: ArrayBufferLike): void {
  pins.set(buffer, (pins.get(buffer) ?? 0) + 1);
}

/** A memory region of this buffer was deregistered. */
export function unpin(buffer: ArrayBufferLike): void {
  pins.set(buffer, (pins.get(buffer) ?? 0) - 1);
}

/** Whether an adapter may still write to this buffer. */
export function isPinned(buffer: ArrayBufferLike): boolean {
  return (pins.get(buffer) ?? 0) > 0;
}
