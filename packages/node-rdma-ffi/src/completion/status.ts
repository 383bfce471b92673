/** `IBV_WC_*`: how a work request ended. */
export const CompletionStatus = {
  SUCCESS: 0,
  LOC_LEN_ERR: 1,
  LOC_QP_OP_ERR: 2,
  LOC_EEC_OP_ERR: 3,
  LOC_PROT_ERR: 4,
  WR_FLUSH_ERR: 5,
  MW_BIND_ERR: 6,
  BAD_RESP_ERR: 7,
  LOC_ACCESS_ERR: 8,
  REM_INV_REQ_ERR: 9,
  REM_ACCESS_ERR: 10,
  REM_OP_ERR: 11,
  RETRY_EXC_ERR: 12,
  RNR_RETRY_EXC_ERR: 13,
  LOC_RDD_VIOL_ERR: 14,
  REM_INV_RD_REQ_ERR: 15,
  REM_ABORT_ERR: 16,
  INV_EECN_ERR: 17,
  INV_EEC_STATE_ERR: 18,
  FATAL_ERR: 19,
  RESP_TIMEOUT_ERR: 20,
  GENERAL_ERR: 21,
  TM_ERR: 22,
  TM_RNDV_INCOMPLETE: 23,
} as const;

/** `IBV_WC_*`: what a completed work request was. Of a failed one it means nothing. */
export const CompletionOpcode = {
  SEND: 0,
  RDMA_WRITE: 1,
  RDMA_READ: 2,
  RECV: 128,
  RECV_RDMA_WITH_IMM: 129,
} as const;

const meanings: Readonly<Record<keyof typeof CompletionStatus, string>> = {
  SUCCESS: 'done',
  LOC_LEN_ERR: 'the message is longer than the receive buffer, or than a message may be',
  LOC_QP_OP_ERR: 'this queue pair cannot carry out this work request',
  LOC_EEC_OP_ERR: 'this end-to-end context cannot carry out this work request',
  LOC_PROT_ERR:
    'the local memory is not registered with this local key, or not with the needed access',
  WR_FLUSH_ERR: 'the queue pair went to the error state before this work request was carried out',
  MW_BIND_ERR: 'the memory window could not be bound',
  BAD_RESP_ERR: 'the peer answered with an unexpected packet',
  LOC_ACCESS_ERR: 'an incoming write touched local memory without the permission',
  REM_INV_REQ_ERR: 'the peer takes no such request (its receive buffer may be too short)',
  REM_ACCESS_ERR:
    'the memory of the peer is not registered with this remote key, range and permission',
  REM_OP_ERR: 'the peer could not carry out the request',
  RETRY_EXC_ERR:
    'the peer does not answer: it is gone, its queue pair is closed, or the network loses every packet',
  RNR_RETRY_EXC_ERR: 'the peer has posted no receive buffer for too long',
  LOC_RDD_VIOL_ERR: 'the reliable datagram domains differ',
  REM_INV_RD_REQ_ERR: 'the peer takes no reliable datagram request',
  REM_ABORT_ERR: 'the peer gave the operation up',
  INV_EECN_ERR: 'there is no end-to-end context with this number',
  INV_EEC_STATE_ERR: 'the end-to-end context is in the wrong state',
  FATAL_ERR: 'the adapter failed',
  RESP_TIMEOUT_ERR: 'the answer took too long',
  GENERAL_ERR: 'the transport failed',
  TM_ERR: 'tag matching failed',
  TM_RNDV_INCOMPLETE: 'the rendezvous was not completed',
};

const texts: readonly string[] = Object.entries(meanings).map(
  ([name, meaning]) => `${meaning} (IBV_WC_${name})`,
);

/** What a completion status means, in words, with its C name. */
export function completionStatusText(status: number): string {
  return texts[status] ?? `unknown completion status ${status}`;
}
