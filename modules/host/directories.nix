# Directories of the hive, and whose they are. What is an agent's is made by reconcile, which knows the
# agent's uid range.
{ config, lib, ... }:
let
  cfg = config.services.hyperhive;
in
{
  config = lib.mkIf cfg.enable {
    systemd.tmpfiles.rules = [
      # The broker keeps its store here and may neither rename nor remove what is root's (sticky).
      "d /var/lib/hyperhive 1770 root hyperhive -"
      "d /run/hyperhive 0750 hyperhive hyperhive -"
      # Below it each agent's own, which containers have bound; who may enter one decides its mode.
      "d /run/hyperhive/agents 0755 hyperhive hyperhive -"
      "d /run/hyperhive-resolver 0755 root root -"
      # Of nixos-containers; there before the first container, so that reconcile may be confined to them.
      "d /etc/nixos-containers - - - -"
      "d /var/lib/nixos-containers - - - -"
      "d /nix/var/nix/gcroots/per-container - - - -"
      "d /nix/var/nix/profiles/per-container - - - -"
    ];
  };
}
