# What the agents' containers have in common on their host; what is one container's own is in the conf
# and the drop-in that reconcile writes.
{ config, lib, ... }:
let
  cfg = config.services.hyperhive;
  conf = "/etc/nixos-containers/%i.conf";
in
{
  config = lib.mkIf cfg.enable {
    # The template container@.service, which the agents' containers are instances of.
    boot.enableContainers = true;

    # nixos-containers starts a container without a conf too: on the host's network, with the host's
    # root, in the tree that is there. A destroyed agent's tree is kept, and the agent wrote it.
    systemd.services."container@" = {
      # A start fails, and the journal says so. A container that the host declares has such a conf.
      unitConfig.AssertPathExists = conf;
      # The conf may go while the unit starts: each of its programs reads it, and none runs without it.
      # A list, which stands beside the optional one of nixos-containers.
      serviceConfig.EnvironmentFile = [ conf ];
    };

    # Containers are part of it, in their drop-ins: when it goes, with the module or by hand, they end.
    systemd.targets.hyperhive-containers = {
      description = "Containers of the hive ${cfg.name}";
      wantedBy = [ "multi-user.target" ];
    };
  };
}
