/**
 * Holds notifications back until the DMA writes issued before them have reached guest memory: on a
 * transport whose notifications do not travel behind its messages they would overtake.
 */
export interface NotificationFence {
  /** Nothing to wait for: notify at once. */
  readonly open: boolean;
  /** Run `action` once every DMA write issued so far is visible; at once when open. */
  run(action: () => void): void;
}

/** For transports on which nothing can be overtaken. */
export const openFence: NotificationFence = {
  open: true,
  run(action) {
    action();
  },
};
