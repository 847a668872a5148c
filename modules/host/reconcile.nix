# What makes the host match the declared hive, at boot and at each switch: directories, containers and
# their systems. hyperhive-deploy@NAME.service does the same for one agent, hyperhive-deploy@ID.service
# what the operator approved; the broker may start both.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.hyperhive;

  # The one unit with root's powers. What it keeps of them, and why:
  serviceConfig = import ./hardening.nix // {
    Type = "oneshot";
    # What it is building, in `systemctl status`.
    NotifyAccess = "main";
    # Systems are built here; each build has a limit of its own. A switch waits, and says what failed.
    TimeoutStartSec = "infinity";
    # A build that is told to end takes its time; what it did not finish, the next run does.
    TimeoutStopSec = "90s";
    KillMode = "mixed";

    CapabilityBoundingSet = [
      # State is given to the agents' uid ranges, through directories that belong to them.
      "CAP_CHOWN"
      "CAP_DAC_OVERRIDE"
      "CAP_FOWNER"
      # A socket directory's group is none of root's own; its setgid bit must stay all the same.
      "CAP_FSETID"
      # NixOS makes /var/empty immutable, in a container that is purged too.
      "CAP_LINUX_IMMUTABLE"
      # A running container takes up a new system by itself: systemd-run enters its namespaces to ask.
      "CAP_SYS_ADMIN"
      "CAP_SYS_CHROOT"
    ];
    RestrictNamespaces = [
      "mnt"
      "net"
      "pid"
      "user"
    ];
    SystemCallFilter = [
      "@system-service"
      "~@privileged"
      "~@resources"
      "@chown"
      "@setuid"
      "chroot"
    ];
    # Nix evaluates here and fetches what a flake names; its daemon builds. It wants a large stack.
    IPAddressDeny = "";
    LimitSTACK = "64M";
    PrivateNetwork = false;
    RestrictAddressFamilies = [
      "AF_INET"
      "AF_INET6"
      "AF_NETLINK"
      "AF_UNIX"
    ];
    # The setgid bit of the agents' socket directories.
    RestrictSUIDSGID = false;
    # Confs and directories are read by others: systemd, containers, operators.
    UMask = "0022";

    CacheDirectory = "hyperhive-reconcile";
    CacheDirectoryMode = "0700";
    ReadWritePaths = [
      "/etc/nixos-containers"
      "/nix/var/nix/gcroots/per-container"
      "/nix/var/nix/profiles/per-container"
      "/run/hyperhive"
      "/run/systemd/system"
      "/var/lib/hyperhive"
      "/var/lib/nixos-containers"
    ];
  };

  unit = {
    after = [
      "hyperhive-firewall.service"
      "hyperhive-resolver.service"
      "hyperhive.service"
      "local-fs.target"
      "network-online.target"
      "nix-daemon.socket"
    ];
    wants = [
      "hyperhive.service"
      "network-online.target"
      "nix-daemon.socket"
    ];
    path = [
      config.nix.package
      config.systemd.package
      pkgs.git
    ];
    environment = {
      # Nix's caches; root's own home is closed.
      HOME = "/var/cache/hyperhive-reconcile";
      # Root would open the store itself, and build in this unit.
      NIX_REMOTE = "daemon";
    };
  };
in
{
  config = lib.mkIf cfg.enable {
    systemd.services.hyperhive-reconcile = unit // {
      description = "Containers of the hive ${cfg.name}";
      wantedBy = [ "multi-user.target" ];
      restartTriggers = [ config.environment.etc."hyperhive/hive.json".source ];
      startLimitIntervalSec = 0;
      serviceConfig = serviceConfig // {
        ExecStart = "${lib.getExe cfg.package} reconcile";
        # Only while the broker does not say what is wanted (3): nobody else would start the hive later.
        # Somebody has to look at what else fails (1), at wrong input (2), and at what killed a run; a
        # system that does not build is not built again and again. Before systemd 256 a oneshot cannot
        # have RestartForceExitStatus=.
        Restart = "on-failure";
        RestartPreventExitStatus = "1 2 SIGABRT SIGKILL SIGTERM";
        RestartSec = "5s";
        RestartSteps = 5;
        RestartMaxDelaySec = "5min";
      };
    };

    systemd.services."hyperhive-deploy@" = unit // {
      description = "Deployment of %i in the hive ${cfg.name}";
      serviceConfig = serviceConfig // {
        ExecStart = "${lib.getExe cfg.package} deploy %i";
        # What was killed left something half done, which the next start completes or puts back; what is
        # cut short again and again it gives up. What failed has put everything back, and what the broker
        # could not be told, it asks for again.
        Restart = "on-abnormal";
        RestartSec = "2s";
        # The approval failed, and the broker knows: of the unit there is nothing to be mended.
        SuccessExitStatus = 4;
      };
    };
  };
}
