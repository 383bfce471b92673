import { Command } from '@vfio-user/core';
import type { Message } from '@vfio-user/core/internal';
import type { TracedAccess } from './traced-message.js';

type Access = Omit<TracedAccess, 'register'>;

const NONE: readonly Access[] = [];

/** The accesses to regions that a message asks for, or answers. */
export function accessesOf(message: Message): readonly Access[] {
  if (message.kind !== 'request' && message.kind !== 'reply') return NONE;
  switch (message.command) {
    case Command.REGION_READ:
      return message.body === undefined ? NONE : [{ ...message.body, isWrite: false }];
    case Command.REGION_WRITE:
      return message.body === undefined ? NONE : [{ ...message.body, isWrite: true }];
    case Command.REGION_WRITE_MULTI:
      return message.kind === 'reply'
        ? NONE
        : message.body.writes.map((write) => ({ ...write, isWrite: true }));
    default:
      return NONE;
  }
}
