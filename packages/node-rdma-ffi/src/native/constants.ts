// Values of <infiniband/verbs.h>. Each group is named after the prefix of its C names, which
// test/structs.test.ts puts in front again to compare the values with the headers.

/** `IBV_ACCESS_*` */
export const Access = {
  LOCAL_WRITE: 1,
  REMOTE_WRITE: 2,
  REMOTE_READ: 4,
  ON_DEMAND: 64,
} as const;

/** `IBV_QPS_*` */
export const QueuePairState = {
  RESET: 0,
  INIT: 1,
  RTR: 2,
  RTS: 3,
  SQD: 4,
  SQE: 5,
  ERR: 6,
} as const;

/** `IBV_QP_*`: which attributes `ibv_modify_qp` is to take. */
export const QueuePairAttribute = {
  STATE: 1,
  ACCESS_FLAGS: 1 << 3,
  PKEY_INDEX: 1 << 4,
  PORT: 1 << 5,
  AV: 1 << 7,
  PATH_MTU: 1 << 8,
  TIMEOUT: 1 << 9,
  RETRY_CNT: 1 << 10,
  RNR_RETRY: 1 << 11,
  RQ_PSN: 1 << 12,
  MAX_QP_RD_ATOMIC: 1 << 13,
  MIN_RNR_TIMER: 1 << 15,
  SQ_PSN: 1 << 16,
  MAX_DEST_RD_ATOMIC: 1 << 17,
  DEST_QPN: 1 << 20,
} as const;

/** `IBV_QPT_*` */
export const QueuePairType = { RC: 2 } as const;

/** `IBV_WR_*` */
export const WorkRequestOpcode = {
  RDMA_WRITE: 0,
  RDMA_WRITE_WITH_IMM: 1,
  SEND: 2,
  SEND_WITH_IMM: 3,
  RDMA_READ: 4,
} as const;

/** `IBV_WC_*`, flags of a completion. */
export const CompletionFlag = { WITH_IMM: 2 } as const;

/** `IBV_MTU_*`: the enumeration starts at 256 bytes and doubles. */
export const Mtu = { 256: 1, 512: 2, 1024: 3, 2048: 4, 4096: 5 } as const;

/** `IBV_PORT_*` */
export const PortState = {
  NOP: 0,
  DOWN: 1,
  INIT: 2,
  ARMED: 3,
  ACTIVE: 4,
  ACTIVE_DEFER: 5,
} as const;

/** `IBV_LINK_LAYER_*` */
export const LinkLayer = { UNSPECIFIED: 0, INFINIBAND: 1, ETHERNET: 2 } as const;

/** `IBV_TRANSPORT_*` */
export const TransportType = {
  IB: 0,
  IWARP: 1,
  USNIC: 2,
  USNIC_UDP: 3,
  UNSPECIFIED: 4,
} as const;

/** `IBV_EVENT_*` */
export const EventType = {
  CQ_ERR: 0,
  QP_FATAL: 1,
  QP_REQ_ERR: 2,
  QP_ACCESS_ERR: 3,
  COMM_EST: 4,
  SQ_DRAINED: 5,
  PATH_MIG: 6,
  PATH_MIG_ERR: 7,
  DEVICE_FATAL: 8,
  PORT_ACTIVE: 9,
  PORT_ERR: 10,
  LID_CHANGE: 11,
  PKEY_CHANGE: 12,
  SM_CHANGE: 13,
  SRQ_ERR: 14,
  SRQ_LIMIT_REACHED: 15,
  QP_LAST_WQE_REACHED: 16,
  CLIENT_REREGISTER: 17,
  GID_CHANGE: 18,
  WQ_FATAL: 19,
} as const;
