# The container itself. What isolates it is the host's; here is what NixOS needs to run inside.
{
  config,
  lib,
  options,
  ...
}:
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

    # Who may build does so through the host's daemon, as the untrusted user that it is there; nobody
    # else has a use for Nix. The system is built and put here by the host, and switching runs no Nix.
    nix.enable = lib.mkDefault cfg.nixDaemon;
    nix.settings = lib.mkIf config.nix.enable {
      experimental-features = lib.mkDefault [
        "nix-command"
        "flakes"
      ];
    };

    # What happened outlives the container's restarts, on the host's disk: so not without limit.
    # NixOS 26.11 has settings, and neither of what 26.05 has.
    services.journald =
      if options.services.journald ? settings then
        {
          settings.Journal = {
            Storage = "persistent";
            SystemMaxUse = "200M";
          };
        }
      else
        {
          storage = "persistent";
          extraConfig = ''
            SystemMaxUse=200M
          '';
        };
    # Memory is limited from outside, and what runs out of it is a turn's own unit.
    systemd.oomd.enable = lib.mkDefault false;

    documentation.enable = lib.mkDefault false;
    security.sudo.enable = lib.mkDefault false;
    system.stateVersion = cfg.stateVersion;
  };
}
