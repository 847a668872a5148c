# Notifications: runs the operator's own program when the hive needs the operator. Only where one is
# declared.
{ config, lib, ... }:
let
  cfg = config.services.hyperhive;
in
{
  config = lib.mkIf (cfg.enable && cfg.notify.command != [ ]) {
    # Not the broker's user: what is the operator's own has no business in the broker's files.
    users.groups.hyperhive-notify = { };
    users.users.hyperhive-notify = {
      description = "hyperhive's notifications";
      group = "hyperhive-notify";
      isSystemUser = true;
    };

    systemd.services.hyperhive-notify = {
      description = "Notifications of the hive ${cfg.name}";
      wantedBy = [ "multi-user.target" ];
      wants = [
        "hyperhive.socket"
        "network-online.target"
      ];
      after = [
        "hyperhive.socket"
        "network-online.target"
      ];
      restartTriggers = [ config.environment.etc."hyperhive/hive.json".source ];
      # It never gives up: what the operator does not hear of, nobody mends.
      startLimitIntervalSec = 0;

      serviceConfig = import ./hardening.nix // {
        ExecStart = "${lib.getExe cfg.package} notify /etc/hyperhive/hive.json";
        Type = "notify";
        NotifyAccess = "main";
        User = "hyperhive-notify";
        Group = "hyperhive-notify";
        # The operator's socket.
        SupplementaryGroups = [ "hyperhive" ];
        StateDirectory = "hyperhive-notify";
        StateDirectoryMode = "0700";

        # The program tells the world: wherever that is, over IPv4 or IPv6.
        IPAddressDeny = "";
        PrivateNetwork = false;
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_UNIX"
        ];

        Restart = "always";
        RestartSec = "1s";
        RestartSteps = 5;
        RestartMaxDelaySec = "30s";
        TimeoutStopSec = "10s";
      };
    };
  };
}
