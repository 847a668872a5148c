"""The broker: scheduler, agent plane and operator plane of one hive."""
