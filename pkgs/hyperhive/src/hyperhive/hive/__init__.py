"""The declared hive: models, names, uid ranges, paths and the rule grammar."""
