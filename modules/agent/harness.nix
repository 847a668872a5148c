# The harness: a small program of the container's root that runs one claude process a turn. Each turn is
# a transient unit of its own, started over the service manager's bus, so what is closed to the harness
# here says nothing about claude.
{ config, lib, ... }:
let
  cfg = config.hyperhive.agent;
in
{
  config = lib.mkIf cfg.enable {
    systemd.services.hyperhive-harness = {
      description = "Harness of agent ${cfg.name}";
      wantedBy = [ "multi-user.target" ];
      after = [
        # It needs the bus to end its turn: at a shutdown the bus goes last.
        "dbus.service"
        "network.target"
      ];

      # claude and its tools get it too: what the agent has installed.
      environment.PATH = lib.mkForce "/run/current-system/sw/bin";
      # It reads its settings once.
      restartTriggers = [ config.environment.etc."hyperhive/agent.json".source ];
      # An agent without its harness is of no use: never give up.
      startLimitIntervalSec = 0;

      serviceConfig = {
        ExecStart = "${lib.getExe cfg.package} harness /etc/hyperhive/agent.json";
        # It ends its turn itself; one that is killed cannot, and claude would go on without it. Not
        # by BindsTo= in the turn's unit, which would also end claude before the harness at every stop.
        ExecStopPost = "-${config.systemd.package}/bin/systemctl kill --signal=SIGKILL hyperhive-turn-*.service";
        Type = "exec";
        # Where it keeps the files of the turn that runs.
        RuntimeDirectory = "hyperhive-harness";
        ImportCredential = map (variable: "hyperhive.${variable}") cfg.credentials;

        Restart = "always";
        RestartSec = "1s";
        RestartSteps = 5;
        RestartMaxDelaySec = "30s";
        # It ends a running turn first, and tells the broker.
        TimeoutStopSec = "30s";
        KillMode = "control-group";
        OOMScoreAdjust = -500;

        # The host gives the directory of sockets, and what is in it, to this group.
        SupplementaryGroups = [ "agent" ];

        # Root, to start units; of root's powers it needs to own files to the agent and to end its processes.
        CapabilityBoundingSet = [
          "CAP_CHOWN"
          "CAP_DAC_OVERRIDE"
          "CAP_FOWNER"
          "CAP_KILL"
        ];
        LockPersonality = true;
        NoNewPrivileges = true;
        PrivateTmp = true;
        ProtectHome = true;
        ProtectSystem = "strict";
        ReadWritePaths = [
          "/claude"
          "/state"
        ];
        RestrictAddressFamilies = [ "AF_UNIX" ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        SystemCallArchitectures = "native";
        SystemCallFilter = [ "@system-service" ];
      };
    };
  };
}
