/** What the command's exit status means. */
export const ExitCode = {
  OK: 0,
  /** Something failed while running. */
  FAILURE: 1,
  /** The command line or a device setting is wrong; nothing was started. */
  USAGE: 2,
  /** Ended at once by a second SIGINT (128 + 2). */
  INTERRUPTED: 130,
} as const;
