"""`hyperhive up`: a hive of child processes on one machine, without containers."""
