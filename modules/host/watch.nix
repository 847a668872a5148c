# The watch: tells the broker what becomes of the agents' containers, with the last lines of one that
# crashed.
{ config, lib, ... }:
let
  cfg = config.services.hyperhive;
in
{
  config = lib.mkIf cfg.enable {
    systemd.services.hyperhive-watch = {
      description = "Watch over the containers of the hive ${cfg.name}";
      wantedBy = [ "multi-user.target" ];
      wants = [ "hyperhive.socket" ];
      after = [
        "dbus.socket"
        "hyperhive.socket"
      ];
      # It never gives up: a crash that nobody hears of is one that nobody mends.
      startLimitIntervalSec = 0;

      serviceConfig = import ./hardening.nix // {
        ExecStart = "${lib.getExe cfg.package} watch";
        Type = "notify";
        NotifyAccess = "main";
        WatchdogSec = "30s";
        User = "hyperhive";
        Group = "hyperhive";
        # The journal of a container that crashed.
        SupplementaryGroups = [ "systemd-journal" ];
        # The journal's reader asks the kernel for the boot's id, in /proc/sys.
        ProcSubset = "all";

        Restart = "always";
        RestartSec = "1s";
        RestartSteps = 5;
        RestartMaxDelaySec = "30s";
        TimeoutStopSec = "10s";
      };
    };
  };
}
