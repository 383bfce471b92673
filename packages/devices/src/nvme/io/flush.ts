import type { Command } from '../commands/command.js';
import type { CommandHandler } from '../commands/handler.js';
import type { ControllerState } from '../controller-state.js';
import { STATUS, type Status } from '../status.js';
import { ALL_NAMESPACES, NAMESPACE_ID } from '../storage/namespace.js';
import { flushed } from './durability.js';

/** Flush (NVM Express 1.4, 6.8). */
export class Flush implements CommandHandler {
  readonly #state: ControllerState;

  constructor(state: ControllerState) {
    this.#state = state;
  }

  check({ namespaceId }: Command): Status {
    const exists = namespaceId === NAMESPACE_ID || namespaceId === ALL_NAMESPACES;
    return exists ? STATUS.SUCCESS : STATUS.INVALID_NAMESPACE_OR_FORMAT;
  }

  perform(): Status | Promise<Status> {
    return flushed(this.#state.namespace.storage);
  }
}
