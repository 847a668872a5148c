# The broker: an ordinary user without privileges, who owns the messages and decides who runs.
{ config, lib, ... }:
let
  cfg = config.services.hyperhive;
  hive = config.environment.etc."hyperhive/hive.json".source;
in
{
  config = lib.mkIf cfg.enable {
    # The template container@.service, which the agents' containers are instances of.
    boot.enableContainers = true;

    systemd.services.hyperhive = {
      description = "Broker of the hive ${cfg.name}";
      wantedBy = [ "multi-user.target" ];
      restartTriggers = [ hive ];

      serviceConfig = {
        ExecStart = lib.escapeShellArgs [
          (lib.getExe cfg.package)
          "serve"
          "/etc/hyperhive/hive.json"
          "--state"
          "/var/lib/hyperhive"
          "--run"
          "/run/hyperhive"
        ];
        Type = "exec";
        User = "hyperhive";
        Group = "hyperhive";

        StateDirectory = "hyperhive";
        StateDirectoryMode = "0750";
        RuntimeDirectory = "hyperhive";
        RuntimeDirectoryMode = "0750";
        # Containers have bound the agents' directories below it: it must outlive the broker.
        RuntimeDirectoryPreserve = true;
        # The root of a container, a stranger here, must pass the directory of its sockets; who gets as
        # far as that directory is decided by the mode above.
        UMask = "0022";

        Restart = "on-failure";
        RestartSec = "1s";
        RestartSteps = 5;
        RestartMaxDelaySec = "30s";
        # Wrong input (2) does not get better by itself.
        RestartPreventExitStatus = 2;
        TimeoutStopSec = "30s";
        # Two sockets an agent.
        LimitNOFILE = 65536;

        AmbientCapabilities = "";
        CapabilityBoundingSet = "";
        LockPersonality = true;
        NoNewPrivileges = true;
        PrivateDevices = true;
        PrivateTmp = true;
        ProcSubset = "pid";
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        ProtectSystem = "strict";
        RemoveIPC = true;
        # Unix sockets alone: nothing listens on the network. No PrivateUsers: the uid of whoever
        # connects says which agent it is, and would show as nobody.
        RestrictAddressFamilies = [ "AF_UNIX" ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        SystemCallErrorNumber = "EPERM";
        SystemCallFilter = [
          "@system-service"
          "~@privileged"
          "~@resources"
        ];
      };
    };
  };
}
