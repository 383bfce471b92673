import type { CommandHandler } from '../commands/handler.js';
import { gather, scatter } from '../commands/pieces.js';
import type { ControllerState } from '../controller-state.js';
import { STATUS } from '../status.js';
import { ALL_NAMESPACES, NAMESPACE_ID } from '../storage/namespace.js';
import { TEMPERATURE_OVER_THRESHOLD } from './async-events.js';
import { FEATURE } from './constants.js';
import { TIMESTAMP_BYTES } from './timestamp.js';

/** Which value Get Features asks for (SEL). */
const SELECT = { CURRENT: 0, DEFAULT: 1, SAVED: 2, CAPABILITIES: 3 } as const;

/** Supported capabilities, as Get Features returns them. */
const CHANGEABLE = 1 << 2;
const NAMESPACE_SPECIFIC = 1 << 1;

const SAVE = 1 << 31;
/** Temperature warnings, in the asynchronous event configuration. */
const REPORT_TEMPERATURE = 1 << 1;

/** Set Features (NVM Express 1.4, 5.21). */
export function setFeatures(state: ControllerState): CommandHandler {
  const { features, queues, timestamp, events } = state;
  return {
    check(command) {
      const id = command.dword(10) & 0xff;
      const info = features.info(id);
      if (info === undefined) return STATUS.INVALID_FIELD_IN_COMMAND;
      if ((command.dword(10) & SAVE) !== 0) return STATUS.FEATURE_IDENTIFIER_NOT_SAVEABLE;
      if (info.isNamespaceSpecific === true) {
        if (command.namespaceId !== NAMESPACE_ID && command.namespaceId !== ALL_NAMESPACES) {
          return STATUS.INVALID_NAMESPACE_OR_FORMAT;
        }
      } else if (command.namespaceId !== 0 && command.namespaceId !== ALL_NAMESPACES) {
        return STATUS.FEATURE_NOT_NAMESPACE_SPECIFIC;
      }
      if (id === FEATURE.NUMBER_OF_QUEUES && queues.completion.length > 1) {
        return STATUS.COMMAND_SEQUENCE_ERROR; // fixed once an I/O queue exists
      }
      if (id === FEATURE.TIMESTAMP) command.dataLength = TIMESTAMP_BYTES;
      return features.check(id, command.dword(11));
    },
    perform(command, data) {
      const id = command.dword(10) & 0xff;
      if (id === FEATURE.TIMESTAMP) {
        timestamp.set(new DataView(gather(data, TIMESTAMP_BYTES).buffer));
        return STATUS.SUCCESS;
      }
      command.result = features.set(id, command.dword(11));
      const reports = (features.asyncEventConfiguration & REPORT_TEMPERATURE) !== 0;
      if (reports && features.isTemperatureCritical) events.raise(TEMPERATURE_OVER_THRESHOLD);
      return STATUS.SUCCESS;
    },
  };
}

/** Get Features (NVM Express 1.4, 5.13). */
export function getFeatures({ features, timestamp }: ControllerState): CommandHandler {
  return {
    check(command) {
      const id = command.dword(10) & 0xff;
      const select = (command.dword(10) >>> 8) & 7;
      if (features.info(id) === undefined || select > SELECT.CAPABILITIES) {
        return STATUS.INVALID_FIELD_IN_COMMAND;
      }
      if (select === SELECT.CAPABILITIES) return STATUS.SUCCESS;
      if (id === FEATURE.TIMESTAMP) command.dataLength = TIMESTAMP_BYTES;
      return features.checkSelector(id, command.dword(11));
    },
    perform(command, data) {
      const id = command.dword(10) & 0xff;
      const dword = command.dword(11);
      switch ((command.dword(10) >>> 8) & 7) {
        case SELECT.CAPABILITIES: {
          const isNamespaceSpecific = features.info(id)?.isNamespaceSpecific === true;
          command.result = CHANGEABLE | (isNamespaceSpecific ? NAMESPACE_SPECIFIC : 0);
          break;
        }
        case SELECT.CURRENT:
          command.result = features.current(id, dword);
          if (id === FEATURE.TIMESTAMP) scatter(timestamp.encode(), data);
          break;
        default:
          // Nothing can be saved, so the saved value is the default.
          command.result = features.initial(id, dword);
          if (id === FEATURE.TIMESTAMP) scatter(new Uint8Array(TIMESTAMP_BYTES), data);
      }
      return STATUS.SUCCESS;
    },
  };
}
