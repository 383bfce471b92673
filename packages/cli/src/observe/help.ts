/** `--metrics`, as `--help` says it. */
export const METRICS_HELP =
  'serve metrics for Prometheus at http://<host:port>/metrics; host:port?host=<name> adds a name by which they may be asked for';
