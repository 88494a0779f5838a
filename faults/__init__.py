"""The promises of docs/alerting.md, each measured: real processes, real kills, real servers."""
