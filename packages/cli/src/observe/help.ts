/** `--metrics`, as `--help` says it. */
export const METRICS_HELP = 'serve metrics for Prometheus at http://<host:port>/metrics';
