const LOCKED_MEMORY =
  'the limit of locked memory is likely too low: raise it (ulimit -l, LimitMEMLOCK= of a systemd service, --ulimit memlock= of a container)';
const DEVICE_FILE =
  'the device files /dev/infiniband/uverbs* must be there and open to this user (in a container: pass --device=/dev/infiniband)';
const NO_ROUTE =
  'there is no way from this GID to that of the peer: choose a GID index whose network reaches the peer (RoCE v2 with an IP address, see the ports of probe())';

/** What to do, by verb and name of the errno. */
const advice: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ibv_open_device: { ENOENT: DEVICE_FILE, EACCES: DEVICE_FILE, EPERM: DEVICE_FILE },
  ibv_reg_mr: {
    ENOMEM: LOCKED_MEMORY,
    EAGAIN: LOCKED_MEMORY,
    EFAULT: 'part of the range is not mapped, or not with these permissions',
    EINVAL: 'the device does not take this length or this access',
    EOPNOTSUPP: 'the device does not take this access (on-demand paging needs support)',
  },
  ibv_create_cq: {
    ENOMEM: LOCKED_MEMORY,
    EINVAL: 'the depth must be 1 to the maxCqe of the device',
  },
  ibv_create_qp: {
    ENOMEM: LOCKED_MEMORY,
    EINVAL: 'the device does not offer so many work requests or inline bytes (see maxQpWr)',
  },
  ibv_modify_qp: {
    EINVAL: 'the parameters of the peer do not fit this port, or the order of the states is wrong',
    ETIMEDOUT: NO_ROUTE,
    EHOSTUNREACH: NO_ROUTE,
    ENETUNREACH: NO_ROUTE,
    ENODEV: NO_ROUTE,
  },
  ibv_post_send: {
    ENOMEM: 'the send queue is full: take completions first, or create it with a larger maxSend',
    EINVAL: 'the queue pair is not connected, or the inline data is longer than maxInline',
  },
  ibv_post_recv: {
    ENOMEM: 'the receive queue is full: create it with a larger maxReceive',
    EINVAL: 'the queue pair takes no receive in this state',
  },
};

/** What a person can do about this failure, when that is known. */
export function adviceFor(verb: string, errnoName: string): string | undefined {
  return advice[verb]?.[errnoName];
}
