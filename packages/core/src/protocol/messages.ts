import type {
  Acknowledge,
  ArgszOnly,
  DeviceFeature,
  DeviceInfo,
  DmaData,
  DmaFault,
  DmaMap,
  DmaRead,
  DmaUnmap,
  DmaUnmapReply,
  DoorbellSignal,
  IndexRequest,
  Interrupt,
  IrqInfo,
  KeepAlive,
  MigData,
  MigDataRead,
  PushRules,
  RegionAccess,
  RegionData,
  RegionInfo,
  RegionIoFds,
  RegionIoFdsRequest,
  RegionWriteMulti,
  RegionWriteMultiReply,
  SetIrqs,
  Version,
} from './bodies.js';
import type { Command, ExtensionCommand } from './enums.js';

export type * from './bodies.js';

/** Body of a request, by command number. */
export interface RequestBodies {
  [Command.VERSION]: Version;
  [Command.DMA_MAP]: DmaMap;
  [Command.DMA_UNMAP]: DmaUnmap;
  [Command.DEVICE_GET_INFO]: ArgszOnly;
  [Command.DEVICE_GET_REGION_INFO]: IndexRequest;
  [Command.DEVICE_GET_REGION_IO_FDS]: RegionIoFdsRequest;
  [Command.DEVICE_GET_IRQ_INFO]: IndexRequest;
  [Command.DEVICE_SET_IRQS]: SetIrqs;
  [Command.REGION_READ]: RegionAccess;
  [Command.REGION_WRITE]: RegionData;
  [Command.DMA_READ]: DmaRead;
  [Command.DMA_WRITE]: DmaData;
  [Command.DEVICE_RESET]: undefined;
  [Command.REGION_WRITE_MULTI]: RegionWriteMulti;
  [Command.DEVICE_FEATURE]: DeviceFeature;
  [Command.MIG_DATA_READ]: MigDataRead;
  [Command.MIG_DATA_WRITE]: MigData;
  [ExtensionCommand.INTERRUPT]: Interrupt;
  [ExtensionCommand.DOORBELL]: DoorbellSignal;
  [ExtensionCommand.KEEP_ALIVE]: KeepAlive;
  [ExtensionCommand.ACKNOWLEDGE]: Acknowledge;
  [ExtensionCommand.PUSH_RULES]: PushRules;
  [ExtensionCommand.DMA_FAULT]: DmaFault;
}

/**
 * Body of a success reply, by command number. `undefined`: the header alone. A REGION_READ or
 * REGION_WRITE of nothing is answered by the header alone too. DMA_WRITE replies come in three
 * shapes in the field (nothing, 12 and 16 bytes), all decoded; ours has 16.
 */
export interface ReplyBodies {
  [Command.VERSION]: Version;
  [Command.DMA_MAP]: undefined;
  [Command.DMA_UNMAP]: DmaUnmapReply;
  [Command.DEVICE_GET_INFO]: DeviceInfo;
  [Command.DEVICE_GET_REGION_INFO]: RegionInfo;
  [Command.DEVICE_GET_REGION_IO_FDS]: RegionIoFds;
  [Command.DEVICE_GET_IRQ_INFO]: IrqInfo;
  [Command.DEVICE_SET_IRQS]: undefined;
  [Command.REGION_READ]: RegionData | undefined;
  [Command.REGION_WRITE]: RegionAccess | undefined;
  [Command.DMA_READ]: DmaData;
  [Command.DMA_WRITE]: DmaRead | undefined;
  [Command.DEVICE_RESET]: undefined;
  [Command.REGION_WRITE_MULTI]: RegionWriteMultiReply;
  [Command.DEVICE_FEATURE]: DeviceFeature;
  [Command.MIG_DATA_READ]: MigData;
  [Command.MIG_DATA_WRITE]: undefined;
  [ExtensionCommand.INTERRUPT]: undefined;
  [ExtensionCommand.DOORBELL]: undefined;
  [ExtensionCommand.KEEP_ALIVE]: undefined;
  [ExtensionCommand.ACKNOWLEDGE]: undefined;
  [ExtensionCommand.PUSH_RULES]: undefined;
  [ExtensionCommand.DMA_FAULT]: undefined;
}

export type KnownCommand = keyof RequestBodies;

/** A decoded message. Bodies borrow from the frame: valid until the handler returns. */
export type Message = RequestMessage | ReplyMessage | ErrorMessage | MalformedMessage;

export type RequestMessage = {
  [C in KnownCommand]: {
    readonly kind: 'request';
    readonly command: C;
    readonly id: number;
    readonly noReply: boolean;
    readonly body: RequestBodies[C];
  };
}[KnownCommand];

export type ReplyMessage = {
  [C in KnownCommand]: {
    readonly kind: 'reply';
    readonly command: C;
    readonly id: number;
    readonly body: ReplyBodies[C];
  };
}[KnownCommand];

/** The peer refused a request. `errno` is a Linux number; 0 when the peer gave none. */
export interface ErrorMessage {
  readonly kind: 'error';
  readonly command: number;
  readonly id: number;
  readonly errno: number;
  /** Error text, where the encoding carries one. */
  readonly text?: string | undefined;
}

/**
 * A complete frame with an invalid message: unknown command, payload too short, argsz below the
 * minimum. A request is answered with `errno`; the connection stays usable.
 */
export interface MalformedMessage {
  readonly kind: 'malformed';
  /** Whether it is a request, which gets an error reply. */
  readonly isRequest: boolean;
  readonly command: number;
  readonly id: number;
  readonly noReply: boolean;
  readonly errno: number;
  readonly reason: string;
}
