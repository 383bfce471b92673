import type { CommandHandler } from '../commands/handler.js';
import type { ControllerState } from '../controller-state.js';
import { STATUS } from '../status.js';
import { ALL_NAMESPACES, NAMESPACE_ID } from '../storage/namespace.js';
import { flushed } from './durability.js';

/** Flush (NVM Express 1.4, 6.8). */
export function flush({ namespace }: ControllerState): CommandHandler {
  return {
    check({ namespaceId }) {
      const exists = namespaceId === NAMESPACE_ID || namespaceId === ALL_NAMESPACES;
      return exists ? STATUS.SUCCESS : STATUS.INVALID_NAMESPACE_OR_FORMAT;
    },
    perform: () => flushed(namespace.storage),
  };
}
