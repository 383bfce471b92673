/**
 * Delays notifications until the DMA writes issued before them have reached guest memory: on
 * transports where notifications could overtake messages.
 */
export interface NotificationFence {
  /** Nothing to wait for. */
  readonly open: boolean;
  /** Run `action` once every DMA write issued so far is visible; synchronously when open. */
  run(action: () => void): void;
}

/** For transports that keep notifications behind messages. */
export const openFence: NotificationFence = {
  open: true,
  run(action) {
    action();
  },
};
