# The container itself. What isolates it is the host's; here is what NixOS needs to run inside.
{ config, lib, ... }:
let
  cfg = config.hyperhive.agent;
  private = cfg.network == "private";
in
{
  config = lib.mkIf cfg.enable {
    boot.isNspawnContainer = true;

    # Where the host keeps the name servers that lead out of a private network; it changes them there
    # while the container runs.
    environment.etc."resolv.conf" = lib.mkIf private {
      source = "/run/hyperhive-resolver/resolv.conf";
    };

    networking = {
      # Nobody else is to write that file.
      resolvconf.enable = lib.mkIf private false;
      useHostResolvConf = lib.mkIf private false;

      hostName = "h-${cfg.name}";
      # The container's start script sets the addresses.
      useDHCP = false;
      # On the host's network this would be the host's firewall, and without one there is nothing to filter.
      firewall.enable = lib.mkDefault private;
    };

    # An agent builds through the host's daemon, as the untrusted user that it is there.
    nix.settings.experimental-features = lib.mkDefault [
      "nix-command"
      "flakes"
    ];

    # What happened outlives the container's restarts, on the host's disk: so not without limit.
    services.journald.storage = "persistent";
    services.journald.extraConfig = ''
      SystemMaxUse=200M
    '';
    # Memory is limited from outside, and what runs out of it is a turn's own unit.
    systemd.oomd.enable = lib.mkDefault false;

    documentation.enable = lib.mkDefault false;
    security.sudo.enable = lib.mkDefault false;
    system.stateVersion = cfg.stateVersion;
  };
}
