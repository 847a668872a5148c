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
      # The manager's container has both bound: below one it writes, in what reconcile makes for it, and
      # below the other it reads what the broker has of its proposals.
      "d /var/lib/hyperhive/proposed 0755 root root -"
      "d /var/lib/hyperhive/proposals 1775 root hyperhive -"
      # Containers have what is below it bound, by root: nobody else may put a link there.
      "d /run/hyperhive 0750 root hyperhive -"
      # Each agent's own lies here; who may enter one decides its mode.
      "d /run/hyperhive/agents 0755 root root -"
      "d /run/hyperhive-resolver 0755 root root -"
      # Of nixos-containers; there before the first container, so that reconcile may be confined to them.
      "d /etc/nixos-containers - - - -"
      # What an agent's root leaves there, a setuid program too, is for no other user of the host. The
      # group reads the containers' journals.
      "d /var/lib/nixos-containers 0750 root hyperhive -"
      "d /nix/var/nix/gcroots/per-container - - - -"
      "d /nix/var/nix/profiles/per-container - - - -"
    ];
  };
}
