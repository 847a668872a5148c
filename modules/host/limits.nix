# What an agent may use at most: options of every agent, and of the spawned ones together.
{ lib }:
let
  inherit (lib) mkOption types;

  orNone =
    type: attributes:
    mkOption (
      {
        type = types.nullOr type;
        default = null;
      }
      // attributes
    );
in
{
  memory = orNone types.str {
    example = "4G";
    description = "Memory of the whole container (systemd's `MemoryMax=`); null: no limit.";
  };
  cpu = orNone types.str {
    example = "200%";
    description = "Processor time of the whole container (systemd's `CPUQuota=`); `100%` is one processor; null: no limit.";
  };
  tasks = orNone (types.ints.between 64 4194304) {
    default = 512;
    description = "Processes and threads of the whole container (systemd's `TasksMax=`); null: no limit.";
  };
  turnSeconds = mkOption {
    type = types.ints.between 1 604800;
    default = 3600;
    example = 1800;
    description = "Seconds after which a turn is ended.";
  };
  questionSeconds = mkOption {
    type = types.ints.between 10 2592000;
    default = 86400;
    example = 3600;
    description = ''
      Seconds that a question of the agent's stays open at most; then the agent is told that it
      expired.
    '';
  };
}
