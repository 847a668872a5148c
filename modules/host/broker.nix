# The broker: an ordinary user without privileges, who owns the messages and decides who runs.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.hyperhive;
in
{
  config = lib.mkIf cfg.enable {
    systemd.services.hyperhive = {
      description = "Broker of the hive ${cfg.name}";
      wantedBy = [ "multi-user.target" ];
      after = [ "dbus.socket" ];
      restartTriggers = [ config.environment.etc."hyperhive/hive.json".source ];
      # A switch restarts it in one step and leaves its sockets open; otherwise it would close them, and
      # whoever connects meanwhile would be refused.
      stopIfChanged = false;
      # It keeps what is proposed in git repositories, for the manager to read.
      path = [ pkgs.git ];

      serviceConfig = import ./hardening.nix // {
        ExecStart = lib.escapeShellArgs [
          (lib.getExe cfg.package)
          "serve"
          "/etc/hyperhive/hive.json"
          "--state"
          "/var/lib/hyperhive"
          "--run"
          "/run/hyperhive"
        ];
        Type = "notify";
        NotifyAccess = "main";
        WatchdogSec = "30s";
        User = "hyperhive";
        Group = "hyperhive";
        # The manager asks it what the journal has of an agent.
        SupplementaryGroups = [ "systemd-journal" ];

        # Neither StateDirectory= nor RuntimeDirectory=: both would give everything below to this user,
        # root's deployments and the agents' directories too, and the second would go with the service,
        # while containers have bound what is in it. tmpfiles makes them (directories.nix).
        ReadWritePaths = [
          # Sockets, in the directories there that are the broker's own.
          "/run/hyperhive/agents"
          "/var/lib/hyperhive"
        ];

        # Calendar clocks are set; what a boot's own clock said is worth something with the boot's id,
        # which lies in /proc/sys.
        ProcSubset = "all";

        Restart = "on-failure";
        RestartSec = "1s";
        RestartSteps = 5;
        RestartMaxDelaySec = "30s";
        # Wrong input (2) does not get better by itself.
        RestartPreventExitStatus = 2;
        # Requests under way are answered before it ends; only the broker itself is told to.
        KillMode = "mixed";
        TimeoutStopSec = "30s";
        # Two sockets an agent.
        LimitNOFILE = 65536;
        # No PrivateUsers=: the uid of whoever connects says which agent it is, and would show as nobody.
      };
    };
  };
}
