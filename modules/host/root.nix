# What runs before each start of an agent's container, and has to succeed: it takes away what the
# container's root may have left in its file system for the host's root to follow.
{ config, lib, ... }:
let
  cfg = config.services.hyperhive;
in
{
  config = lib.mkIf cfg.enable {
    systemd.services."hyperhive-root@" = {
      description = "File system of the container %i in the hive ${cfg.name}";
      # Its container needs it, and would stop with it.
      restartIfChanged = false;
      # A container is started again however often it fails.
      startLimitIntervalSec = 0;

      serviceConfig = import ./hardening.nix // {
        ExecStart = "${lib.getExe cfg.package} container-root %i";
        Type = "oneshot";
        TimeoutStartSec = "30s";
        # Whether the host's resolv.conf is copied, as the container's own unit reads it.
        EnvironmentFile = "-/etc/nixos-containers/%i.conf";

        CapabilityBoundingSet = [
          # What it makes belongs to the container, in directories that belong to it (and are sticky).
          "CAP_CHOWN"
          "CAP_DAC_OVERRIDE"
          "CAP_FOWNER"
        ];
        SystemCallFilter = [
          "@system-service"
          "~@privileged"
          "~@resources"
          "@chown"
        ];
        # This one and no other; before its first start there is none.
        ReadWritePaths = [ "-/var/lib/nixos-containers/%i" ];
      };
    };
  };
}
