# Retention: what is too old is removed at boot and hourly. The broker does it; this asks for it.
{ config, lib, ... }:
let
  cfg = config.services.hyperhive;
in
{
  config = lib.mkIf cfg.enable {
    systemd.timers.hyperhive-vacuum = {
      description = "Hourly retention of the hive ${cfg.name}";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnBootSec = "2min";
        OnCalendar = "hourly";
        RandomizedDelaySec = "2min";
      };
    };

    systemd.services.hyperhive-vacuum = {
      description = "Retention of the hive ${cfg.name}";
      after = [ "hyperhive.service" ];

      serviceConfig = import ./hardening.nix // {
        ExecStart = "${lib.getExe cfg.package} vacuum";
        Type = "oneshot";
        User = "hyperhive";
        Group = "hyperhive";
        TimeoutStartSec = "30min";
      };
    };
  };
}
