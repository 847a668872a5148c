"""Makes the host match the declared hive: directories, definitions, systems, containers."""
